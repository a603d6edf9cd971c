// Set a new password, with the token that the mailed link has in its fragment.

import { ask } from './api.js';
import { bind, revealPasswords } from './form.js';
import { forget, withStorage } from './member.js';
import { newPassword } from './rules.js';
import { $, show } from './view.js';

// A phone drops this tab while one looks for a password in another app, and loads it again: the token has to outlive
// that. In sessionStorage, it is this tab's alone; it goes when it is used or refused, and is worthless after minutes.
// Where the browser keeps nothing, the page alone has it.
const KEY = 'vestibule_reset';

let token = taken() ?? withStorage(() => sessionStorage.getItem(KEY));

const form = $('reset');

revealPasswords();
bind(form, {
  rules: { newPassword: newPassword(form.elements.newPassword) },
  send: (typed) => ask('POST', '/auth/reset-password', { json: { token, ...typed } }),
  done() {
    drop();
    // All sessions of the account are over, and the one that this browser keeps is hardly another's.
    forget();
    form.reset();
    show('done');
  },
  refused({ slug }) {
    if (slug !== 'reset-token-invalid') return false;
    drop();
    form.reset();
    show('refused');
    return true;
  },
});

if (token === null) show('missing', { focus: false });

// Another link, opened in this tab.
addEventListener('hashchange', () => {
  const another = taken();
  if (another === null) return;
  token = another;
  show('form');
});

/** The token out of the address bar, where it must not stay: not for a glance, nor in the history. */
function taken() {
  const found = new URLSearchParams(location.hash.slice(1)).get('token');
  if (!found) return null;
  history.replaceState(null, '', location.pathname);
  withStorage(() => sessionStorage.setItem(KEY, found));
  return found;
}

function drop() {
  token = null;
  withStorage(() => sessionStorage.removeItem(KEY));
}
