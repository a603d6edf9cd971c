// People who try it on: each from an address of their own, which claims by X-Forwarded-For to be another with every
// request, many at the same time, so that the proxy spreads them over all nodes. Never is more admitted than the
// configuration says, of the whole fleet together; and strangers learn nothing.
//
//   LIMITS   {"candidate_ip": 240}, where the deployment has others than the defaults
//
// Behind one address, as of a load generator far away, less is admitted, for all attacks share it.

import { check } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter } from 'k6/metrics';
import { request, slug } from './lib/call.js';
import { invitations } from './lib/invitations.js';
import { signUp } from './lib/member.js';
import { mark } from './lib/people.js';
import { DOMAIN } from './lib/recipient.js';
import { options as common, summary } from './lib/summary.js';

const LIMITS = {
  candidate_ip: 120, otp_request: 1, otp_attempt: 3, login_account: 5, login_ip: 50, signup_ip: 10, forgot_ip: 20, reset_ip: 20,
  ...JSON.parse(__ENV.LIMITS || '{}'),
};
// Less than the shortest window: what is counted here is within one.
const SECONDS = 50;
const AT_A_TIME = 10;
const LINKS = 5;

const admitted = new Counter('admitted');
const wrong = (n) => String(n % 1_000_000).padStart(6, '0');

// Limit, tries, what is sent the nth time, which statuses are an admission.
const ATTACKS = [
  ['candidate_ip', 200, ({ links }, n) => ['GET', `/candidate-access/${links[n % LINKS].token}/info`], [200]],
  // Links that were never made: as many as anybody may ask for, and all alike.
  ['candidate_ip', 200, ({ run }, n) => ['GET', `/candidate-access/${`${run}${wrong(n)}`.padEnd(32, 'x')}/info`], [404]],
  ['login_account', 30, ({ known }, n) => ['POST', '/auth/login', { login: known, password: `guess ${n}` }], [401]],
  ['login_account', 30, ({ run }, n) => ['POST', '/auth/login', { login: `u${run}`, password: `guess ${n}` }], [401]],
  ['login_ip', 70, ({ run }, n) => ['POST', '/auth/login', { login: `l${run}_${n}`, password: 'a guess' }], [401]],
  ['signup_ip', 20, ({ run }, n) => {
    const username = `x${run}_${n}`;
    return ['POST', '/auth/signup', { username, email: `${username}@${DOMAIN}`, password: `${username}'s own horse` }];
  }, [201]],
  ['forgot_ip', 40, ({ run }, n) => ['POST', '/auth/forgot-password', { email: `e${run}_${n}@${DOMAIN}` }], [202]],
  ['reset_ip', 40, (_, n) => ['POST', '/auth/reset-password', { token: wrong(n).padEnd(64, 'x'), newPassword: 'a new one' }], [401]],
];

const once = (name, vus) => ({ executor: 'per-vu-iterations', exec: name, vus, iterations: 1, maxDuration: `${SECONDS}s` });

export const options = {
  ...common,
  noVUConnectionReuse: false,
  scenarios: { attacks: once('attack', ATTACKS.length), guesses: once('guess', LINKS) },
  thresholds: {
    checks: ['rate==1'],
    'http_req_duration{load:yes}': ['p(99)>=0'],
    // `guess` has a subject for each link, `attack` one for each line.
    ...Object.fromEntries(Object.entries(LIMITS).map(([limit, max]) => {
      const subjects = ATTACKS.filter(([name]) => name === limit).length || LINKS;
      return [`admitted{limit:${limit}}`, [`count<=${max * subjects}`, 'count>0']];
    })),
  },
};

export function setup() {
  const run = mark();
  const known = `k${run}`;
  if (signUp(known) === null) exec.test.abort('nobody can sign up');
  return { run, known, links: invitations(2 * LINKS) };
}

/** Sends it all, some at a time, and answers the answers. */
function storm(limit, tries, make) {
  const answers = [];
  for (let first = 0; first < tries; first += AT_A_TIME) {
    const requests = [];
    for (let n = first; n < Math.min(first + AT_A_TIME, tries); n += 1) {
      const [method, path, body = null] = make(n);
      const headers = { 'X-Forwarded-For': `198.51.${n >> 8}.${n & 255}, 203.0.113.${n & 255}` };
      requests.push(request(limit, 'abuse', method, path, [200, 201, 202, 401, 404, 429, 503], { body, headers }));
    }
    answers.push(...http.batch(requests));
  }
  return answers;
}

const names = (answers) => [...new Set(answers.map((answer) => `${answer.status} ${slug(answer)} ${answer.json('detail')}`))];

/** Each VU is one of the table. */
export function attack(data) {
  const [limit, tries, make, statuses] = ATTACKS[exec.scenario.iterationInTest];
  const answers = storm(limit, tries, (n) => make(data, n));
  const let_in = answers.filter(({ status }) => statuses.includes(status));
  admitted.add(let_in.length, { limit });
  const kept_out = answers.filter(({ status }) => !statuses.includes(status));
  check(answers, {
    [`${limit}: never more than is allowed`]: () => let_in.length <= LIMITS[limit],
    [`${limit}: the others are told when to come back`]: () =>
      kept_out.length > 0 && kept_out.every(({ status, headers }) => [429, 503].includes(status) && Number(headers['Retry-After']) > 0),
    [`${limit}: who is refused learns nothing`]: () => statuses[0] < 300 || names(let_in).length <= 1,
  });
}

/** A link's code: asked for, and guessed at, by many at once. */
export function guess({ links }) {
  const { token } = links[LINKS + exec.scenario.iterationInTest];
  const path = (endpoint) => `/candidate-access/${token}/${endpoint}`;
  const sent = storm('otp_request', 10, () => ['POST', path('request-otp')]).filter(({ status }) => status === 202);
  admitted.add(sent.length, { limit: 'otp_request' });
  const answers = storm('otp_attempt', 30, (n) => ['POST', path('verify-otp'), { otp: wrong(n * 33_331) }]);
  // The third wrong one is told so, and locks; what comes after it is not looked at.
  const judged = answers.filter((answer) => answer.status === 401 || answer.json('attemptsRemaining') === 0);
  admitted.add(judged.length, { limit: 'otp_attempt' });
  check(answers, {
    'otp_request: one code at a time': () => sent.length === 1,
    'otp_attempt: never more guesses than is allowed': () => judged.length <= LIMITS.otp_attempt,
    'otp_attempt: the others find it locked': () => answers.every((answer) => judged.includes(answer) || slug(answer) === 'otp-cooldown'),
  });
}

export const handleSummary = (data) => summary(data);
