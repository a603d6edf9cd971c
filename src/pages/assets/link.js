// The endpoints of a candidate's link, asked so that no lost answer is guessed at: the link's state tells.

import { ask, insist, isUndecided, rest } from './api.js';

/** How often the same is asked for while nobody can say what became of it. */
const TRIES_MAX = 4;

/** The token in the address of the page. */
export const token = location.pathname.split('/').at(-1);

const path = (endpoint) => `/candidate-access/${token}/${endpoint}`;

/** @typedef {import('./api.js').Answer} Answer */

/** The state of the link, asked once. */
export const glance = () => ask('GET', path('info'));

/**
 * The state of the link, asked until there is an answer.
 * @param {(answer: Answer) => void} undecided told before each pause
 */
export const look = (undecided) => insist(glance, undecided, (reply) => isUndecided(reply) || isLimited(reply));

/** Too many requests from the address of this client: nothing is decided, and nothing wrong with the link. */
export const isLimited = ({ slug }) => slug === 'rate-limited';

/**
 * Asks for a code.
 * @param known the state of the link before
 * @returns {Promise<Answer>} its body, where all is well, has the members of `info` that change
 */
export function requestCode(known, undecided) {
  return settle(() => ask('POST', path('request-otp')), known, undecided, (now, known) => {
    if (now.cooldown > 0) return told('otp-cooldown', now, now.cooldown);
    if (now.ref !== null && now.ref !== known.ref) return told('', now);
    if (now.resendIn > 0) return told('otp-resend-too-soon', now, now.resendIn);
    return null;
  });
}

/**
 * Spends a code.
 * @param known the state of the link before
 * @returns {Promise<Answer>} slugs of our own are `answer-lost`: the code was used, and what it opened is lost; and
 * `unsure`: whether it cost an attempt cannot be told, so it is not posted again
 */
export function verifyCode(known, otp, undecided) {
  return settle(() => ask('POST', path('verify-otp'), { json: { otp } }), known, undecided, (now, known) => {
    if (now.cooldown > 0) return told('otp-cooldown', now, now.cooldown);
    if (now.ref === null) return told(known.ref === null ? 'otp-expired' : 'answer-lost', now);
    // Attempts come back with a lock or a success, and then the code is another: they tell nothing of this try.
    if (now.ref !== known.ref) return told('unsure', now);
    if (now.attemptsRemaining < known.attemptsRemaining) return told('otp-incorrect', now);
    return null;
  });
}

/** Starts the interview, or goes back into it: twice is once, so it is asked until there is an answer. */
export const start = (sessionToken, undecided) =>
  insist(() => ask('POST', path('start'), { headers: { 'x-session-token': sessionToken } }), undecided);

const told = (slug, body, wait = 0) => ({ ok: slug === '', status: 200, slug, body, wait });

/** Posts until it is decided, or `judge` sees by the state of the link that it was. */
async function settle(post, before, undecided, judge) {
  let known = before;
  for (let tries = 1; ; tries += 1) {
    const reply = await post();
    // A right code that is posted a second time has been used up by the first.
    if (tries > 1 && reply.slug === 'otp-expired') return told('answer-lost', {});
    if (!isUndecided(reply)) return reply;
    undecided(reply);
    // What is still under way at the server comes to its end meanwhile.
    await rest(tries, reply.wait);
    const now = await look(undecided);
    const verdict = now.ok ? judge(now.body, known) : now;
    if (verdict !== null || tries === TRIES_MAX) return verdict ?? reply;
    known = now.body;
  }
}
