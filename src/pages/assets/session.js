// A candidate's session in this tab: what the pre-check begins with.
//
// In sessionStorage, which ends with the tab: a candidate may sit at a machine that others use.

import { token } from './link.js';

const SESSION = 'interview_session_token';
const LINK = 'interview_token';
const NAME = 'interview_candidate_name';
const POSITION = 'interview_position';

/** Keeps what `verify-otp` has answered. */
export function keepSession({ sessionToken, candidateName, position }) {
  sessionStorage.setItem(SESSION, sessionToken);
  sessionStorage.setItem(LINK, token);
  sessionStorage.setItem(NAME, candidateName);
  sessionStorage.setItem(POSITION, position);
}

/** Whether this tab has a session of the page's link; the server may know that it is over. */
export function hasSession() {
  return sessionStorage.getItem(LINK) === token && sessionStorage.getItem(SESSION) !== null;
}

export function forgetSession() {
  for (const key of [SESSION, LINK, NAME, POSITION]) sessionStorage.removeItem(key);
}

/** Browsers that are told to keep nothing refuse even to look. */
export function canKeepSession() {
  try {
    return sessionStorage.length >= 0;
  } catch {
    return false;
  }
}
