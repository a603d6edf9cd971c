// Members: they sign up, come back, stay, forget their password, and go.

import { check, sleep } from 'k6';
import { call, json } from './call.js';
import { think } from './people.js';
import { DOMAIN, resetTokenOf } from './recipient.js';

// The worker looks the address up first.
const RESET_WAITS = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4];

function send(name, kind, method, path, expected, body, access) {
  const headers = access ? { Authorization: `Bearer ${access}` } : {};
  const answer = call(name, kind, method, path, expected, { body, headers });
  return answer.body && answer.status === expected ? answer.json() : null;
}

export const me = (access, expected) => send('me', 'row', 'GET', '/auth/me', expected, null, access);

export const refresh = (refreshToken) => send('refresh', 'row', 'POST', '/auth/refresh', 200, { refreshToken });

export const logIn = (login, password, expected = 200) =>
  send('login', 'hash', 'POST', '/auth/login', expected, { login, password });

/** Somebody new, with a session. */
export function signUp(username) {
  const member = { username, email: `${username}@${DOMAIN}`, password: `${username}'s own horse` };
  const session = send('signup', 'hash', 'POST', '/auth/signup', 201, member);
  return session && { ...member, session };
}

/** From the sign-up to the log-out, by way of a wrong password. */
export function comeAndGo(username) {
  const member = signUp(username);
  if (member === null) return;
  const first = member.session.accessToken;
  think(1, 2);
  logIn(username, `${member.password}!`, 401);
  const second = logIn(member.email, member.password);
  if (second === null) return;
  check(second, { 'a log-in finds the same user': ({ user }) => user.id === member.session.user.id });
  check(me(second.accessToken, 200), { 'it is them': (user) => user !== null && user.username === username });
  think(1, 2);

  const refreshed = refresh(second.refreshToken);
  if (refreshed === null) return;
  send('profile', 'row', 'PATCH', '/profile', 200, { skills: ['Rust', 'Lua'] }, refreshed.accessToken);
  const kept = (user) => user !== null && user.skills.join() === 'Rust,Lua';
  check(me(first, 200), { 'a profile is kept': kept });

  send('logout', 'redis', 'POST', '/auth/logout', 204, null, refreshed.accessToken);
  me(refreshed.accessToken, 401);
  // A session that began before goes on.
  me(first, 200);
}

/** Forgets the password, and sets another: the old one and every session are over. */
export function forget(username) {
  const member = signUp(username);
  if (member === null) return;
  const other = logIn(username, member.password);
  send('forgot', 'redis', 'POST', '/auth/forgot-password', 202, { email: member.email });
  think(2, 5);
  const token = resetTokenOf(member.session.user, 1);
  const newPassword = `${member.password}, another`;
  if (token === null || !reset(token, newPassword)) return;

  for (const session of [member.session, other]) if (session) me(session.accessToken, 401);
  logIn(username, member.password, 401);
  logIn(username, newPassword);
  send('reset', 'row', 'POST', '/auth/reset-password', 401, { token, newPassword: member.password });
}

/** Who computes a token may be faster than the worker that stores it. */
function reset(token, newPassword) {
  for (const wait of RESET_WAITS) {
    const answer = call('reset', 'hash', 'POST', '/auth/reset-password', [204, 401], { body: { token, newPassword } });
    if (answer.status === 204) return true;
    if (answer.status !== 401) return false;
    sleep(wait);
  }
  check(null, { 'a reset token works': () => false });
  return false;
}
