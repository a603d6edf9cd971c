// Where the member is logged in.

import { problemOf, read } from './account_read.js';
import { askFirst } from './account_sure.js';
import { busy } from './form.js';
import { askAsMember, leave } from './member.js';
import { say } from './say.js';
import { $, announce, tell } from './view.js';

// The reader's own way to write times.
const when = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

// In this order: most call themselves by the names of others, too.
const BROWSERS = [
  [/Edg(e|A|iOS)?\//, 'Edge'],
  [/OPR\/|Opera/, 'Opera'],
  [/SamsungBrowser\//, 'Samsung Internet'],
  [/Firefox\/|FxiOS\//, 'Firefox'],
  [/Chrome\/|CriOS\/|Chromium\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];
const SYSTEMS = [
  [/Android/, 'Android'],
  [/iPhone/, 'iPhone'],
  [/iPad/, 'iPad'],
  [/CrOS/, 'ChromeOS'],
  [/Windows/, 'Windows'],
  [/Mac OS X|Macintosh/, 'Mac'],
  [/Linux/, 'Linux'],
];
const CHARACTERS_MAX = 60;

export function openSessions() {
  askFirst($('everywhere'), $('everywhere-sure'), logOutEverywhere);
  listSessions();
}

/** Reads the list, and shows it. */
export async function listSessions() {
  const { ok, body } = await read('GET', '/auth/sessions');
  if (!ok) return complain(body.detail);
  // This one first: one looks for what is strange among the others.
  const items = [...body.items].sort((a, b) => b.current - a.current);
  $('sessions').replaceChildren(...items.map(row));
}

function row(session) {
  const row = $('session').content.firstElementChild.cloneNode(true);
  const name = deviceName(session.device);
  row.querySelector('strong').textContent = name;
  row.querySelector('.badge').hidden = !session.current;
  const time = row.querySelector('time');
  [time.dateTime, time.textContent] = [session.lastUsed, when.format(new Date(session.lastUsed))];
  const [before, after] = row.querySelectorAll('.small span');
  [before.textContent, after.textContent] = [say('account.session_used'), say('account.session_from', session)];
  const button = row.querySelector('button');
  button.hidden = session.current;
  button.setAttribute('aria-label', say('account.session_end_of', { name, time: time.textContent }));
  button.addEventListener('click', () => end(session, row, button));
  return row;
}

async function end({ id }, row, button) {
  tell($('sessions-problem'), '');
  busy(button, true);
  const reply = await askAsMember('DELETE', `/auth/sessions/${id}`);
  busy(button, false);
  // It was over already.
  if (!reply.ok && reply.status !== 404) return complain(problemOf(reply));
  const next = row.nextElementSibling?.querySelector('button') ?? $('sessions-title');
  row.remove();
  next.focus();
  announce(say('account.session_ended'));
}

async function logOutEverywhere() {
  tell($('sessions-problem'), '');
  busy($('everywhere'), true);
  const reply = await askAsMember('POST', '/auth/logout-all');
  busy($('everywhere'), false);
  if (reply.ok) return leave();
  complain(problemOf(reply));
}

function complain(text) {
  tell($('sessions-problem'), text);
  announce(text);
}

/** The browser and what it runs on; where we do not know it, as it calls itself. */
function deviceName(agent) {
  const [browser, system] = [BROWSERS, SYSTEMS].map((names) => names.find(([sign]) => sign.test(agent))?.[1]);
  if (browser && system) return say('account.device', { browser, system });
  return agent === '' ? say('account.device_unknown') : [...agent].slice(0, CHARACTERS_MAX).join('');
}
