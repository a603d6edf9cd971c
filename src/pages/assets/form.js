// A form: its rules as one types, the server's word at its fields, one request at a time.

import { isUndecided } from './api.js';
import { countDown } from './countdown.js';
import { clock, say } from './say.js';
import { announce, tell } from './view.js';

/**
 * @param {HTMLFormElement} form its fields have names; each has an element `<id>-error`, and the form one with
 *   `data-problem` and one submit button
 * @param {object} options
 * @param {Record<string, (value: string, values: Record<string, string>) => string>} options.rules by field: what is
 *   wrong with a value, or nothing
 * @param {(values: Record<string, string>) => Promise<import('./api.js').Answer>} options.send
 * @param {(answer: import('./api.js').Answer) => void} options.done
 * @param {Record<string, string>} [options.problems] what to say of problems that only this form knows, by slug
 */
export function bind(form, { rules, send, done, problems = {} }) {
  const fields = Object.keys(rules).map((name) => form.elements[name]);
  const button = form.querySelector('[type=submit]');
  const problem = form.querySelector('[data-problem]');
  // Nobody is told that they are wrong before they have left a field, or tried to go on.
  const judged = new Set();
  let stop = () => {};

  const values = () => Object.fromEntries(fields.map((field) => [field.name, field.value]));
  const judge = (field) => mark(field, rules[field.name](field.value, values()));
  const hear = ({ target }) => {
    if (!fields.includes(target)) return;
    if (target.value !== '') judged.add(target);
    fields.filter((field) => judged.has(field)).forEach(judge);
  };
  form.addEventListener('change', hear);
  form.addEventListener('input', ({ target }) => {
    if (judged.has(target)) hear({ target });
  });

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    tell(problem, '');
    fields.forEach((field) => judged.add(field));
    const wrong = fields.filter((field) => !judge(field));
    if (wrong.length > 0) return wrong[0].focus();
    busy(button, true);
    const reply = await send(values());
    busy(button, false);
    if (reply.ok) return done(reply);
    refuse(reply);
  });

  function refuse(reply) {
    const at = (reply.body.errors ?? []).filter(({ field }) => form.elements[field]);
    for (const { field, message } of at) mark(form.elements[field], sentence(message));
    if (at.length > 0) return form.elements[at[0].field].focus();
    if (reply.status === 429) return wait(reply.wait);
    complain(problems[reply.slug] ?? (isUndecided(reply) ? say(`common.${reply.slug}`) : reply.body.detail));
  }

  function complain(text) {
    tell(problem, text);
    announce(text);
  }

  /** Waits with the button, and says so once. */
  function wait(seconds) {
    stop();
    button.disabled = true;
    const tick = (left) => tell(problem, say('common.too_many', { time: clock(left) }));
    stop = countDown(seconds, tick, () => {
      button.disabled = false;
      tell(problem, '');
      announce(say('common.go_on'));
    });
    announce(problem.textContent);
  }
}

/** Says at a field what is wrong with it; nothing is right. @returns {boolean} whether it is */
export function mark(field, text) {
  tell(document.getElementById(`${field.id}-error`), text);
  if (text === '') field.removeAttribute('aria-invalid');
  else field.setAttribute('aria-invalid', 'true');
  return text === '';
}

/** A button that has been pressed takes no second press, and says so. */
export function busy(button, is) {
  button.disabled = is;
  button.toggleAttribute('data-busy', is);
}

/** Shows and hides what was typed into the password field of each `data-reveals`. */
export function revealPasswords() {
  for (const button of document.querySelectorAll('[data-reveals]')) {
    const field = document.getElementById(button.dataset.reveals);
    button.hidden = false;
    button.addEventListener('click', () => {
      const shown = field.type === 'password';
      field.type = shown ? 'text' : 'password';
      button.setAttribute('aria-pressed', String(shown));
    });
  }
}

/** The server's messages go on from the name of the field; here they stand alone. */
function sentence(message) {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
