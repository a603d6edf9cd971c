// The API, asked as any client asks it.

/** How long an answer is waited for: longer than the server's own deadline. */
const PATIENCE_MS = 20_000;
/** The same for a file: 5 MiB on a slow phone. */
const FILE_PATIENCE_MS = 120_000;
/** Pauses between tries: the first, doubled, up to the last. */
const PAUSE_FIRST_S = 1;
const PAUSE_LAST_S = 15;
/** The wait where "too many" or "not now" does not say how long: of a proxy's own making. */
const PAUSE_UNTOLD_S = 5;

/** What a status means by itself: to HEAD, nobody answers with a body. */
const BARE = { 401: 'unauthenticated', 403: 'forbidden', 404: 'not-found' };

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
export async function ask(method, path, { json, file = false, patienceMs, headers = {} } = {}) {
  const init = { method, headers: { accept: 'application/json', ...headers }, cache: 'no-store', credentials: 'omit' };
  if (json !== undefined) {
    init.headers['content-type'] = 'application/json';
    init.body = JSON.stringify(json);
  }
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), patienceMs ?? (file ? FILE_PATIENCE_MS : PATIENCE_MS));
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
  // The log-in page of a public network is 200, too.
  const ok = status >= 200 && status < 300 && body !== null;
  const slug = ok ? '' : slugOf(status, body);
  return { ok, status, slug, body: body ?? {}, wait: waitOf(status, body ?? {}, header), header };
}

function waitOf(status, { retryAfter }, header) {
  const told = Number(retryAfter) || secondsOf(header('retry-after') ?? '', header('date'));
  if (told > 0) return told;
  return status === 429 || status === 503 ? PAUSE_UNTOLD_S : 0;
}

/** Of `Retry-After`: seconds, or the date of that clock which has written `now`. */
function secondsOf(text, now) {
  const at = Date.parse(text) - (Date.parse(now) || Date.now());
  return Number(text) || Math.ceil(at / 1000) || 0;
}

function slugOf(status, body) {
  // 408: what was sent did not arrive in time.
  if (status === 0 || status === 408) return 'no-network';
  const named = String(body?.type ?? '').split('urn:vestibule:problem:')[1];
  if (named !== undefined) return named;
  if (status === 429) return 'rate-limited';
  // A proxy that cannot reach us answers in words of its own. Without words, the status is all that there is.
  return (body !== null && BARE[status]) || 'unavailable';
}

/** Null is what is not an object of JSON. */
function parsed(text) {
  if (text === '') return {};
  try {
    const body = JSON.parse(text);
    return typeof body === 'object' ? body : null;
  } catch {
    return null;
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
 * @param {(answer: Answer) => boolean} [isOpen] whether to ask again
 */
export async function insist(question, undecided, isOpen = isUndecided) {
  for (let tries = 1; ; tries += 1) {
    const answer = await question();
    if (!isOpen(answer)) return answer;
    undecided(answer);
    await rest(tries, answer.wait);
  }
}

/** The pause after so many tries, and not less than the server asks for; or until the network is back. */
export function rest(tries, least = 0) {
  const seconds = Math.max(least, Math.min(PAUSE_FIRST_S * 2 ** (tries - 1), PAUSE_LAST_S));
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
