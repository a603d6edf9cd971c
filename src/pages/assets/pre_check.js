// The pre-check: browser, camera and microphone, then the start. What the join page knew is in sessionStorage.

import { ask, insist } from './api.js';
import { checkBrowser, checkDevices, closeDevices, KINDS, named, onChange, those } from './checks.js';
import { countDown } from './countdown.js';
import { clock, say } from './say.js';
import { $, announce, show, tell } from './view.js';

const token = location.pathname.split('/').pop();
const settings = $('pre-check').dataset;
const isOptional = settings.devices === 'optional';

const store = sessionStorage;
const FROM_JOIN = ['interview_session_token', 'interview_token', 'interview_candidate_name', 'interview_position'];
/** Of which link it is, and when it began: another interview may follow in this tab. */
const STARTED = ['interview_session_id', 'interview_started_token', 'interview_started_at'];

/** Whether this browser can be asked for devices. */
let hasDevices = true;

begin();

function begin() {
  if (!hasSession()) return leave();
  // Back from another page, with what was true before it.
  addEventListener('pageshow', (event) => event.persisted && location.reload());
  addEventListener('pagehide', closeDevices);
  const who = { name: store.getItem('interview_candidate_name'), position: store.getItem('interview_position') };
  for (const line of document.querySelectorAll('.who')) tell(line, say('pre_check.who', who));

  $('test').onclick = () => press($('test'), testDevices);
  $('start').onclick = () => press($('start'), start);
  $('rejoin').onclick = () => press($('rejoin'), start);
  $('check-first').onclick = () => show('checks');

  onChange(offer);
  hasDevices = checkBrowser();
  offer();
  if (store.getItem('interview_started_token') === token) {
    tellBegan();
    show('begun', { focus: false });
  }
}

function hasSession() {
  return store.getItem('interview_session_token') !== null && store.getItem('interview_token') === token;
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
  await work(button);
  button.toggleAttribute('data-busy', false);
  enable(button, true);
  offer();
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
  $('testing').hidden = !hasDevices || KINDS.every((kind) => !todo.includes(kind));
  const may = isOptional || todo.length === 0;
  if (!button.hasAttribute('data-busy')) enable(button, may);
  // One button at a time looks like the next step.
  button.classList.toggle('primary', todo.length === 0);
  const why = isOptional ? 'pre_check.start_without' : 'pre_check.start_after';
  tell($('start-why'), todo.length === 0 ? say('pre_check.start_now') : say(why, { checks: named(todo) }));
  if (hadFocus && $('testing').hidden) button.focus();
}

/** Starting twice is starting once: so it is asked until somebody answers. */
async function start(button) {
  const problem = button.closest('[data-view]').querySelector('[data-problem]');
  const headers = { 'x-session-token': store.getItem('interview_session_token') };
  const question = () => ask('POST', `/candidate-access/${token}/start`, { headers });
  const reply = await insist(question, ({ slug }) =>
    complain(problem, say(slug === 'no-network' ? 'pre_check.waits_network' : 'pre_check.waits_server')));
  tell(problem, '');
  if (reply.ok) return enter(reply.body);
  if (reply.status === 401 || reply.status === 403) return forget(leave);
  if (reply.status === 404) return forget(() => show('gone'));
  if (reply.status === 429) return wait(reply.wait, problem);
  complain(problem, reply.body.detail);
}

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

function forget(then) {
  closeDevices();
  for (const name of [...FROM_JOIN, ...STARTED]) store.removeItem(name);
  then();
}

/** In: the devices are the platform's now. */
function enter({ sessionId, startedAt }) {
  closeDevices();
  store.setItem('interview_session_id', sessionId);
  store.setItem('interview_started_token', token);
  store.setItem('interview_started_at', startedAt);
  tellBegan();
  show('in');
  if (!settings.afterStartUrl) return;
  const url = settings.afterStartUrl.replaceAll('{session_id}', encodeURIComponent(sessionId));
  $('onward').href = url;
  location.assign(url);
}

function tellBegan() {
  const began = new Date(store.getItem('interview_started_at'));
  const time = began.toLocaleTimeString([], { timeStyle: 'short' });
  for (const line of document.querySelectorAll('.began')) tell(line, say('pre_check.began', { time }));
}
