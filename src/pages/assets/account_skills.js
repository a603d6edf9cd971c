// Skills as a list of tags: Enter or a comma adds what is typed, and a pasted list comes in at once.

import { mark } from './form.js';
import { say, sayCount } from './say.js';
import { $, announce } from './view.js';

/** As src/profile/fields.rs has them. */
const CHARACTERS_MAX = 50;
const SKILLS_MAX = 50;

const field = $('skills');
const tags = $('tags');
let skills = [];
let changed = () => {};

/** What is in the list now. */
export const listed = () => [...skills];

/** What is typed and not yet added. */
export const pending = () => tidy(field.value);

/** Lists these, and tells `onChange` whenever others are listed. */
export function list(those, onChange = changed) {
  [skills, changed] = [[...those], onChange];
  draw();
}

/** What is wrong with what is typed. */
export const rule = (value) => parts(value).map(wrong).find((text) => text !== '') ?? '';

function wrong(skill) {
  if ([...skill].length > CHARACTERS_MAX) return sayCount('account.skill_long', CHARACTERS_MAX);
  if (has(skill)) return say('account.skill_twice', { skill });
  return skills.length >= SKILLS_MAX ? sayCount('account.skills_many', SKILLS_MAX) : '';
}

/** Adds what is typed, where it is right. */
export function take() {
  add(field.value);
}

/** Adds each; the first that is wrong, and what comes after it, stays in the field. */
function add(text) {
  const wanted = parts(text);
  // Of several, those that are there already are passed over.
  const isKnown = wanted.length > 1 ? has : () => false;
  while (wanted.length > 0 && (isKnown(wanted[0]) || wrong(wanted[0]) === '')) {
    const skill = wanted.shift();
    if (!has(skill)) skills.push(skill);
  }
  field.value = wanted.join(', ');
  mark(field, wanted.length > 0 ? wrong(wanted[0]) : '');
  draw();
  changed();
}

function remove(skill) {
  const at = skills.indexOf(skill);
  skills.splice(at, 1);
  draw();
  changed();
  announce(say('account.skill_removed', { skill }));
  // The next one's button, so that several go by the same key.
  (tags.children[Math.min(at, skills.length - 1)]?.querySelector('button') ?? field).focus();
}

function draw() {
  tags.replaceChildren(...skills.map((skill) => {
    const tag = $('tag').content.cloneNode(true);
    tag.querySelector('span').textContent = skill;
    const button = tag.querySelector('button');
    button.setAttribute('aria-label', say('account.skill_remove', { skill }));
    button.addEventListener('click', () => remove(skill));
    return tag;
  }));
  tags.hidden = skills.length === 0;
}

/** The server takes these for the same, and keeps the first. */
const has = (skill) => skills.some((other) => folded(other) === folded(skill));
const folded = (text) => tidy(text).toLowerCase();
const tidy = (text) => text.normalize('NFC').trim();
const parts = (text) => text.split(/[,\r\n\t]/).map(tidy).filter((part) => part !== '');

function enter() {
  const [skill, before] = [pending(), skills.length];
  take();
  if (skills.length > before) announce(say('account.skill_added', { skill }));
  field.focus();
}

$('add-skill').addEventListener('click', enter);
field.addEventListener('keydown', (event) => {
  // A word that is still being composed is not done by its Enter.
  if (event.key !== 'Enter' || event.isComposing || pending() === '') return;
  event.preventDefault();
  enter();
});
// By what is in the field and not by the key: keyboards on phones do not tell keys.
field.addEventListener('input', () => {
  if (field.value.includes(',')) add(field.value);
});
field.addEventListener('paste', (event) => {
  const pasted = event.clipboardData.getData('text');
  if (parts(pasted).length < 2) return;
  event.preventDefault();
  add(`${field.value},${pasted}`);
});
