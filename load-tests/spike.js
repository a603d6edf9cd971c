// A class of hundreds opens its links at once: ten times as many as before, for a fifth of the time. Nobody is answered
// wrongly: served, or told when to come back. Afterwards it is as it was.

import { check } from 'k6';
import exec from 'k6/execution';
import { call } from './lib/call.js';
import { invitations } from './lib/invitations.js';
import { pick } from './lib/people.js';
import { options as common, PATIENCE, summary, thresholds } from './lib/summary.js';

const SECONDS = Number(__ENV.DURATION || 60);
const RATE = Number(__ENV.RATE || 15);
const LINKS = 50;
// Shares of the time: calm, up, the spike, down, calm.
const [CALM, EDGE, SPIKE] = [0.35, 0.05, 0.2].map((share) => Math.round(share * SECONDS));

const stage = (duration, target) => ({ duration: `${duration}s`, target });

export const options = {
  ...common,
  scenarios: {
    visitors: {
      executor: 'ramping-arrival-rate',
      exec: 'visitor',
      startRate: RATE,
      stages: [stage(CALM, RATE), stage(EDGE, 10 * RATE), stage(SPIKE, 10 * RATE), stage(EDGE, RATE), stage(CALM, RATE)],
      // 120 a minute of each address, and some of chance.
      preAllocatedVUs: Math.max(20 * RATE, Math.ceil((4 * RATE * SECONDS) / 100)),
      gracefulStop: '30s',
    },
  },
  thresholds: {
    ...thresholds(),
    // Shed is what comes in the spike alone.
    'http_reqs{phase:calm,status:503}': ['count==0'],
    'http_req_duration{phase:calm}': [`p(99)<${1_000 * PATIENCE}`],
    'http_req_duration{phase:spike}': [`p(99)<${5_000 * PATIENCE}`],
  },
};

export const setup = () => ({ links: invitations(LINKS) });

export function visitor({ links }) {
  const at = (Date.now() - exec.scenario.startTime) / 1_000;
  const calm = at < CALM || at > CALM + 2 * EDGE + SPIKE + 2;
  exec.vu.metrics.tags.phase = calm ? 'calm' : 'spike';
  const answer = call('info', 'redis', 'GET', `/candidate-access/${pick(links).token}/info`, [200, 503]);
  check(answer, { 'who is shed is told when to come back': ({ status, headers }) => status === 200 || Number(headers['Retry-After']) > 0 });
}

export const handleSummary = (data) => summary(data, SECONDS);
