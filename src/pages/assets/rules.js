// What a field must be, so that one learns it as one types. Where the server knows better, its word counts.

import { say } from './say.js';

/** A rule: something must be there. */
export const filled = (words) => (value) => (value === '' ? say(words) : '');

/** What is wrong with a username. */
export function username(value) {
  const name = value.trim();
  if (name === '') return say('fields.username_needed');
  return usernameSoFar(name) || (name.length < 3 ? say('fields.username_short') : '');
}

/** What is wrong with it already, however it goes on. */
export function usernameSoFar(value) {
  const name = value.trim();
  if (/\W/.test(name)) return say('fields.username_characters');
  return name.length > 20 ? say('fields.username_long') : '';
}

/** What is plainly wrong with an address: what a relay would take, the server judges. */
export function email(value) {
  const address = value.trim();
  if (address === '') return say('fields.email_needed');
  return /^[^\s@]+@[^\s@]+$/.test(address) ? '' : say('fields.email_wrong');
}

/** What is wrong with a person's name. */
export function fullName(value) {
  return characters(value.trim()) > 100 ? say('fields.full_name_long') : '';
}

/** A rule: what a password must be that is typed into this field. */
export const newPassword = ({ dataset: { min, max } }) => (value, { username = '', email = '' }) => {
  const length = characters(value);
  if (length < min) return say('fields.password_short', { n: min });
  if (length > max) return say('fields.password_long', { n: max });
  const own = [username, email].map((name) => folded(name.trim()));
  return own.includes(folded(value)) ? say('fields.password_own') : '';
};

/** As the server counts: an accent counts once, however the keyboard writes it, and so does an emoji. */
const characters = (text) => [...text.normalize('NFC')].length;

const folded = (text) => text.normalize('NFC').toLowerCase();
