// Members, each of whom signs up, comes back, keeps a profile and leaves: three hashes each.

import exec from 'k6/execution';
import { comeAndGo } from './lib/member.js';
import { mark } from './lib/people.js';
import { options as common, summary, thresholds } from './lib/summary.js';

const SECONDS = Number(__ENV.DURATION || 60);
// Two cores hash some 60 passwords a second, at nice 10: this is a fourth of that, and k6 wants some of them, too.
const RATE = Number(__ENV.RATE || 5);

export const options = {
  ...common,
  scenarios: {
    members: {
      executor: 'constant-arrival-rate',
      exec: 'member',
      rate: RATE,
      duration: `${SECONDS}s`,
      // Of one address come at most 10 sign-ups in an hour: two are expected of each VU.
      preAllocatedVUs: Math.max(20, Math.ceil((RATE * SECONDS) / 2)),
    },
  },
  thresholds: thresholds('redis', 'row', 'hash'),
};

export const setup = () => ({ run: mark() });

export const member = ({ run }) => comeAndGo(`m${run}_${exec.scenario.iterationInTest.toString(36)}`);

export const handleSummary = (data) => summary(data, SECONDS);
