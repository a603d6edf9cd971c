// Ask for a link that sets a new password. The answer is the same for every address, and so is the page's.

import { ask } from './api.js';
import { bind } from './form.js';
import { email } from './rules.js';
import { sayCount } from './say.js';
import { $, show } from './view.js';

const form = $('forgot');
const sent = $('sent');

bind(form, {
  rules: { email },
  send: (typed) => ask('POST', '/auth/forgot-password', { json: typed }),
  done() {
    sent.textContent = sayCount('forgot.sent', Number(sent.dataset.minutes), { email: form.elements.email.value.trim() });
    show('sent');
  },
});

$('again').addEventListener('click', () => {
  show('form', { focus: false });
  form.elements.email.select();
});
