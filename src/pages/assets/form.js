// A form: its rules as one types, the server's word at its fields, one request at a time.

import { countDown } from './countdown.js';
import { clock, say } from './say.js';
import { announce, tell } from './view.js';

/**
 * @param {HTMLFormElement} form its fields have names; each has an element `<id>-error`, and the form one with
 *   `data-problem`, which may hold one with `data-text`, and one submit button
 * @param {object} options
 * @param {Record<string, (value: string, values: Record<string, string>) => string>} options.rules by field: what is
 *   wrong with a value, or nothing
 * @param {Record<string, (value: string) => string>} [options.soon] by field: what is wrong with it however it goes on
 * @param {(values: Record<string, string>) => Promise<import('./api.js').Answer>} options.send
 * @param {(answer: import('./api.js').Answer) => any} options.done whoever leaves the page, returns a promise for ever
 * @param {(answer: import('./api.js').Answer) => any} [options.refused] what else a refusal means to this form; true
 *   where nothing more is to be said of it
 * @param {Record<string, string>} [options.problems] what to say of problems that only this form knows, by slug
 * @param {Record<string, string>} [options.waits] by slug: the field whose value has to wait, while another need not
 * @returns {(text: string) => void} says above the form what is wrong; nothing is right
 */
export function bind(form, { rules, soon = {}, send, done, refused = () => false, problems = {}, waits = {} }) {
  const fields = Object.keys(rules).map((name) => form.elements[name]);
  const button = form.querySelector('[type=submit]');
  const problem = form.querySelector('[data-problem]');
  // Nobody is told that they are wrong before they have left a field, or tried to go on.
  const judged = new Set();
  // What the server has refused stays wrong until it is changed.
  const refusals = new Map();
  let stop = () => {};
  let waiting;

  form.noValidate = true;
  form.addEventListener('input', ({ target }) => {
    if (fields.includes(target)) review(target);
    if (target === waiting) goOn();
  });
  form.addEventListener('change', ({ target }) => {
    if (!fields.includes(target)) return;
    if (target.value !== '') judged.add(target);
    // Words that appear during a press would move the button away from under it; what it sends is judged anyway.
    if (!button.matches(':active')) review(target);
  });
  form.addEventListener('reset', () => {
    judged.clear();
    fields.forEach((field) => mark(field, ''));
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    complain('');
    refusals.clear();
    fields.forEach((field) => judged.add(field));
    const wrong = fields.filter((field) => !judge(field));
    if (wrong.length > 0) return lead(wrong[0]);
    busy(button, true);
    let reply;
    try {
      reply = await send(values());
      if (reply.ok) await done(reply);
    } catch (error) {
      // A fault of this page. The console is told, too.
      complain(say('common.internal-error'));
      throw error;
    } finally {
      busy(button, false);
    }
    if (!reply.ok) refuse(reply);
  });
  // Back on a page that was left while its button was pressed.
  addEventListener('pageshow', ({ persisted }) => persisted && busy(button, false));

  return complain;

  function values() {
    return Object.fromEntries(fields.map((field) => [field.name, field.value]));
  }

  function judge(field) {
    const refusal = refusals.get(field);
    const before = refusal?.value === field.value ? refusal.text : '';
    return mark(field, rules[field.name](field.value, values()) || before);
  }

  /** All that were judged, since a rule may look at two fields. */
  function review(changed) {
    const error = errorOf(changed);
    const before = error.textContent;
    if (!judged.has(changed)) mark(changed, soon[changed.name]?.(changed.value) ?? '');
    judged.forEach(judge);
    if (error.textContent !== before) announce(error.textContent);
  }

  /** Leads to a field that is wrong. Who is there already, is told what is. */
  function lead(field) {
    if (document.activeElement === field) announce(errorOf(field).textContent);
    field.focus();
  }

  function refuse(reply) {
    if (refused(reply)) return;
    const errors = (reply.body.errors ?? []).filter(({ field }) => rules[field]);
    for (const { field: name, message } of errors) {
      const field = form.elements[name];
      refusals.set(field, { value: field.value, text: sentence(field, message) });
      judge(field);
    }
    if (errors.length > 0) lead(form.elements[errors[0].field]);
    else if (reply.status === 429) wait(reply);
    else complain(problems[reply.slug] ?? undecided(reply) ?? reply.body.detail);
  }

  function complain(text) {
    write(text);
    if (text === '') return;
    // The button is a long way below it on a phone.
    problem.scrollIntoView({ block: 'nearest' });
    announce(text);
  }

  function write(text) {
    tell(problem.querySelector('[data-text]') ?? problem, text);
    problem.hidden = text === '';
  }

  /** Waits with the button, and says so once. */
  function wait({ slug, wait: seconds }) {
    stop();
    const words = (left) => say('common.too_many', { time: clock(left) });
    complain(words(seconds));
    hold(button, true);
    waiting = form.elements[waits[slug]];
    stop = countDown(seconds, (left) => write(words(left)), goOn);
  }

  function goOn() {
    stop();
    waiting = undefined;
    hold(button, false);
    write('');
    announce(say('common.go_on'));
  }
}

/** Says at a field what is wrong with it; nothing is right. @returns {boolean} whether it is */
export function mark(field, text) {
  tell(errorOf(field), text);
  if (text === '') field.removeAttribute('aria-invalid');
  else field.setAttribute('aria-invalid', 'true');
  return text === '';
}

/** A button that has been pressed takes no second press, and says so. */
export function busy(button, is) {
  hold(button, is);
  button.toggleAttribute('data-busy', is);
}

/** Buttons that had the focus when they were disabled, which takes it away. */
const held = new WeakSet();

function hold(button, is) {
  if (is && document.activeElement === button) held.add(button);
  button.disabled = is;
  if (!is && held.delete(button) && document.activeElement === document.body) button.focus({ preventScroll: true });
}

/** Shows and hides what was typed into the password field of each `data-reveals`. */
export function revealPasswords() {
  for (const button of document.querySelectorAll('[data-reveals]')) {
    const field = document.getElementById(button.dataset.reveals);
    const reveal = (is) => {
      field.type = is ? 'text' : 'password';
      button.setAttribute('aria-pressed', String(is));
    };
    button.hidden = false;
    button.addEventListener('click', () => reveal(field.type === 'password'));
    // Browsers offer to keep a password, and remember other texts to suggest them again.
    field.form.addEventListener('submit', () => reveal(false));
  }
}

/** What to say where nothing was decided: what was typed stays, and the button is there to try again. */
function undecided({ slug, body }) {
  switch (slug) {
    case 'no-network': return say('common.no-network');
    // The server knows what was done before it failed; a proxy does not.
    case 'unavailable': return isOurs(body) ? body.detail : say('common.unavailable');
    case 'internal-error': return say('common.internal-error');
    case 'no-storage': return say('common.no-storage');
  }
}

function isOurs({ type }) {
  return String(type).startsWith('urn:vestibule:problem:');
}

function errorOf(field) {
  return document.getElementById(`${field.id}-error`);
}

/** The server's messages go on from the name of the field. */
function sentence(field, message) {
  const text = `${field.labels[0].textContent.trim()} ${message}`;
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
