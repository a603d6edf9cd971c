// One request, its check and its tags. Every answer that is not one of those that are right fails the test.

import { check } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';

export const BASE = (__ENV.BASE_URL || 'http://127.0.0.1:8080').replace(/\/$/, '');
// Where this machine is a trusted proxy: everybody is told to have an address of their own.
const FORWARDED = __ENV.FORWARDED === 'yes';

/** The address that this iteration claims; empty where nobody would believe it. */
function claimed() {
  if (!FORWARDED) return {};
  const n = exec.vu.idInTest * 4096 + (exec.vu.iterationInInstance % 4096);
  return { 'X-Forwarded-For': `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}` };
}

/**
 * What `http.batch` takes: `expected` is one status or several; `kind` says what an answer waits for, which is what
 * limits of time are for: `page` nothing, `redis` a decision, `row` Postgres, too, and `hash` a password.
 */
export function request(name, kind, method, path, expected, { body = null, headers = {}, base = BASE } = {}) {
  const json = body === null ? {} : { 'Content-Type': 'application/json' };
  const params = {
    headers: { ...claimed(), ...json, ...headers },
    // What `setup` sends is no load.
    tags: { name, kind, load: exec.vu.idInTest > 0 ? 'yes' : 'no' },
    responseCallback: http.expectedStatuses(...[expected].flat()),
    redirects: 0,
  };
  return { method, url: `${base}${path}`, body: body === null ? null : JSON.stringify(body), params };
}

/** Sends it, checks its status, and answers the response. */
export function call(name, kind, method, path, expected, more) {
  const { url, body, params } = request(name, kind, method, path, expected, more);
  return judge(name, expected, http.request(method, url, body, params));
}

/** Several at the same time, as a browser loads a page. */
export function all(requests) {
  const answers = http.batch(requests);
  return answers.map((answer, n) => judge(requests[n].params.tags.name, 200, answer));
}

function judge(name, expected, answer) {
  const right = [expected].flat();
  const fine = check(answer, { [`${name} answers ${right.join(' or ')}`]: ({ status }) => right.includes(status) });
  if (!fine) console.error(`${name}: ${answer.status} ${answer.error} ${slug(answer)}`);
  return answer;
}

/** Of a problem; empty of anything else. It is public, as nothing else of an answer is. */
export function slug(answer) {
  const type = String((answer.headers || {})['Content-Type'] || '');
  return type.startsWith('application/problem+json') ? answer.json('type').split(':').pop() : '';
}

/** The body, or nothing where the answer was not the right one: `call` has said so. */
export function json(answer, ...statuses) {
  return statuses.includes(answer.status) ? answer.json() : null;
}
