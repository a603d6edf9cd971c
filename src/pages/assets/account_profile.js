// The profile: what is missing, and the form that mends it.

import { bind } from './form.js';
import { askAsMember, isKept } from './member.js';
import { fullName } from './rules.js';
import { say } from './say.js';
import * as skills from './account_skills.js';
import { $, announce, tell } from './view.js';

/** As src/profile/fields.rs has it. */
const YEARS_MAX = 60;
const PARTS = 5;

const form = $('profile');
const texts = ['fullName', 'phone', 'yearsOfExperience'].map((name) => form.elements[name]);
/** As the server has it. */
let kept;
/** As it was typed when it was sent. */
let sent;

/** Shows a profile, and tells `changed` of the user once it is saved. */
export function openProfile(user, changed) {
  fill(user);
  bind(form, {
    rules: { fullName, phone, yearsOfExperience, skills: skills.rule },
    send,
    done({ body }) {
      fill(body);
      changed(body);
      if (isChanged()) return;
      tell($('saved'), say('account.saved'));
      announce(say('account.saved'));
    },
  });
  form.addEventListener('input', unsaved);
  addEventListener('beforeunload', (event) => {
    // Whoever is logged out cannot save them any more.
    if (isKept() && isChanged()) event.preventDefault();
  });
}

/** Notes, in what is missing, whether there is a resume. */
export function noteResume(is) {
  const others = kept.profile.missing.filter((part) => part !== 'resume');
  count(is ? others : [...others, 'resume']);
}

function phone(value) {
  return value.trim() === '' || /^\s*\+[\d\s().\/-]+$/.test(value) ? '' : say('account.phone_wrong');
}

function yearsOfExperience(value) {
  const years = value.trim();
  return years === '' || (/^\d+$/.test(years) && years <= YEARS_MAX) ? '' : say('account.years_wrong', { n: YEARS_MAX });
}

function send() {
  skills.take();
  const json = changes();
  sent = { texts: texts.map(({ value }) => value), skills: skills.listed() };
  return askAsMember('PATCH', '/profile', { json });
}

/** What is not as the server has it. */
function changes() {
  const [fullName, phone, years] = texts.map(({ value }) => value.trim() || null);
  const now = { fullName, phone, yearsOfExperience: years && Number(years), skills: skills.listed() };
  return Object.fromEntries(Object.entries(now).filter(([name, value]) => !isSame(value, kept[name])));
}

const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

const isChanged = () => Object.keys(changes()).length > 0 || skills.pending() !== '';

/** Shows what the server has; what somebody has changed since it was sent, stays. */
function fill(user) {
  kept = user;
  texts.forEach((field, at) => {
    if (sent === undefined || field.value === sent.texts[at]) field.value = user[field.name] ?? '';
  });
  if (sent === undefined || isSame(skills.listed(), sent.skills)) skills.list(user.skills, unsaved);
  count(user.profile.missing);
}

function unsaved() {
  tell($('saved'), '');
}

function count(missing) {
  kept.profile.missing = missing;
  const there = PARTS - missing.length;
  tell($('completeness'), missing.length > 0 ? say('account.complete_so_far', { n: there, of: PARTS }) : say('account.complete'));
  Object.assign($('complete'), { max: PARTS, value: there });
  $('missing').hidden = missing.length === 0;
  for (const item of $('missing').children) item.hidden = !missing.includes(item.dataset.part);
}
