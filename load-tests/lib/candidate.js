// A candidate gets in, as a browser does it: the page and all that it loads, then the calls of its script.

import { check } from 'k6';
import { all, call, json, request } from './call.js';
import { think } from './people.js';
import { codeOf } from './recipient.js';

/** A page, and what it loads, on a first visit. */
export function page(path) {
  const answer = call('page', 'page', 'GET', path, 200);
  const assets = new Set(String(answer.body).match(/\/assets\/[^"' )]+/g) || []);
  all([...assets].map((asset) => request('asset', 'page', 'GET', asset, 200)));
}

export function info(token) {
  return json(call('info', 'redis', 'GET', `/candidate-access/${token}/info`, 200), 200);
}

export function requestCode(token) {
  return json(call('request-otp', 'redis', 'POST', `/candidate-access/${token}/request-otp`, 202), 202);
}

/** Types a code, of which `status` is expected. */
export function verify(token, otp, status) {
  return json(call('verify-otp', 'redis', 'POST', `/candidate-access/${token}/verify-otp`, status, { body: { otp } }), status);
}

export function start(token, sessionToken, status) {
  const headers = { 'x-session-token': sessionToken };
  return json(call('start', 'redis', 'POST', `/candidate-access/${token}/start`, status, { headers }), status);
}

/** All the way in; `slips` is who types it wrong at first. Answers the session token. */
export function getIn({ token, email }, { slips = false } = {}) {
  page(`/interview/join/${token}`);
  const before = info(token);
  if (before === null) return null;
  check(before, { 'nothing was asked for': ({ resendIn, ref }) => resendIn === 0 && ref === null });
  think(1, 3);

  const sent = requestCode(token);
  if (sent === null) return null;
  think(2, 5);
  const code = codeOf(token, sent.ref, email);
  if (code === null) return null;
  if (slips) {
    const wrong = verify(token, code === '000000' ? '000001' : '000000', 401);
    check(wrong, { 'a wrong code leaves two attempts': (problem) => problem !== null && problem.attemptsRemaining === 2 });
  }
  const verified = verify(token, code, 200);
  if (verified === null) return null;

  page(`/interview/pre-check/${token}`);
  think(1, 3);
  const first = start(token, verified.sessionToken, 201);
  const again = start(token, verified.sessionToken, 200);
  check(again, { 'a rejoin finds the same session': (found) => found !== null && first !== null && found.sessionId === first.sessionId });
  return verified.sessionToken;
}
