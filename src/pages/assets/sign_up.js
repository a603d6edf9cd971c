// Sign up. Whoever has done so is logged in.

import { bind, revealPasswords } from './form.js';
import { askForSession, canKeep, enter, isKept } from './member.js';
import { email, fullName, newPassword, username, usernameSoFar } from './rules.js';
import { say } from './say.js';
import { $ } from './view.js';

// If that session is over, the account's page leads to the log-in.
if (isKept()) location.replace('/account');

const form = $('sign-up');
const known = $('known');

revealPasswords();
const complain = bind(form, {
  rules: { username, email, fullName, password: newPassword(form.elements.password) },
  soon: { username: usernameSoFar },
  send(typed) {
    known.hidden = true;
    return askForSession('/auth/signup', typed);
  },
  done: ({ body }) => enter(body),
  refused({ slug, body }) {
    if (slug !== 'already-taken') return;
    // Perhaps by themselves, a moment ago, when the answer was lost.
    known.hidden = false;
    form.elements[body.errors[0].field].closest('.field').append(known);
  },
});

// Before anything is typed in vain.
if (!canKeep()) complain(say('common.no-storage'));
