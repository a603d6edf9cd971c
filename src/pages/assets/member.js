// A member's session in this browser.
//
// In localStorage, which all tabs share: a refresh token works once, and two tabs with a copy each would look like
// theft. What keeps scripts of others away from it is the policy of our pages.

import { answer, ask, isUndecided } from './api.js';

const KEY = 'vestibule_session';
const LOG_IN = '/login';
const HOME = '/account';

/** Keeps what log-in, sign-up or a refresh has answered. */
export function keep({ accessToken, refreshToken }) {
  localStorage.setItem(KEY, JSON.stringify({ accessToken, refreshToken }));
}

/** Keeps a session that was just opened, and goes in for ever. Back does not lead to the form that opened it. */
export function enter(session) {
  keep(session);
  location.replace(HOME);
  return new Promise(() => {});
}

export function forget() {
  localStorage.removeItem(KEY);
}

/** Whether somebody seems to be logged in; the server may know better. */
export function isKept() {
  return kept() !== null;
}

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

/**
 * Asks as the member, with a new access token where the old one is over. Where the session is over, leads to the
 * log-in and never answers.
 */
export function askAsMember(method, path, options = {}) {
  return asMember((accessToken) =>
    ask(method, path, { ...options, headers: { ...options.headers, ...bearer(accessToken) } }));
}

/** Puts a file, and tells `progress` which part of it has gone out, 0 to 1. */
export function putAsMember(path, file, progress) {
  return asMember((accessToken) => put(path, file, bearer(accessToken), progress));
}

async function asMember(question) {
  const first = kept();
  if (first === null) return leave();
  const reply = await question(first.accessToken);
  if (reply.slug !== 'unauthenticated') return reply;
  const renewed = await renew(first);
  if (!renewed.ok) return renewed;
  const again = await question(kept().accessToken);
  return again.slug === 'unauthenticated' ? leave() : again;
}

const bearer = (accessToken) => ({ authorization: `Bearer ${accessToken}` });

/** One tab at a time: the others find what it got. */
function renew(old) {
  const once = async () => {
    const now = kept();
    if (now === null) return leave();
    if (now.accessToken !== old.accessToken) return { ok: true };
    const reply = await ask('POST', '/auth/refresh', { json: { refreshToken: now.refreshToken } });
    if (reply.ok) keep(reply.body);
    else if (!isUndecided(reply) && reply.status !== 429) return leave();
    return reply;
  };
  return navigator.locks ? navigator.locks.request(KEY, once) : once();
}

function leave() {
  forget();
  location.replace(LOG_IN);
  return new Promise(() => {});
}

/** fetch does not tell how much of a body has gone out. */
function put(path, file, headers, progress) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open('PUT', path);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () => done(answer(request.status, request.responseText, request.getResponseHeader('retry-after')));
    request.onerror = () => done(answer(0, '', null));
    request.send(file);
  });
}
