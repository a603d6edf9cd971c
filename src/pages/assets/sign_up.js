// Sign up. Whoever has done so is logged in.

import { ask } from './api.js';
import { bind, revealPasswords } from './form.js';
import { enter, isKept } from './member.js';
import { email, fullName, newPassword, username, usernameSoFar } from './rules.js';
import { $ } from './view.js';

// If that session is over, the account's page leads to the log-in.
if (isKept()) location.replace('/account');

const form = $('sign-up');
const known = $('known');

revealPasswords();
bind(form, {
  rules: { username, email, fullName, password: newPassword(form.elements.password) },
  soon: { username: usernameSoFar },
  send(typed) {
    known.hidden = true;
    return ask('POST', '/auth/signup', { json: typed });
  },
  done: ({ body }) => enter(body),
  refused({ slug, body }) {
    if (slug !== 'already-taken') return;
    // Perhaps by themselves, a moment ago, when the answer was lost.
    known.hidden = false;
    form.elements[body.errors[0].field].closest('.field').append(known);
  },
});
