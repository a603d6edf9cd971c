// The three checks: their states, what they show, and how to fix what failed.

import { devicesOf, lacking, open } from './devices.js';
import { ear, listen } from './level.js';
import { say } from './say.js';
import { $, announce, tell } from './view.js';

/** Longer than a camera takes to wake, and than somebody needs to say a few words. */
const PICTURE_MS = 8_000;
const SOUND_MS = 10_000;

const STATES = {
  untested: 'pre_check.untested',
  testing: 'pre_check.testing',
  ready: 'pre_check.ready',
  attention: 'pre_check.attention',
};
const NAMES = { browser: 'pre_check.browser', camera: 'pre_check.camera', microphone: 'pre_check.microphone' };
const NEEDS = { media: 'pre_check.needs_media', sockets: 'pre_check.needs_sockets', calls: 'pre_check.needs_calls' };
const FIXES = {
  denied: matchMedia('(pointer: coarse)').matches ? 'pre_check.fix_denied_phone' : 'pre_check.fix_denied_computer',
  dismissed: 'pre_check.fix_dismissed',
  system: 'pre_check.fix_system',
  missing: 'pre_check.fix_missing',
  in_use: 'pre_check.fix_in_use',
  gone: 'pre_check.fix_gone',
  unplugged: 'pre_check.fix_unplugged',
  paused: 'pre_check.fix_paused',
  dark: 'pre_check.fix_dark',
  silent: 'pre_check.fix_silent',
  quiet: 'pre_check.fix_quiet',
  unknown: 'pre_check.fix_unknown',
};

/** Both kinds of devices. */
export const KINDS = ['camera', 'microphone'];

const states = { browser: 'untested', camera: 'untested', microphone: 'untested' };
const tracks = {};
const chosen = {};
/** Ends the look at a device, by kind. */
const ends = {};
/** Grows when devices are let go of. */
let round = 0;
let changed = () => {};

/** Calls `told` whenever a check has changed its state. */
export function onChange(told) {
  changed = told;
}

/** The checks that are in one of these states. */
export function those(...wanted) {
  return Object.keys(states).filter((name) => wanted.includes(states[name]));
}

/** Their names, one after the other. */
export function named(names) {
  return listed(names.map((name) => say(NAMES[name])));
}

function listed(words) {
  return new Intl.ListFormat(document.documentElement.lang, { type: 'unit' }).format(words);
}

function set(name, state, fix = '') {
  states[name] = state;
  const item = $(name);
  item.dataset.state = state;
  item.querySelector('.state').textContent = say(STATES[state]);
  tell(item.querySelector('.fix'), fix);
  changed();
}

/** What a check has come to, for those who do not see it. */
function spoken(name) {
  const fix = $(name).querySelector('.fix').textContent;
  return `${say('pre_check.spoken', { check: say(NAMES[name]), state: say(STATES[states[name]]) })} ${fix}`.trim();
}

/** @returns {boolean} whether devices can be asked for */
export function checkBrowser() {
  const missing = lacking();
  if (!isSecureContext) set('browser', 'attention', say('pre_check.fix_insecure'));
  else if (missing.length === 0) set('browser', 'ready');
  else set('browser', 'attention', say('pre_check.fix_browser', { missing: listed(missing.map((need) => say(NEEDS[need]))) }));
  return !missing.includes('media');
}

/** Opens devices of these kinds and looks at them; says at the end what came of it. */
export async function checkDevices(kinds) {
  for (const kind of kinds) {
    close(kind);
    set(kind, 'testing');
  }
  const now = round;
  const opened = await open(kinds, chosen);
  // Nobody wants them any more.
  if (now !== round) return Object.values(opened).forEach(({ track }) => track?.stop());
  const looks = kinds.map((kind) => take(kind, opened[kind]));
  KINDS.forEach(offerChoice);
  if (opened.microphone?.track) announce(say('pre_check.speak'));
  await Promise.all(looks);
  announce(kinds.map(spoken).join(' '));
}

/** Lets go of camera and microphone; what was found of them is forgotten. */
export function closeDevices() {
  round += 1;
  for (const kind of KINDS) {
    close(kind);
    set(kind, 'untested');
  }
}

function close(kind) {
  end(kind);
  tracks[kind]?.stop();
  delete tracks[kind];
}

function take(kind, { track, reason }) {
  close(kind);
  if (!track) return fail(kind, reason);
  tracks[kind] = track;
  // Neither comes of our own stop().
  track.onended = () => lose(kind, 'unplugged');
  track.onmute = () => lose(kind, 'paused');
  track.onunmute = () => look(kind, track).then(() => announce(spoken(kind)));
  return look(kind, track);
}

function fail(kind, reason) {
  // The next try takes what there is.
  if (reason === 'gone') delete chosen[kind];
  set(kind, 'attention', say(FIXES[reason] ?? FIXES.unknown));
}

function lose(kind, reason) {
  end(kind);
  fail(kind, reason);
  announce(spoken(kind));
}

/** Looks at what a device sends. @returns {Promise<void>} fulfilled when it has come to something */
function look(kind, track) {
  end(kind);
  set(kind, 'testing');
  const looked = new Promise((over) => (kind === 'camera' ? see : hear)(track, over));
  // A browser may open a device, and have no means to look at it.
  return looked.catch(() => {
    end(kind);
    fail(kind, 'unknown');
  });
}

function end(kind) {
  ends[kind]?.();
  delete ends[kind];
}

function see(track, over) {
  const preview = $('preview');
  const late = setTimeout(() => {
    fail('camera', 'dark');
    over();
  }, PICTURE_MS);
  preview.onloadeddata = () => {
    clearTimeout(late);
    set('camera', 'ready');
    over();
  };
  ends.camera = () => {
    clearTimeout(late);
    preview.onloadeddata = null;
    preview.srcObject = null;
    preview.hidden = true;
    over();
  };
  preview.hidden = false;
  preview.srcObject = new MediaStream([track]);
  // Where the browser will not play it, no picture comes.
  preview.play().catch(() => {});
}

function hear(track, over) {
  const judge = ear();
  let found = 'silent';
  /** What was complained of, once the time was over. */
  let said = '';
  const complain = () => {
    said = found;
    fail('microphone', found);
    $('speak').hidden = true;
    $('moves').hidden = found === 'silent';
  };
  const pass = () => {
    clearTimeout(late);
    set('microphone', 'ready');
    $('speak').hidden = $('moves').hidden = true;
    over();
  };
  const stop = listen(track, (level) => {
    drawLevel(level);
    if (states.microphone === 'ready') return;
    found = judge(level);
    if (found === 'spoken') pass();
    else if (said !== '' && said !== found) complain();
    else return;
    // It may be heard after all.
    if (said !== '') announce(spoken('microphone'));
  });
  const late = setTimeout(() => {
    complain();
    over();
  }, SOUND_MS);
  ends.microphone = () => {
    clearTimeout(late);
    stop();
    $('sound').hidden = true;
    over();
  };
  $('moves').onclick = () => {
    pass();
    // This button is gone.
    $('start').focus();
  };
  $('sound').hidden = false;
  $('speak').hidden = false;
  $('moves').hidden = true;
}

function drawLevel(level) {
  $('level').style.setProperty('--level', level);
  $('level').setAttribute('aria-valuenow', level);
}

/** A choice, where there is one. */
async function offerChoice(kind) {
  const devices = await devicesOf(kind);
  const choice = $(`${kind}-choice`);
  const used = tracks[kind]?.getSettings().deviceId ?? chosen[kind];
  choice.replaceChildren(...devices.map(({ deviceId, label }, index) =>
    new Option(label || say('pre_check.device', { n: index + 1 }), deviceId, false, deviceId === used)));
  choice.parentElement.hidden = devices.length < 2;
  choice.onchange = () => {
    chosen[kind] = choice.value;
    checkDevices([kind]);
  };
}

navigator.mediaDevices?.addEventListener?.('devicechange', () => {
  if (those('untested').length === 0) KINDS.forEach(offerChoice);
});
