// The way in. What a candidate may do now is what the server says; this page remembers nothing but its session.

import { isWhole, takeCode } from './code.js';
import { countDown } from './countdown.js';
import { mark } from './form.js';
import { attemptsMax, paint as paintScreen, troubleWords } from './join_screen.js';
import { glance, isLimited, look, requestCode, token, verifyCode } from './link.js';
import { clock, say, sayCount } from './say.js';
import { canKeepSession, forgetSession, hasSession, keepSession, learnOfEnd, session } from './session.js';
import { $, announce } from './view.js';

/** Away for longer than this, and a code may have been asked for or typed elsewhere. */
const AWAY_MS = 3_000;

const input = $('code');
const verify = $('verify');

const state = {
  /** What `info` says; null where the link does not work, undefined before it is known. */
  facts: undefined,
  /** Whether a code would lead anywhere. */
  canKeep: canKeepSession(),
  /** Of this tab; null where there is none. */
  session: null,
  /** Seconds left of each wait. */
  left: { resend: 0, lock: 0, limit: 0 },
  /** The button that has been pressed, while its request is under way. */
  working: null,
  /** The slug of what keeps the server from answering, while we go on trying. */
  trouble: '',
  /** What came of the last thing that was done. */
  notice: { look: '', text: '' },
};
/** Counts what was done here: an answer to what was asked before that knows too little. */
let turn = 0;
const stops = {};

takeCode(input);
input.addEventListener('input', () => {
  mark(input, '');
  paint();
});
$('entry').addEventListener('submit', spendCode);
$('send').addEventListener('click', askForCode);
$('resend').addEventListener('click', askForCode);
$('again').addEventListener('click', startOver);
$('go-on').href = `/interview/pre-check/${token}`;
if (!state.canKeep) announce(say('join.no_storage'));
else if (learnOfEnd()) note('notice', say('join.session_over'));
await learnAll();
watch();

async function learnAll(options) {
  const asked = turn;
  const reply = await look(complain);
  // What was done here meanwhile tells itself what it has come to.
  if (asked !== turn) return;
  calm();
  learn(reply.ok ? reply.body : null);
  paint(options);
}

async function askForCode({ target: button }) {
  const reply = await work(button, () => requestCode(state.facts, complain));
  if (!reply.ok) return heed(reply);
  const { maskedEmail, resendIn, ref, requestsRemaining } = reply.body;
  learn({ maskedEmail, resendIn, ref });
  clear();
  const isAnother = button === $('resend');
  const news = [isAnother ? say('join.resent', { ref }) : '', fewLeft(requestsRemaining)];
  note('success', news.filter((part) => part !== '').join(' '));
  paint({ focus: true });
  if (isAnother) input.focus();
}

function fewLeft(requests) {
  if (requests === 1) return say('join.one_request_left');
  return requests === 0 ? say('join.no_request_left') : '';
}

async function spendCode(event) {
  event.preventDefault();
  if (verify.disabled) return;
  const code = input.value;
  if (!isWhole(code)) return refuse(say('join.code_short'));
  const reply = await work(verify, () => verifyCode(state.facts, code, complain));
  if (!reply.ok) return heed(reply);
  keepSession(reply);
  location.assign($('go-on').href);
}

/** Learns from a refusal, and says what to do next. */
function heed({ slug, body, wait }) {
  switch (slug) {
    case 'link-not-found':
      learn(null);
      break;
    case 'rate-limited':
      limit(wait);
      break;
    case 'otp-cooldown':
      learn({ cooldown: wait, resendIn: wait, ref: null });
      clear();
      break;
    case 'otp-incorrect':
      learn({ attemptsRemaining: body.attemptsRemaining });
      return refuse(sayCount('join.incorrect', body.attemptsRemaining));
    case 'otp-superseded':
      learn({ ref: body.ref });
      return refuse(say('join.superseded', { ref: body.ref }));
    case 'otp-expired':
      loseCode(say('join.code_over'));
      break;
    case 'answer-lost':
      loseCode(say('join.answer_lost'));
      break;
    case 'unsure':
      learn(body);
      return refuse(say('join.unsure', { ref: body.ref }));
    case 'otp-resend-too-soon':
      return waitToSend(wait, say('join.too_soon'));
    case 'otp-request-limit':
      return waitToSend(wait, say('join.request_limit'));
    case 'validation-failed':
      return refuse(say('join.code_short'));
    default:
      note('notice', say('join.gave_up'));
  }
  paint({ focus: true });
}

/** Says at the input what is wrong with the code; what is typed next replaces it. */
function refuse(text) {
  mark(input, text);
  announce(text);
  paint();
  input.focus();
  input.select();
}

function loseCode(text) {
  learn({ ref: null });
  clear();
  note('notice', text);
}

function clear() {
  input.value = '';
  mark(input, '');
}

/** Somebody was quicker, perhaps on another device: there may be a code to type. */
function waitToSend(seconds, text) {
  learn({ resendIn: seconds });
  note('notice', text, { untilResend: true });
  return learnAll({ focus: true });
}

function startOver() {
  forgetSession();
  paint({ focus: true });
}

/** Has one request under way, whose button shows it. */
async function work(button, request) {
  turn += 1;
  state.working = button;
  note('', '');
  paint();
  const reply = await request();
  state.working = null;
  calm();
  return reply;
}

/** Nobody answers; we go on trying. */
function complain(reply) {
  if (isLimited(reply)) return limit(reply.wait);
  if (reply.slug !== state.trouble) announce(troubleWords(reply.slug));
  state.trouble = reply.slug;
  paint();
}

/** There is an answer. What was said of trouble is no longer true, for whoever reads it later. */
function calm() {
  if (state.trouble !== '') announce('');
  state.trouble = '';
}

/** Too many requests from this address: nothing can be pressed for a while. */
function limit(seconds) {
  state.trouble = '';
  announce(say('common.too_many', { time: clock(seconds) }));
  count('limit', seconds, () => announce(say('common.go_on')));
  paint();
}

/** Takes over what the server said. */
function learn(change) {
  state.facts = change === null ? null : { ...state.facts, ...change };
  const { resendIn, cooldown } = change ?? { resendIn: 0, cooldown: 0 };
  if (resendIn !== undefined) count('resend', resendIn, endResend);
  if (cooldown !== undefined) count('lock', cooldown, endLock);
}

function endResend() {
  if (state.notice.untilResend) note('', '');
  // The end of a lock is said by itself.
  if (state.facts.cooldown === 0) announce(say('join.can_send'));
}

/** The code that there was is gone, and all attempts are back. */
function endLock() {
  learn({ cooldown: 0, attemptsRemaining: attemptsMax });
  note('success', say('join.can_send'));
  learnAll();
}

function count(wait, seconds, done) {
  stops[wait]?.();
  state.left[wait] = seconds;
  if (seconds === 0) return;
  const tick = (left) => {
    if (left === state.left[wait]) return;
    state.left[wait] = left;
    paint();
  };
  stops[wait] = countDown(seconds, tick, () => {
    state.left[wait] = 0;
    done();
    paint();
  });
}

function note(look, text, { untilResend = false } = {}) {
  state.notice = { look, text, untilResend };
  announce(text);
}

function paint(options) {
  state.session = state.canKeep && hasSession() ? session() : null;
  paintScreen(state, options);
}

/** Looks again where this page was out of sight: a code may have been asked for or used elsewhere. */
function watch() {
  let hiddenAt = 0;
  addEventListener('pageshow', ({ persisted }) => persisted && lookAgain());
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (Date.now() - hiddenAt > AWAY_MS) lookAgain();
  });
}

/** Quietly: what was typed stays, and so does the focus. */
async function lookAgain() {
  paint();
  if (state.working !== null || state.facts === null) return;
  const asked = turn;
  const reply = await glance();
  if (asked !== turn) return;
  const hadCode = state.facts.ref !== null;
  if (reply.ok) learn(reply.body);
  if (reply.slug === 'link-not-found') learn(null);
  if (hadCode && state.facts?.ref === null && state.facts.cooldown === 0) note('notice', say('join.code_over'));
  paint();
}
