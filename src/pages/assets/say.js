// Words of the string table. `{name}` in them stands for a value.

const words = JSON.parse(document.getElementById('words').textContent);

const plural = new Intl.PluralRules(document.documentElement.lang);

/** The words of `section.name`, with these values. */
export function say(path, values = {}) {
  return wordsOf(path).replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

/** The same into an element, with the values in bold. */
export function sayInto(element, path, values) {
  // Words that do not change stay where a reader, or a selection, is.
  if (element.textContent === say(path, values)) return;
  // Every second part is the name of a value.
  const parts = wordsOf(path).split(/\{(\w+)\}/);
  element.replaceChildren(...parts.map((part, i) => (i % 2 === 0 ? part : strong(values[part]))));
}

function strong(text) {
  const element = document.createElement('strong');
  // A name may be written from right to left, among words that are not.
  element.dir = 'auto';
  element.textContent = text;
  return element;
}

function wordsOf(path) {
  const [section, name] = path.split('.');
  const text = words[section]?.[name];
  if (text === undefined) throw new Error(`this page has no words for ${path}`);
  return text;
}

/** The words for so many: `section.name_one`, `section.name_other`, as the language has it. */
export function sayCount(path, n, values = {}) {
  return say(`${path}_${plural.select(n)}`, { n, ...values });
}

/** Seconds as people read them on a clock: 0:59, 9:05, 1:00:00. */
export function clock(seconds) {
  const two = (n) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
