// How a load test learns what is mailed: it computes it (test_recipients.* of the configuration), or reads the captured
// mailbox of development mode.
//
//   TEST_KEY, TEST_DOMAIN   test_recipients.key and .domain of the deployment
//   MAILBOX                 http://127.0.0.1:9090/dev/mail.json

import { check, sleep } from 'k6';
import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import http from 'k6/http';

const { TEST_KEY, MAILBOX } = __ENV;
export const DOMAIN = __ENV.TEST_DOMAIN || (MAILBOX ? 'example.com' : 'load.test');

const MAIL_PATIENCE = 10;
const MAIL_POLL = 0.1;

export function needsCodes() {
  if (!TEST_KEY && !MAILBOX) throw new Error('set TEST_KEY (test_recipients.key), or MAILBOX in development mode');
}

/** The code with this mark; null where it does not arrive. */
export function codeOf(token, ref, email) {
  if (!MAILBOX) {
    const mac = crypto.hmac('sha256', TEST_KEY, `code:${token}:${ref}`, 'hex');
    return String(parseInt(mac.slice(0, 12), 16) % 1_000_000).padStart(6, '0');
  }
  const mail = mailed(email, ({ subject }) => subject.includes(`(${ref})`));
  return mail && mail.subject.slice(0, 6);
}

/** The token of a reset link; `version` is 1 at first, and one more with each change of the password. */
export function resetTokenOf(user, version) {
  if (!MAILBOX) {
    const mac = crypto.hmac('sha256', TEST_KEY, `reset:${user.id}:${version}`, 'hex');
    const hex = user.id.replaceAll('-', '') + mac;
    const bytes = new Uint8Array(hex.match(/../g).map((byte) => parseInt(byte, 16)));
    return encoding.b64encode(bytes.buffer, 'rawurl');
  }
  const mail = mailed(user.email, ({ text }) => text.includes('#token='));
  return mail && /#token=(\S+)/.exec(mail.text)[1];
}

function mailed(email, isIt) {
  for (let waited = 0; waited < MAIL_PATIENCE; waited += MAIL_POLL) {
    const answer = http.get(`${MAILBOX}?to=${email}`, { tags: { name: 'mailbox', kind: 'mailbox' } });
    const found = answer.json().find(isIt);
    if (found) return found;
    sleep(MAIL_POLL);
  }
  check(null, { 'the mail arrives': () => false });
  return null;
}
