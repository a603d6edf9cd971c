// The resume: sent as soon as it is chosen, with how much of it has gone out.

import { unanswered } from './api.js';
import { noteResume } from './account_profile.js';
import { problemOf, read } from './account_read.js';
import { askFirst } from './account_sure.js';
import { busy } from './form.js';
import { askAsMember, putAsMember } from './member.js';
import { clock, say } from './say.js';
import { $, announce, tell } from './view.js';

const PATH = '/profile/resume';
/** Some browsers begin to save a file after the script that asked for it. */
const SAVE_MS = 60_000;

const file = $('resume-file');
const sizeMax = Number(file.dataset.max);
let kind;
/** Of the resume that is kept; none, or not told, is 0. */
let bytesKept = 0;
/** What was done to it so far: who has looked before, does not know what came of the last. */
let acts = 0;

export async function openResume({ profile }) {
  tell($('resume-hint'), say('account.resume_hint', { size: size(sizeMax) }));
  none();
  listen();
  await look(profile);
}

/** Shows what is there. */
async function look({ missing }) {
  const before = acts;
  const { ok, header } = missing.includes('resume') ? { ok: false } : await read('HEAD', PATH);
  if (acts !== before) return;
  if (ok) there(header('content-type'), Number(header('content-length')));
  else none();
  noteResume(ok);
}

function none() {
  bytesKept = 0;
  $('resume-kept').hidden = true;
  tell($('resume-label'), say('account.resume_choose'));
}

function there(mediaType, bytes) {
  [kind, bytesKept] = [kindOf(mediaType), bytes];
  // A proxy that compresses does not tell how long it is.
  tell($('resume-kind'), bytes > 0 ? `${kind.name} · ${size(bytes)}` : kind.name);
  $('resume-kept').hidden = false;
  tell($('resume-label'), say('account.resume_replace'));
}

function kindOf(mediaType) {
  if (mediaType.includes('pdf')) return { name: say('account.resume_pdf'), end: 'pdf' };
  if (mediaType.includes('word')) return { name: say('account.resume_docx'), end: 'docx' };
  return { name: say('account.resume_text'), end: 'txt' };
}

function listen() {
  file.addEventListener('change', () => {
    const [chosen] = file.files;
    if (chosen) upload(chosen);
  });
  $('resume-download').addEventListener('click', download);
  askFirst($('resume-delete'), $('resume-sure'), remove);
  const drop = $('resume-choose');
  const over = (is) => (event) => {
    event.preventDefault();
    drop.toggleAttribute('data-over', is);
  };
  drop.addEventListener('dragover', over(true));
  drop.addEventListener('dragleave', over(false));
  drop.addEventListener('drop', (event) => {
    over(false)(event);
    const [dropped] = event.dataTransfer.files;
    if (dropped) upload(dropped);
  });
  addEventListener('dragover', miss);
  addEventListener('drop', miss);
}

/** The browser would open a file that falls beside, and leave the page. */
function miss(event) {
  if (event.defaultPrevented || !event.dataTransfer.types.includes('Files')) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = 'none';
}

async function upload(chosen) {
  hush();
  if (chosen.size === 0) return refuse(say('account.resume_empty'));
  if (chosen.size > sizeMax) return refuse(say('account.resume_large', { size: size(sizeMax) }));
  const abort = new AbortController();
  const cancel = () => abort.abort();
  $('resume-cancel').addEventListener('click', cancel);
  uploading(chosen.name);
  announce(say('account.resume_sending', { name: chosen.name }));
  const reply = await send(chosen, abort.signal);
  $('resume-cancel').removeEventListener('click', cancel);
  $('resume-upload').hidden = true;
  $('resume-choose').hidden = false;
  // So that the same file can be chosen again.
  file.value = '';
  if (abort.signal.aborted) return cancelled(chosen);
  if (!reply.ok) return refuse(why(reply));
  there(reply.body.mediaType, reply.body.size);
  noteResume(true);
  conclude(say('account.resume_kept'));
}

/** A session that is over is refused before the file is read: a browser that still sends it sees a dead network. */
async function send(chosen, signal) {
  const cut = new Promise((done) => signal.addEventListener('abort', () => done(unanswered())));
  const renewed = await Promise.race([askAsMember('GET', '/auth/me'), cut]);
  return renewed.ok ? putAsMember(PATH, chosen, { progress, signal }) : renewed;
}

function uploading(name) {
  tell($('resume-name'), say('account.resume_sending', { name }));
  $('resume-choose').hidden = true;
  $('resume-upload').hidden = false;
  progress(0);
  $('resume-cancel').focus();
}

function progress(part) {
  $('resume-progress').value = part;
  $('resume-percent').textContent = say('account.resume_percent', { n: Math.floor(part * 100) });
}

/** The server may have had all of it by then. */
async function cancelled({ size }) {
  const [before, had] = [acts, bytesKept];
  file.focus();
  const { ok, body: user } = await read('GET', '/auth/me');
  if (!ok || acts !== before) return;
  await look(user.profile);
  if (acts !== before) return;
  const isKept = bytesKept === size && had !== size;
  if (isKept) tell($('resume-done'), say('account.resume_kept'));
  announce(say(isKept ? 'account.resume_kept' : 'account.resume_cancelled'));
}

/** Something is done to it. What was said before is no longer so. */
function hush() {
  acts += 1;
  for (const id of ['resume-problem', 'resume-done']) tell($(id), '');
}

/** Says how it went. What had the focus may be gone. */
function conclude(text) {
  tell($('resume-done'), text);
  announce(text);
  $('resume-title').focus();
}

function refuse(text) {
  file.value = '';
  tell($('resume-problem'), text);
  announce(text);
  file.focus();
}

function why(reply) {
  // A proxy may take less than we do.
  if (reply.status === 413) return say('account.resume_large', { size: size(sizeMax) });
  if (reply.status === 408) return say('account.resume_slow');
  if (reply.status === 429) return say('common.too_many', { time: clock(reply.wait) });
  return problemOf(reply);
}

async function download({ target }) {
  hush();
  busy(target, true);
  const reply = await askAsMember('GET', PATH, { file: true });
  busy(target, false);
  if (!reply.ok) return refuse(why(reply));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(reply.file);
  link.download = `resume.${kind.end}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), SAVE_MS);
}

async function remove() {
  hush();
  busy($('resume-delete'), true);
  const reply = await askAsMember('DELETE', PATH);
  busy($('resume-delete'), false);
  // It went already, by another tab.
  if (!reply.ok && reply.status !== 404) return refuse(why(reply));
  none();
  noteResume(false);
  conclude(say('account.resume_deleted'));
}

/** Bytes as people read them. */
function size(bytes) {
  const [unit, of] = bytes < 1_000_000 ? ['kilobyte', 1024] : ['megabyte', 1_048_576];
  const digits = { style: 'unit', unit, maximumFractionDigits: unit === 'megabyte' ? 1 : 0 };
  return new Intl.NumberFormat(document.documentElement.lang, digits).format(Math.max(bytes / of, 1));
}
