// Interviews to go to: those of a file, or new ones that recruiters make before the test begins.
//
//   INVITATIONS   a file with a line of `vestibule invite --json` for each; their addresses are test recipients'
//   RECRUITERS    logins and passwords, as anna:secret,bert:secret; each may make limits.invite_user, 1,000 in an hour

import exec from 'k6/execution';
import http from 'k6/http';
import { json, call, request } from './call.js';
import { mark } from './people.js';
import { DOMAIN, needsCodes } from './recipient.js';

const { INVITATIONS, RECRUITERS } = __ENV;
const FILE = INVITATIONS ? open(INVITATIONS).trim().split('\n').map((line) => JSON.parse(line)) : null;
const AT_A_TIME = 20;

/** In `setup`: at least `count` of `{token, email}`, each for one candidate. */
export function invitations(count) {
  needsCodes();
  if (FILE !== null) {
    if (FILE.length < count) exec.test.abort(`INVITATIONS has ${FILE.length} of the ${count} that this test needs`);
    return FILE.slice(0, count).map(({ token, email }) => ({ token, email: email || '' }));
  }
  if (!RECRUITERS) exec.test.abort(`set RECRUITERS or INVITATIONS: this test needs ${count} interviews`);
  const recruiters = RECRUITERS.split(',').map((pair) => {
    const [login, ...password] = pair.split(':');
    const session = json(call('login', 'hash', 'POST', '/auth/login', 200, { body: { login, password: password.join(':') } }), 200);
    if (session === null) exec.test.abort(`${login} cannot log in`);
    return { Authorization: `Bearer ${session.accessToken}` };
  });
  const run = mark();
  const made = [];
  for (let first = 0; first < count; first += AT_A_TIME) {
    const requests = [];
    for (let n = first; n < Math.min(first + AT_A_TIME, count); n += 1) {
      const body = {
        candidateName: `Candidate ${n}`,
        candidateEmail: `candidate-${run}-${n}@${DOMAIN}`,
        position: 'Analyst',
        durationMinutes: 60,
      };
      const headers = recruiters[n % recruiters.length];
      requests.push(request('invite', 'row', 'POST', '/interviews', 201, { body, headers }));
    }
    for (const answer of http.batch(requests)) {
      if (answer.status !== 201) exec.test.abort(`an interview is answered with ${answer.status}`);
      const { joinUrl, candidateEmail } = answer.json();
      made.push({ token: joinUrl.split('/').pop(), email: candidateEmail });
    }
  }
  return made;
}
