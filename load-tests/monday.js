// The Monday morning of an interview platform: the mixture that `make load` runs.
//
// A platform with 3,000 interviews a day. Monday is its busiest: 600 begin at nine, and their candidates come within the
// ten minutes before it, one in a second, while 500 of an earlier half-hour sit in their rooms. Of these people come, in
// each second, with SCALE=1:
//
//   candidates   1     go all the way in: two pages with what they load, and six calls; one in four slips at the code
//   visitors     5     look again: a reload, another tab, the phone beside the computer. People who wait do that
//   scanners     2     fetch a page as mail scanners do, script and all, for the 100 invitations that are read in a minute
//   rooms       60     questions of the proxy, for 500 rooms: a heartbeat each 10 s, and what a page loads
//   portals     25     the same of 250 members and recruiters who read, each 10 s
//   comers       0.25  members who log in and stay for a while: 250 within a quarter of an hour
//   newcomers    0.1   sign up, come back and go: a campaign that was sent out on Friday
//   forgetful    0.05  have forgotten their password over the weekend; it is one in five of those who log in
//
// Half of the requests are a proxy's questions, more than a third are pages and assets, and one in 200 costs a hash.
// SCALE=10 is a platform ten times as large. What is not in it: recruiters who invite, for that is Friday's.

import exec from 'k6/execution';
import { asCandidate, asUser } from './lib/authz.js';
import { getIn, info, page } from './lib/candidate.js';
import { invitations } from './lib/invitations.js';
import { comeAndGo, forget, logIn, me, refresh, signUp } from './lib/member.js';
import { mark, pick, think } from './lib/people.js';
import { options as common, summary, thresholds } from './lib/summary.js';

const SECONDS = Number(__ENV.DURATION || 60);
const SCALE = Number(__ENV.SCALE || 1);
// Of each kind: whoever came before the test. The six sign-ups are of one address, which a VU of the test has, too.
const SESSIONS = 3;

/** Who comes, for so many seconds. */
export function scenarios(seconds) {
  // `rate` in 100 s, by `vus` at a time: what waits for none of them is dropped, so a proxy that asks has 2 s of patience.
  const each = (name, rate, vus) => ({
    executor: 'constant-arrival-rate',
    exec: name,
    rate: Math.max(1, Math.round(rate * SCALE)),
    timeUnit: '100s',
    duration: `${seconds}s`,
    preAllocatedVUs: Math.ceil(vus * Math.max(1, SCALE)),
  });
  return {
    candidates: each('candidate', 100, 30),
    visitors: each('visitor', 500, 20),
    scanners: each('scanner', 200, 10),
    rooms: each('room', 6_000, 120),
    portals: each('portal', 2_500, 50),
    comers: each('comer', 25, 10),
    // Of one address come at most 10 sign-ups in an hour: two are expected of each VU, or one.
    newcomers: each('newcomer', 10, Math.max(10, seconds / 20)),
    forgetful: each('forgetter', 5, Math.max(10, seconds / 20)),
  };
}

export const options = {
  ...common,
  scenarios: scenarios(SECONDS),
  thresholds: thresholds('page', 'redis', 'row', 'hash'),
};

/** Whom they come to, and who came before. */
export function prepare(seconds) {
  const run = mark();
  const invited = invitations(Math.ceil(SCALE * seconds) + 1 + SESSIONS);
  const sessions = invited.splice(0, SESSIONS).map((link, n) => {
    const { session } = signUp(`s${run}_${n}`);
    return { sessionToken: getIn(link), access: session.accessToken };
  });
  // Others than those: at each log-in too many, the oldest session of a user ends.
  const comers = sessions.map((_, n) => signUp(`c${run}_${n}`));
  return { run, invited, sessions, comers };
}

export const setup = () => prepare(SECONDS);

const nth = () => exec.scenario.iterationInTest;

export const candidate = ({ invited }) => getIn(invited[nth()], { slips: nth() % 4 === 0 });

export const visitor = ({ invited }) => info(pick(invited).token);

export const scanner = ({ invited }) => page(`/interview/join/${pick(invited).token}`);

export const room = ({ sessions }) => asCandidate(pick(sessions).sessionToken);

export const portal = ({ sessions }) => asUser(pick(sessions).access);

export function comer({ comers }) {
  const { username, password } = pick(comers);
  const session = logIn(username, password);
  if (session === null) return;
  me(session.accessToken, 200);
  think(2, 4);
  const next = refresh(session.refreshToken);
  if (next !== null) me(next.accessToken, 200);
}

export const newcomer = ({ run }) => comeAndGo(`n${run}_${nth().toString(36)}`);

export const forgetter = ({ run }) => forget(`f${run}_${nth().toString(36)}`);

export const handleSummary = (data) => summary(data, SECONDS);
