// The account of a member: who one is; the parts of it stand in modules of their own.

import { openPassword } from './account_password.js';
import { openProfile } from './account_profile.js';
import { problemOf, read, trouble } from './account_read.js';
import { openResume } from './account_resume.js';
import { openSessions } from './account_sessions.js';
import { busy } from './form.js';
import { askAsMember, follow, isKept, leave } from './member.js';
import { say } from './say.js';
import { $, announce, show, tell } from './view.js';

/** Of a member, there is nothing to say. */
const ROLES = { recruiter: say('account.role_recruiter'), admin: say('account.role_admin') };

if (isKept()) open();
else leave();

async function open() {
  follow();
  const { ok, body: user } = await read('GET', '/auth/me');
  if (!ok) return trouble(user.detail);
  introduce(user);
  $('log-out').hidden = false;
  $('log-out').addEventListener('click', logOut);
  openProfile(user, introduce);
  openResume(user);
  openSessions();
  openPassword(user);
  show('account', { focus: false });
}

function introduce({ fullName, username, email, role }) {
  tell($('who'), fullName ?? username);
  tell($('address'), [email, ROLES[role]].filter(Boolean).join(' · '));
}

/** Who is told that they are logged out is: while nobody answers, they are not. */
async function logOut({ target }) {
  busy(target, true);
  const reply = await askAsMember('POST', '/auth/logout');
  busy(target, false);
  if (reply.ok) return leave();
  const text = problemOf(reply);
  trouble(text);
  announce(text);
}
