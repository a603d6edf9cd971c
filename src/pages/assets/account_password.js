// The change of a password: the other devices are logged out by it.

import { isUndecided } from './api.js';
import { listSessions } from './account_sessions.js';
import { bind, mark, revealPasswords } from './form.js';
import { askAsMember } from './member.js';
import { filled, newPassword } from './rules.js';
import { say } from './say.js';
import { $, announce, tell } from './view.js';

const form = $('password');
const UNDECIDED = ['no-network', 'unavailable', 'internal-error'];

export function openPassword({ username, email }) {
  // For the password manager, which asks whose it is.
  $('username').value = username;
  revealPasswords();
  const rule = newPassword(form.elements.newPassword);
  const { currentPassword } = form.elements;
  // Whether an answer was lost, and with it whether the password was set.
  let isUnsure = false;
  const unsure = (text) => `${text} ${say('account.password_unsure')}`;
  bind(form, {
    rules: {
      currentPassword: filled('fields.password_needed'),
      newPassword: (value) => rule(value, { username, email }),
    },
    send: (json) => askAsMember('POST', '/auth/change-password', { json }),
    done() {
      isUnsure = false;
      form.reset();
      tell($('password-changed'), say('account.password_changed'));
      announce(say('account.password_changed'));
      listSessions();
    },
    refused(reply) {
      isUnsure ||= isUndecided(reply);
      // To the server this is a log-in that fails; here it is one field.
      if (reply.slug !== 'invalid-credentials') return false;
      const wrong = say('account.password_wrong');
      mark(currentPassword, isUnsure ? unsure(wrong) : wrong);
      currentPassword.focus();
      currentPassword.select();
      return true;
    },
    problems: Object.fromEntries(UNDECIDED.map((slug) => [slug, unsure(say(`common.${slug}`))])),
  });
  form.addEventListener('input', () => tell($('password-changed'), ''));
}
