// The API, asked as any client asks it.

/** How long an answer is waited for: longer than the server's own deadline. */
const PATIENCE_MS = 20_000;
/** The same for a file: 5 MiB on a slow phone. */
const FILE_PATIENCE_MS = 120_000;
/** Pauses between tries: the first, doubled, up to the last. */
const PAUSE_FIRST_S = 1;
const PAUSE_LAST_S = 15;

/**
 * An answer, or that there was none.
 * @typedef {object} Answer
 * @property {boolean} ok
 * @property {number} status 0 where nobody answered
 * @property {string} slug of the problem; empty where all is well
 * @property {any} body the JSON, or an empty object
 * @property {number} wait seconds that a refusal asks to wait, else 0
 * @property {(name: string) => string | null} header what else it says
 * @property {Blob} [file] the body as it is, where it was asked for
 */

/**
 * Asks once. Never throws: what goes wrong is an answer too. With `file`, the answer is one.
 * @returns {Promise<Answer>}
 */
export async function ask(method, path, { json, file = false, headers = {} } = {}) {
  const init = { method, headers: { accept: 'application/json', ...headers }, cache: 'no-store', credentials: 'omit' };
  if (json !== undefined) {
    init.headers['content-type'] = 'application/json';
    init.body = JSON.stringify(json);
  }
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), file ? FILE_PATIENCE_MS : PATIENCE_MS);
  try {
    const response = await fetch(path, { ...init, signal: abort.signal });
    const header = (name) => response.headers.get(name);
    if (file && response.ok) return { ...answer(response.status, '', header), file: await response.blob() };
    return answer(response.status, await response.text(), header);
  } catch {
    return unanswered();
  } finally {
    clearTimeout(timer);
  }
}

/** That there was none. */
export function unanswered() {
  return answer(0, '', () => null);
}

/** What a status, a body and the headers say. */
export function answer(status, text, header) {
  const body = parsed(text);
  const ok = status >= 200 && status < 300;
  const named = String(body.type ?? '').split('urn:vestibule:problem:')[1];
  // A proxy that cannot reach us answers in words of its own.
  const slug = ok ? '' : named ?? (status === 0 ? 'no-network' : status === 429 ? 'rate-limited' : 'unavailable');
  const wait = body.retryAfter ?? (Number(header('retry-after')) || 0);
  return { ok, status, slug, body, wait, header };
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** Whether nothing was decided that we know of: nobody answered, or "not now". */
export function isUndecided({ slug }) {
  return slug === 'no-network' || slug === 'unavailable' || slug === 'internal-error';
}

/**
 * Asks until it is decided. What `question` asks must change nothing when it is asked twice.
 * @param {() => Promise<Answer>} question
 * @param {(answer: Answer) => void} undecided told before each pause
 */
export async function insist(question, undecided) {
  for (let pause = PAUSE_FIRST_S; ; pause = Math.min(pause * 2, PAUSE_LAST_S)) {
    const answer = await question();
    if (!isUndecided(answer)) return answer;
    undecided(answer);
    await rest(Math.max(pause, answer.wait));
  }
}

/** So many seconds, or until the network is back. */
function rest(seconds) {
  return new Promise((done) => {
    const over = () => {
      clearTimeout(timer);
      removeEventListener('online', over);
      done();
    };
    const timer = setTimeout(over, seconds * 1000);
    addEventListener('online', over);
  });
}
