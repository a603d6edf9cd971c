// What the account page reads, it reads until somebody answers, and says meanwhile why there is nothing to see.

import { insist } from './api.js';
import { askAsMember } from './member.js';
import { say } from './say.js';
import { $, announce, tell } from './view.js';

/** Asks as the member until it is decided. */
export async function read(method, path) {
  const reply = await insist(() => askAsMember(method, path), ({ slug }) =>
    trouble(say(slug === 'no-network' ? 'account.waits_for_network' : 'account.waits')));
  trouble('');
  return reply;
}

/** Says above everything what is wrong; nothing is right. */
export function trouble(text) {
  const strip = $('trouble');
  if (strip.textContent === text) return;
  tell(strip, text);
  announce(text);
}
