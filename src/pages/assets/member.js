// A member's session in this browser.
//
// In localStorage, which all tabs share: a refresh token works once, and two tabs with a copy each would look like
// theft. Whatever is served on this origin shares it: the policy of our pages keeps scripts of others out of them, and
// out of no other page.

import { answer, ask, isUndecided, unanswered } from './api.js';

const KEY = 'vestibule_session';
const LOG_IN = '/login';
const HOME = '/account';
/** Longer than the server waits for a body. What it takes in is put away at once. */
const PUT_PATIENCE_MS = 120_000;
/**
 * Whoever has lost the answer to a refresh gets the same again within 10 s; later, it looks like theft. The last try
 * ends after 3 * 3 s.
 */
const REFRESH_TRIES = 3;
const REFRESH_PATIENCE_MS = 3_000;

/** Whose page this is, whoever logs in meanwhile in another tab. */
const owner = kept()?.user;

/** Does what needs the browser to keep something; null where it does not, and even to look is refused. */
export function withStorage(task) {
  try {
    return task();
  } catch {
    return null;
  }
}

/** Whether this browser keeps anything for this site. */
export function canKeep() {
  const name = `${KEY}_probe`;
  return withStorage(() => {
    localStorage.setItem(name, '');
    localStorage.removeItem(name);
    return true;
  }) === true;
}

/**
 * Asks for a session to go in with. Where none can be kept, none is opened, nor an account made that seems not to work:
 * `no-storage` is a slug of our own.
 */
export async function askForSession(path, json) {
  return canKeep() ? ask('POST', path, { json }) : { ...unanswered(), slug: 'no-storage' };
}

/** Keeps what log-in, sign-up or a refresh has answered. */
function keep({ accessToken, refreshToken, user }) {
  withStorage(() => localStorage.setItem(KEY, JSON.stringify({ accessToken, refreshToken, user: user.id })));
}

/** Keeps a session that was just opened, and goes in for ever. Back does not lead to the form that opened it. */
export function enter(session) {
  keep(session);
  location.replace(HOME);
  return new Promise(() => {});
}

export function forget() {
  withStorage(() => localStorage.removeItem(KEY));
}

/** Whether whose page this is seems to be logged in; the server may know better. */
export function isKept() {
  return owner !== undefined && kept()?.user === owner;
}

/** Forgets the session, unless it is another's, and leads to the log-in. Never answers. */
export function leave() {
  if (isKept()) forget();
  location.replace(LOG_IN);
  return new Promise(() => {});
}

/** What is shown goes with the session: where another tab, or this page before `back`, has ended or changed it. */
export function follow() {
  addEventListener('storage', mine);
  addEventListener('pageshow', mine);
}

/** The session of whose page this is. Where it is gone, or another's, the page goes too, and nothing is answered. */
function mine() {
  const session = kept();
  if (session === null) return leave();
  if (session.user === owner) return session;
  location.reload();
  return new Promise(() => {});
}

/**
 * Asks as the member, with a new access token where the old one is over. Where the session is over, leads to the
 * log-in and never answers.
 */
export function askAsMember(method, path, options = {}) {
  return asMember((accessToken) =>
    ask(method, path, { ...options, headers: { ...options.headers, ...bearer(accessToken) } }));
}

/**
 * Puts a file, and tells `progress` which part of it has gone out, 0 to 1.
 * @param {{ progress: (part: number) => void, signal: AbortSignal }} options
 */
export function putAsMember(path, file, options) {
  return asMember((accessToken) => put(path, file, bearer(accessToken), options));
}

async function asMember(question) {
  const session = await mine();
  const reply = await question(session.accessToken);
  if (reply.slug !== 'unauthenticated') return reply;
  const renewed = await alone(() => renew(session));
  if (isUndecided(renewed) || renewed.status === 429) return renewed;
  if (!renewed.ok) return leave();
  // It may be another's by now, who did not ask this.
  const { accessToken } = await mine();
  const again = await question(accessToken);
  return again.slug === 'unauthenticated' ? leave() : again;
}

const bearer = (accessToken) => ({ authorization: `Bearer ${accessToken}` });

/**
 * One tab at a time: the others find what it got. Some see it a moment late, or have no locks: the server gives the same
 * answer to two that come within seconds.
 */
function alone(task) {
  return navigator.locks ? navigator.locks.request(KEY, task) : task();
}

/** Exchanges the refresh token, unless another tab has; `ok` where what is kept now may be asked with. */
async function renew(session) {
  const now = kept();
  if (now?.accessToken !== session.accessToken) return { ok: true };
  const reply = await refresh(now.refreshToken);
  // Whoever has logged out, or in, meanwhile: that is newer than this answer.
  if (kept()?.refreshToken !== now.refreshToken) return { ok: true };
  if (reply.ok) keep(reply.body);
  return reply;
}

/** Asks again at once where the answer is lost; who is told to wait, waits. */
async function refresh(refreshToken) {
  for (let tries = 1; ; tries += 1) {
    const reply = await ask('POST', '/auth/refresh', { json: { refreshToken }, patienceMs: REFRESH_PATIENCE_MS });
    if (!isUndecided(reply) || reply.wait > 0 || tries === REFRESH_TRIES) return reply;
  }
}

function kept() {
  return withStorage(() => JSON.parse(localStorage.getItem(KEY)));
}

/** fetch does not tell how much of a body has gone out. */
function put(path, file, headers, { progress, signal }) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    const header = (name) => request.getResponseHeader(name);
    const cancel = () => request.abort();
    request.open('PUT', path);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.timeout = PUT_PATIENCE_MS;
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    // Of every end there is one: an answer, or status 0.
    request.onloadend = () => {
      signal.removeEventListener('abort', cancel);
      done(request.status === 0 ? unanswered() : answer(request.status, request.responseText, header));
    };
    signal.addEventListener('abort', cancel);
    if (signal.aborted) return done(unanswered());
    request.send(file);
  });
}
