// Candidates, each of whom goes all the way in, and visitors who reload their pages meanwhile.

import exec from 'k6/execution';
import { getIn, info } from './lib/candidate.js';
import { invitations } from './lib/invitations.js';
import { pick } from './lib/people.js';
import { options as common, summary, thresholds } from './lib/summary.js';

const SECONDS = Number(__ENV.DURATION || 60);
const RATE = Number(__ENV.RATE || 5);

export const options = {
  ...common,
  scenarios: {
    candidates: {
      executor: 'constant-arrival-rate',
      exec: 'candidate',
      rate: RATE,
      duration: `${SECONDS}s`,
      // Everybody is there for some 10 s; of one address come at most 120 requests in a minute, and a candidate makes 6.
      preAllocatedVUs: 20 * RATE,
    },
    visitors: {
      executor: 'constant-arrival-rate',
      exec: 'visitor',
      rate: 10 * RATE,
      duration: `${SECONDS}s`,
      preAllocatedVUs: 20 * RATE,
    },
  },
  thresholds: thresholds('page', 'redis'),
};

export const setup = () => ({ invited: invitations(RATE * SECONDS + 1) });

export function candidate({ invited }) {
  const n = exec.scenario.iterationInTest;
  getIn(invited[n], { slips: n % 4 === 0 });
}

export const visitor = ({ invited }) => info(pick(invited).token);

export const handleSummary = (data) => summary(data, SECONDS);
