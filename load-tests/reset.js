// Members who forget their password: the mailed token sets another, once, and ends every session.

import exec from 'k6/execution';
import { forget } from './lib/member.js';
import { mark } from './lib/people.js';
import { needsCodes } from './lib/recipient.js';
import { options as common, summary, thresholds } from './lib/summary.js';

const SECONDS = Number(__ENV.DURATION || 60);
// Five hashes each.
const RATE = Number(__ENV.RATE || 2);

export const options = {
  ...common,
  scenarios: {
    members: {
      executor: 'constant-arrival-rate',
      exec: 'member',
      rate: RATE,
      duration: `${SECONDS}s`,
      // Of one address come at most 20 tries of a token in 10 minutes, and a token may want some: one VU, one member.
      preAllocatedVUs: RATE * SECONDS + 1,
    },
  },
  thresholds: thresholds('redis', 'row', 'hash'),
};

export function setup() {
  needsCodes();
  return { run: mark() };
}

export const member = ({ run }) => forget(`r${run}_${exec.scenario.iterationInTest.toString(36)}`);

export const handleSummary = (data) => summary(data, SECONDS);
