// What a proxy asks for each request to the platform: yes for who has a session, no for everybody else.

import { check } from 'k6';
import { BASE, call } from './call.js';
import { pick } from './people.js';

// The nodes as the proxy sees them: nobody may ask /authz/ from outside.
const ORIGINS = (__ENV.AUTHZ_URLS || BASE).split(',');

function ask(guard, expected, headers) {
  const base = pick(ORIGINS);
  return call(`authz-${guard}`, 'redis', 'GET', `/authz/${guard}`, expected, { headers, base });
}

/** The room of a candidate. */
export function asCandidate(sessionToken) {
  const answer = ask('candidate', 204, { 'x-session-token': sessionToken });
  check(answer, { 'the platform is told who': ({ headers }) => headers['X-Auth-Role'] === 'candidate' });
}

/** The portal of a member. */
export function asUser(access) {
  const answer = ask('user', 204, { Authorization: `Bearer ${access}` });
  check(answer, { 'the platform is told the role': ({ headers }) => headers['X-Auth-Role'] === 'member' });
}

/** Neither kind of token passes for the other, nor a broken one, nor none; and a member is no recruiter. */
export function refused({ sessionToken, access }) {
  ask('candidate', 401, { 'x-session-token': access });
  ask('user', 401, { Authorization: `Bearer ${sessionToken}` });
  ask('user', 401, { Authorization: `Bearer ${access.slice(0, -4)}AAAA` });
  ask('candidate', 401, {});
  ask('recruiter', 403, { Authorization: `Bearer ${access}` });
}
