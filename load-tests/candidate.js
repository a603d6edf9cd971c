// A crowd of candidates, each of whom goes all the way in, and visitors who reload their pages meanwhile.
// `load-tests/run` starts what this needs, and sets the environment variables.

import { check, sleep } from 'k6';
import exec from 'k6/execution';
import { SharedArray } from 'k6/data';
import http from 'k6/http';

const { PUBLIC, ADMIN, CANDIDATES } = __ENV;
// One line of `vestibule invite --json` for each.
const tokens = new SharedArray('tokens', () =>
  open(CANDIDATES).trim().split('\n').map((line) => JSON.parse(line).token));

const SECONDS = 12;
const MAIL_PATIENCE = 5;
const MAIL_POLL = 0.05;

export const options = {
  scenarios: {
    candidates: {
      executor: 'constant-arrival-rate',
      exec: 'candidate',
      // Each candidate is let in once: the runner invites this many, and one for a rounding.
      rate: Math.floor((tokens.length - 1) / SECONDS),
      duration: `${SECONDS}s`,
      preAllocatedVUs: 20,
      maxVUs: 100,
    },
    visitors: { executor: 'constant-vus', exec: 'visitor', vus: 4, duration: `${SECONDS}s` },
  },
  thresholds: {
    checks: ['rate==1'],
    http_req_failed: ['rate==0'],
    dropped_iterations: ['count==0'],
    // Named here so that the summary has them.
    'http_req_duration{name:verify}': ['p(99)>=0'],
    'http_reqs{name:info}': ['count>0'],
  },
  summaryTrendStats: ['med', 'p(99)', 'max'],
};

// Whoever is counted by address has one of their own, as behind a proxy.
function call(method, name, token, address, expected, body = null, headers = {}) {
  const path = { verify: 'verify-otp', request: 'request-otp' }[name] || name;
  const answer = http.request(method, `${PUBLIC}/candidate-access/${token}/${path}`, body, {
    headers: { 'X-Forwarded-For': address, ...headers },
    tags: { name },
    responseCallback: http.expectedStatuses(expected),
  });
  check(answer, { [`${name} answers ${expected}`]: ({ status }) => status === expected });
  return answer.json();
}

export function candidate() {
  const n = exec.scenario.iterationInTest;
  const token = tokens[n];
  const address = `10.1.${n >> 8}.${n & 255}`;
  const verify = (otp, expected) =>
    call('POST', 'verify', token, address, expected, JSON.stringify({ otp }), { 'Content-Type': 'application/json' });

  const before = call('GET', 'info', token, address, 200);
  check(before, { 'nothing was asked for': (info) => info.resendIn === 0 && info.ref === null });
  const { ref } = call('POST', 'request', token, address, 202);
  const code = mailed(`candidate-${n}@example.com`, ref);
  if (code === null) return;

  const wrong = verify(code === '000000' ? '000001' : '000000', 401);
  check(wrong, { 'a wrong code leaves two attempts': (problem) => problem.attemptsRemaining === 2 });
  const { sessionToken } = verify(code, 200);

  const session = { 'x-session-token': sessionToken };
  const first = call('POST', 'start', token, address, 201, null, session);
  const again = call('POST', 'start', token, address, 200, null, session);
  check(again, { 'a rejoin finds the same session': ({ sessionId }) => sessionId === first.sessionId });
}

// The code out of the newest mail, if that is the one asked for.
function mailed(to, ref) {
  for (let waited = 0; waited < MAIL_PATIENCE; waited += MAIL_POLL) {
    const mails = http.get(`${ADMIN}/dev/mail.json?to=${to}`, { tags: { name: 'mail' } }).json();
    if (mails.length > 0) {
      const { subject } = mails[0];
      check(subject, { 'the mail repeats the mark': (text) => text.includes(`(${ref})`) });
      return subject.slice(0, 6);
    }
    sleep(MAIL_POLL);
  }
  check(null, { 'the mail arrives': () => false });
  return null;
}

// A page that is reloaded, each time from somewhere else: no address comes near its limit.
export function visitor() {
  const { idInTest } = exec.vu;
  const n = exec.vu.iterationInScenario;
  call('GET', 'info', tokens[n % tokens.length], `11.${idInTest & 255}.${(n >> 8) & 255}.${n & 255}`, 200);
}

export function handleSummary({ metrics }) {
  const checks = metrics.checks.values;
  const let_in = metrics.iterations.values.count;
  const infos = metrics['http_reqs{name:info}'].values.rate;
  const verify = metrics['http_req_duration{name:verify}'].values['p(99)'];
  const broken = Object.entries(metrics).flatMap(([name, { thresholds = {} }]) =>
    Object.entries(thresholds).filter(([, { ok }]) => !ok).map(([rule]) => `${name}: ${rule}`));
  const lines = [
    `checks         ${checks.passes} passed, ${checks.fails} failed (${let_in} iterations)`,
    `info           ${infos.toFixed(0)} answers/s`,
    `verify, p99    ${verify.toFixed(1)} ms`,
    ...broken.map((rule) => `BROKEN         ${rule}`),
  ];
  return { stdout: `\n${lines.join('\n')}\n` };
}
