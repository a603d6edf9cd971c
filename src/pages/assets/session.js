// A candidate's session in this tab: what the pre-check begins with, and what it has started.
//
// In sessionStorage, which ends with the tab: a candidate may sit at a machine that others use.

import { token } from './link.js';

const SESSION = 'interview_session_token';
const LINK = 'interview_token';
const NAME = 'interview_candidate_name';
const POSITION = 'interview_position';
/** When it ends, by the clock of this browser, which may be wrong. */
const ENDS = 'interview_session_ends_at';
/** The link whose session has ended here, until somebody was told. */
const ENDED = 'interview_session_ended';
/** Of the interview that was started, and by which link: another may follow in this tab. */
const STARTED = 'interview_session_id';
const STARTED_BY = 'interview_started_token';
const STARTED_AT = 'interview_started_at';

/** Keeps what `verify-otp` has answered. */
export function keepSession({ body, header }) {
  const { sessionToken, candidateName, position, expiresAt } = body;
  const serverNow = Date.parse(header('date')) || Date.now();
  sessionStorage.setItem(ENDS, new Date(Date.now() + Date.parse(expiresAt) - serverNow).toISOString());
  sessionStorage.setItem(SESSION, sessionToken);
  sessionStorage.setItem(LINK, token);
  sessionStorage.setItem(NAME, candidateName);
  sessionStorage.setItem(POSITION, position);
}

/** Whether this tab has a session of the page's link that is not over; the server may know that it was revoked. */
export function hasSession() {
  return isKept() && !isOver();
}

function isKept() {
  return sessionStorage.getItem(LINK) === token && sessionStorage.getItem(SESSION) !== null;
}

function isOver() {
  return Date.parse(sessionStorage.getItem(ENDS)) <= Date.now();
}

/** The session is of no use any more; the join page tells. */
export function endSession() {
  forgetSession();
  sessionStorage.setItem(ENDED, token);
}

/** Whether a session of the page's link has ended here; asked a second time, it has not. */
export function learnOfEnd() {
  if (isKept() && isOver()) endSession();
  const hasEnded = sessionStorage.getItem(ENDED) === token;
  sessionStorage.removeItem(ENDED);
  return hasEnded;
}

/** Whose session it is, and of what; and the token that proves it. */
export function session() {
  const [sessionToken, name, position] = [SESSION, NAME, POSITION].map((key) => sessionStorage.getItem(key));
  return { sessionToken, name, position };
}

/** Keeps what `start` has answered. */
export function keepStarted({ sessionId, startedAt }) {
  sessionStorage.setItem(STARTED, sessionId);
  sessionStorage.setItem(STARTED_BY, token);
  sessionStorage.setItem(STARTED_AT, startedAt);
}

/** When the interview of the page's link began; null where this tab has not started it. */
export function startedAt() {
  return sessionStorage.getItem(STARTED_BY) === token ? new Date(sessionStorage.getItem(STARTED_AT)) : null;
}

export function forgetSession() {
  const all = [SESSION, LINK, NAME, POSITION, ENDS, STARTED, STARTED_BY, STARTED_AT];
  for (const key of all) sessionStorage.removeItem(key);
}

/** Browsers that are told to keep nothing refuse even to look. */
export function canKeepSession() {
  try {
    return sessionStorage.length >= 0;
  } catch {
    return false;
  }
}
