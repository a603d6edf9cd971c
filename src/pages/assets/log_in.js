// Log in.

import { bind, revealPasswords } from './form.js';
import { askForSession, canKeep, enter, isKept } from './member.js';
import { filled } from './rules.js';
import { say } from './say.js';
import { $ } from './view.js';

// If that session is over, the account's page forgets it and leads back here.
if (isKept()) location.replace('/account');

const form = $('log-in');
const { password } = form.elements;

revealPasswords();
const complain = bind(form, {
  rules: { login: filled('fields.login_needed'), password: filled('fields.password_needed') },
  send: (typed) => askForSession('/auth/login', typed),
  done: ({ body }) => enter(body),
  problems: { 'invalid-credentials': say('log_in.wrong') },
  // The server counts the name that was typed.
  waits: { 'too-many-attempts': 'login' },
  refused({ slug }) {
    $('way-out').hidden = slug !== 'invalid-credentials' && slug !== 'too-many-attempts';
    if (slug !== 'invalid-credentials') return;
    // Kept, since most wrong passwords have one wrong letter; selected, since the others are typed anew.
    password.focus();
    password.select();
  },
});

// Before anything is typed in vain.
if (!canKeep()) complain(say('common.no-storage'));
