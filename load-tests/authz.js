// What a proxy asks for each request to the platform: nine of ten are let through.
//
//   AUTHZ_URLS   the nodes, as http://10.0.0.1:8080,http://10.0.0.2:8080: from outside nobody may ask

import exec from 'k6/execution';
import { asCandidate, asUser, refused } from './lib/authz.js';
import { getIn } from './lib/candidate.js';
import { invitations } from './lib/invitations.js';
import { signUp } from './lib/member.js';
import { mark, pick } from './lib/people.js';
import { options as common, summary, thresholds } from './lib/summary.js';

const SECONDS = Number(__ENV.DURATION || 60);
const RATE = Number(__ENV.RATE || 100);
// Sessions of each kind. Their log-ins are no part of the load.
const SESSIONS = 5;

export const options = {
  ...common,
  // The proxy's connections are few, and last.
  noVUConnectionReuse: false,
  scenarios: {
    requests: {
      executor: 'constant-arrival-rate',
      exec: 'ask',
      rate: RATE,
      duration: `${SECONDS}s`,
      preAllocatedVUs: 2 * RATE,
    },
  },
  thresholds: thresholds('redis'),
};

export function setup() {
  const run = mark();
  const sessions = invitations(SESSIONS).map((invited, n) => ({
    sessionToken: getIn(invited),
    access: signUp(`a${run}_${n}`).session.accessToken,
  }));
  return { sessions };
}

export function ask({ sessions }) {
  const session = pick(sessions);
  switch (exec.scenario.iterationInTest % 50) {
    // Five questions.
    case 0: return refused(session);
    default: return exec.scenario.iterationInTest % 2 ? asUser(session.access) : asCandidate(session.sessionToken);
  }
}

export const handleSummary = (data) => summary(data, SECONDS);
