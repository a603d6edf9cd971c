// The join page as it is to look, from what is known: facts of the server, and what is under way here.

import { clock, say, sayCount, sayInto } from './say.js';
import { $, show, tell } from './view.js';

const input = $('code');
const verify = $('verify');
const entry = document.querySelector('[data-view="code"]');
/** Wrong codes until a lock. */
export const attemptsMax = Number(entry.dataset.attempts);

/** Which of the states is true. */
function screenOf({ facts, session, left }) {
  if (facts === undefined) return 'loading';
  // It outlives the link's expiry.
  if (session !== null) return 'verified';
  if (facts === null) return 'gone';
  if (left.lock > 0) return 'locked';
  return facts.ref === null ? 'info' : 'code';
}

let shown = 'loading';

/** Shows what is true. Where the person has caused it, `focus` leads to what is new. */
export function paint(state, { focus = false } = {}) {
  const screen = screenOf(state);
  if (state.facts) fillIn(state, screen);
  if (state.session) tell($('confirmed'), say('join.confirmed', { name: state.session.name }));
  // Without a link there is none.
  $('again').hidden = state.facts === null;
  paintButtons(state, screen);
  paintStrips(state);
  $('slow').hidden = state.trouble !== '' || state.left.limit > 0;
  if (screen === shown) return focus && keepPlace();

  shown = screen;
  // A lock is the view of the code, with nothing to be done in it.
  entry.dataset.title = screen === 'locked' ? entry.dataset.titleLocked : entry.dataset.titleCode;
  show(screen === 'locked' ? 'code' : screen, { focus });
}

/** A button that is disabled loses the focus, and a keyboard its place. */
function keepPlace() {
  if (document.activeElement === document.body) document.querySelector('[data-view]:not([hidden]) h1').focus();
}

function fillIn({ facts, left }, screen) {
  const { candidateName: name, position, maskedEmail: email, expiresAt, ref, attemptsRemaining } = facts;
  tell($('welcome'), say('join.welcome', { name }));
  tell($('position'), position);
  sayInto($('will-send'), 'join.will_send', { email });
  tell($('expires'), say('join.expires', { time: when(expiresAt) }));

  const isLocked = screen === 'locked';
  tell($('code-title'), isLocked ? say('join.locked_title') : say('join.code_title'));
  if (ref !== null) sayInto($('sent'), 'join.sent', { email, ref });
  $('sent').hidden = $('mail-hint').hidden = isLocked;
  $('lock').hidden = !isLocked;
  tell($('lock-clock'), isLocked ? clock(left.lock) : '');
  const isToldAlready = input.getAttribute('aria-invalid') === 'true';
  const tellsAttempts = !isLocked && !isToldAlready && attemptsRemaining < attemptsMax;
  tell($('attempts'), tellsAttempts ? sayCount('join.attempts', attemptsRemaining) : '');
}

function paintButtons({ canKeep, working, left }, screen) {
  const isBlocked = !canKeep || working !== null || left.limit > 0;
  input.disabled = screen === 'locked';
  input.readOnly = working !== null;
  verify.disabled = isBlocked || screen === 'locked';
  // In a lock, one clock is enough.
  const counts = left.resend > 0 && screen !== 'locked';
  const time = clock(left.resend);
  $('send').disabled = $('resend').disabled = isBlocked || left.resend > 0;
  tell($('send'), counts ? say('join.send_in', { time }) : say('join.send'));
  tell($('resend'), counts ? say('join.resend_in', { time }) : say('join.resend'));
  for (const button of [verify, $('send'), $('resend')]) button.toggleAttribute('data-busy', button === working);
}

/** One strip in each view: the most pressing of what there is to say. */
function paintStrips({ canKeep, trouble, left, notice }) {
  const [look, text] = [
    !canKeep && ['notice', say('join.no_storage')],
    trouble !== '' && ['notice', troubleWords(trouble)],
    left.limit > 0 && ['notice', say('common.too_many', { time: clock(left.limit) })],
    [notice.look, notice.text],
  ].find((strip) => strip);
  for (const strip of document.querySelectorAll('[data-strip]')) {
    strip.className = look;
    tell(strip, text);
  }
}

/** What to say while we go on trying. */
export function troubleWords(slug) {
  return slug === 'no-network' ? say('join.no_network') : say('join.unavailable');
}

/** In the reader's own time, and the page's language. */
function when(time) {
  const page = document.documentElement.lang;
  const language = navigator.languages.find((tag) => tag.startsWith(page)) ?? page;
  const parts = { weekday: 'long', day: 'numeric', month: 'long', hour: 'numeric', minute: '2-digit', timeZoneName: 'short' };
  return new Intl.DateTimeFormat(language, parts).format(new Date(time));
}
