// The mixture of a Monday for long: DURATION seconds, 600 by default and 3,000 at most, for sessions of an hour are made
// at first. Nothing may grow but what is kept: memory and open files of each node are looked at after a tenth of the time
// and at the end, and no queue is left.
//
//   ADMIN_URLS   the admin listeners of the nodes, as http://10.0.0.1:9090,http://10.0.0.2:9090; none looks at no node

import { check, sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { options as monday, prepare, scenarios } from './monday.js';
import { summary } from './lib/summary.js';

export { candidate, visitor, scanner, room, portal, comer, newcomer, forgetter } from './monday.js';

const SECONDS = Number(__ENV.DURATION || 600);
const ADMINS = (__ENV.ADMIN_URLS || '').split(',').filter((url) => url !== '');
// An allocator keeps some of what it once had.
const BYTES_MORE = 32 * 1024 * 1024;
const FILES_MORE = 64;

export const options = {
  ...monday,
  scenarios: {
    ...scenarios(SECONDS),
    growth: { executor: 'per-vu-iterations', exec: 'growth', vus: 1, iterations: 1, maxDuration: `${SECONDS + 120}s` },
  },
};

export const setup = () => prepare(SECONDS);

const values = (admin) => {
  const { body } = http.get(`${admin}/metrics`, { tags: { name: 'metrics', kind: 'metrics', load: 'no' } });
  const value = (series) => Number((new RegExp(`^${series} (\\S+)$`, 'm').exec(body) || [])[1]);
  return {
    bytes: value('process_resident_memory_bytes'),
    files: value('process_open_fds'),
    mails: value('vestibule_queue_jobs\\{queue="mail"\\}'),
  };
};

export function growth() {
  const started = exec.scenario.startTime;
  const until = (seconds) => sleep(Math.max(0, seconds - (Date.now() - started) / 1_000));
  until(SECONDS / 10);
  const before = ADMINS.map(values);
  until(SECONDS + 30);
  ADMINS.map(values).forEach((after, n) => {
    check(after, {
      'memory does not grow': ({ bytes }) => bytes < before[n].bytes * 1.25 + BYTES_MORE,
      'open files do not grow': ({ files }) => files <= before[n].files + FILES_MORE,
      'no mail is left': ({ mails }) => mails === 0,
    });
    console.info(`node ${n + 1}: ${before[n].bytes >> 20} MiB, then ${after.bytes >> 20}; ${before[n].files} files, then ${after.files}`);
  });
}

export const handleSummary = (data) => summary(data, SECONDS);
