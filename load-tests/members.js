// A crowd of members, each of whom signs up, comes back, keeps a profile and leaves, as fast as passwords are hashed.
// `load-tests/run` starts what this needs, and sets the environment variables.

import { check } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';

const { PUBLIC } = __ENV;

const SECONDS = 12;
// So many passwords at once: a queue, and far from too long a one.
const MEMBERS = 10;

export const options = {
  scenarios: {
    members: { executor: 'constant-vus', exec: 'member', vus: MEMBERS, duration: `${SECONDS}s` },
  },
  thresholds: {
    checks: ['rate==1'],
    http_req_failed: ['rate==0'],
    // Named here so that the summary has them.
    'http_req_duration{name:login}': ['p(99)>=0'],
    'http_req_duration{name:me}': ['p(99)>=0'],
    'http_reqs{name:login}': ['count>0'],
  },
  summaryTrendStats: ['med', 'p(99)', 'max'],
};

export function member() {
  const n = exec.scenario.iterationInTest;
  // Whoever is counted by address has one of their own, as behind a proxy.
  const address = `10.${2 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
  const username = `member_${n}`;
  const password = `${username}'s own horse`;

  const call = (name, method, path, expected, body = null, access = null) => {
    const headers = { 'X-Forwarded-For': address, 'Content-Type': 'application/json' };
    if (access !== null) headers.Authorization = `Bearer ${access}`;
    const answer = http.request(method, `${PUBLIC}${path}`, body && JSON.stringify(body), {
      headers,
      tags: { name },
      responseCallback: http.expectedStatuses(expected),
    });
    check(answer, { [`${name} answers ${expected}`]: ({ status }) => status === expected });
    return answer.body ? answer.json() : null;
  };
  const me = (access, expected) => call('me', 'GET', '/auth/me', expected, null, access);

  const email = `${username}@example.com`;
  const first = call('signup', 'POST', '/auth/signup', 201, { username, email, password });
  call('wrong', 'POST', '/auth/login', 401, { login: username, password: `${password}!` });
  const second = call('login', 'POST', '/auth/login', 200, { login: email, password });
  check(second, { 'a log-in finds the same user': ({ user }) => user.id === first.user.id });
  check(me(second.accessToken, 200), { 'it is them': (user) => user.username === username });

  const refreshed = call('refresh', 'POST', '/auth/refresh', 200, { refreshToken: second.refreshToken });
  const skills = ['Rust', 'Lua'];
  call('profile', 'PATCH', '/profile', 200, { skills }, refreshed.accessToken);
  check(me(first.accessToken, 200), { 'a profile is kept': (user) => user.skills.join() === skills.join() });

  call('logout', 'POST', '/auth/logout', 204, null, refreshed.accessToken);
  me(refreshed.accessToken, 401);
  // A session that began before goes on.
  me(first.accessToken, 200);
}

export function handleSummary({ metrics }) {
  const checks = metrics.checks.values;
  const members = metrics.iterations.values.count;
  const logins = metrics['http_reqs{name:login}'].values.rate;
  const login = metrics['http_req_duration{name:login}'].values['p(99)'];
  const me = metrics['http_req_duration{name:me}'].values['p(99)'];
  const broken = Object.entries(metrics).flatMap(([name, { thresholds = {} }]) =>
    Object.entries(thresholds).filter(([, { ok }]) => !ok).map(([rule]) => `${name}: ${rule}`));
  const lines = [
    `checks         ${checks.passes} passed, ${checks.fails} failed (${members} iterations)`,
    `members        ${logins.toFixed(1)}/s, with three hashes each`,
    `log-in, p99    ${login.toFixed(1)} ms`,
    `me, p99        ${me.toFixed(1)} ms`,
    ...broken.map((rule) => `BROKEN         ${rule}`),
  ];
  return { stdout: `\n${lines.join('\n')}\n` };
}
