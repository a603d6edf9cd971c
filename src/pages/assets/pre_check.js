// The pre-check: browser, camera and microphone, then the start.

import { checkBrowser, checkDevices, closeDevices, KINDS, named, onChange, those } from './checks.js';
import { countDown } from './countdown.js';
import { start, token } from './link.js';
import { clock, say } from './say.js';
import { canKeepSession, endSession, forgetSession, hasSession, keepStarted, session, startedAt } from './session.js';
import { $, announce, show, tell } from './view.js';

const { devices, afterStartUrl } = $('pre-check').dataset;
const isOptional = devices === 'optional';

/** Whether this browser can be asked for devices. */
let hasDevices = true;

begin();

function begin() {
  if (!canKeepSession() || !hasSession()) return leave();
  // Back from another page, with what was true before it.
  addEventListener('pageshow', (event) => event.persisted && location.reload());
  addEventListener('pagehide', closeDevices);
  const { name, position } = session();
  for (const line of document.querySelectorAll('.who')) tell(line, `${name} · ${position}`);

  $('test').onclick = () => press($('test'), testDevices);
  $('start').onclick = () => press($('start'), goIn);
  $('rejoin').onclick = () => press($('rejoin'), goIn);
  $('check-first').onclick = () => show('checks');

  onChange(offer);
  hasDevices = checkBrowser();
  offer();
  if (startedAt() !== null) {
    tellBegan();
    show('begun', { focus: false });
  }
}

/** To the join page, which leads back here. */
function leave() {
  location.replace(`/interview/join/${token}`);
}

/**
 * Runs what a button is for, once at a time. Meanwhile it is not disabled: it would lose the focus.
 * @param {(button: HTMLButtonElement) => Promise<void>} work
 */
async function press(button, work) {
  if (button.getAttribute('aria-disabled') === 'true') return announce($('start-why').textContent);
  enable(button, false);
  button.toggleAttribute('data-busy', true);
  try {
    await work(button);
  } catch (error) {
    complain(problemOf(button), say('common.internal-error'));
    reportError(error);
  } finally {
    button.toggleAttribute('data-busy', false);
    enable(button, true);
    offer();
  }
}

/** Where it is said why a button came to nothing. */
function problemOf(button) {
  return button.closest('[data-view]').querySelector('[data-problem]');
}

function enable(button, is) {
  button.setAttribute('aria-disabled', String(!is));
}

/** The first time both, then what has failed. */
async function testDevices(button) {
  const open = KINDS.filter((kind) => !those('ready').includes(kind));
  await checkDevices(open);
  tell($('asks'), '');
  button.textContent = say('pre_check.again');
}

/** What may be pressed now, and why not. */
function offer() {
  const [test, button] = [$('test'), $('start')];
  const todo = those('untested', 'testing', 'attention');
  const hadFocus = document.activeElement === test;
  const hasWork = test.hasAttribute('data-busy') || those('untested', 'attention').some((name) => KINDS.includes(name));
  $('testing').hidden = !hasDevices || !hasWork;
  const may = isOptional || todo.length === 0;
  if (!button.hasAttribute('data-busy')) enable(button, may);
  // One button at a time looks like the next step.
  button.classList.toggle('primary', todo.length === 0);
  const why = isOptional ? 'pre_check.start_without' : 'pre_check.start_after';
  tell($('start-why'), todo.length === 0 ? say('pre_check.start_now') : say(why, { checks: named(todo) }));
  if (hadFocus && $('testing').hidden) button.focus();
}

async function goIn(button) {
  const problem = problemOf(button);
  const reply = await start(session().sessionToken, ({ slug }) =>
    complain(problem, say(slug === 'no-network' ? 'pre_check.waits_network' : 'pre_check.waits_server')));
  complain(problem, '');
  if (reply.ok) return enter(reply.body);
  if (reply.status === 401 || reply.status === 403) return finish(endSession, leave);
  if (reply.status === 404) return finish(forgetSession, () => show('gone'));
  if (reply.status === 429) return wait(reply.wait, problem);
  complain(problem, reply.body.detail);
}

/** Says what is wrong, once; nothing is wrong no longer. */
function complain(problem, text) {
  if (problem.textContent !== text) announce(text);
  tell(problem, text);
}

/** @returns {Promise<void>} fulfilled when one may try again */
function wait(seconds, problem) {
  return new Promise((over) => {
    countDown(seconds, (left) => tell(problem, say('common.too_many', { time: clock(left) })), () => {
      tell(problem, '');
      announce(say('common.go_on'));
      over();
    });
    announce(problem.textContent);
  });
}

function finish(forget, then) {
  closeDevices();
  forget();
  then();
}

/** In: the devices are the platform's now. */
function enter(started) {
  closeDevices();
  keepStarted(started);
  tellBegan();
  show('in');
  if (!afterStartUrl) return;
  const url = afterStartUrl.replaceAll('{session_id}', encodeURIComponent(started.sessionId));
  $('onward').href = url;
  location.assign(url);
}

function tellBegan() {
  const time = startedAt().toLocaleTimeString([], { timeStyle: 'short' });
  for (const line of document.querySelectorAll('.began')) tell(line, say('pre_check.began', { time }));
}
