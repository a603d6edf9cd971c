// What the account page reads, it reads until somebody answers, and says meanwhile why there is nothing to see.

import { insist, isUndecided } from './api.js';
import { askAsMember } from './member.js';
import { say } from './say.js';
import { $, announce, tell } from './view.js';

// The reader's own way to write times.
const when = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** Asks as the member until it is decided. Who is told to wait asks after that, too. */
export async function read(method, path) {
  const isOpen = (reply) => isUndecided(reply) || reply.status === 429;
  const reply = await insist(() => askAsMember(method, path), (open) => trouble(why(open)), isOpen);
  trouble('');
  return reply;
}

function why({ status, slug, wait }) {
  if (status === 429) return say('account.waits_for_turn', { time: when.format(Date.now() + wait * 1000) });
  return say(slug === 'no-network' ? 'account.waits_for_network' : 'account.waits');
}

/** What to say of a refusal that a part of the page has no words of its own for. */
export function problemOf(reply) {
  return isUndecided(reply) ? say(`common.${reply.slug}`) : reply.body.detail;
}

/** Says above everything what is wrong; nothing is right. */
export function trouble(text) {
  const strip = $('trouble');
  if (strip.textContent === text) return;
  tell(strip, text);
  announce(text);
}
