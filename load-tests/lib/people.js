// What people do between requests, and how they are told apart.

import { sleep } from 'k6';
import exec from 'k6/execution';

// 1 is as it is written; 0 is a machine.
const THINK = Number(__ENV.THINK || 1);

/** Somebody reads, types, looks into their mail: so many seconds, as it comes. */
export function think(from, to) {
  // `setup` is in a hurry.
  if (THINK > 0 && exec.vu.idInTest > 0) sleep(THINK * (from + Math.random() * (to - from)));
}

/** Of this run alone: usernames are unique for ever. */
export function mark() {
  return Date.now().toString(36);
}

export function pick(list) {
  return list[Math.floor(Math.random() * list.length)];
}
