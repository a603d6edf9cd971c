// The change of a password: the other devices are logged out by it.

import { listSessions } from './account_sessions.js';
import { bind, mark, revealPasswords } from './form.js';
import { askAsMember } from './member.js';
import { filled, newPassword } from './rules.js';
import { say } from './say.js';
import { $, announce, tell } from './view.js';

const form = $('password');

export function openPassword({ username, email }) {
  // For the password manager, which asks whose it is.
  $('username').value = username;
  revealPasswords();
  const rule = newPassword(form.elements.newPassword);
  const { currentPassword } = form.elements;
  bind(form, {
    rules: {
      currentPassword: filled('fields.password_needed'),
      newPassword: (value) => rule(value, { username, email }),
    },
    send: (json) => askAsMember('POST', '/auth/change-password', { json }),
    done() {
      form.reset();
      tell($('password-changed'), say('account.password_changed'));
      announce(say('account.password_changed'));
      listSessions();
    },
    refused({ slug }) {
      // To the server this is a log-in that fails; here it is one field.
      if (slug !== 'invalid-credentials') return false;
      mark(currentPassword, say('account.password_wrong'));
      currentPassword.focus();
      currentPassword.select();
      return true;
    },
  });
  form.addEventListener('input', () => tell($('password-changed'), ''));
}
