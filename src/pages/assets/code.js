// The input of a code: six digits, however they were typed, pasted or filled in.

const LENGTH = 6;

/** Keeps digits alone in the input, and takes a code out of whatever is pasted. */
export function takeCode(input) {
  input.addEventListener('paste', (event) => {
    const code = codeIn(event.clipboardData.getData('text'));
    // A code that is pasted is meant whole, wherever the cursor stands.
    if (code.length < LENGTH) return;
    event.preventDefault();
    input.value = code;
    input.dispatchEvent(new Event('input', { bubbles: true }));
  });
  const keepDigits = ({ isComposing }) => {
    const code = codeIn(input.value);
    if (isComposing || code === input.value) return;
    const cursor = digitsOf(input.value.slice(0, input.selectionStart)).length;
    input.value = code;
    input.setSelectionRange(cursor, cursor);
  };
  input.addEventListener('input', keepDigits);
  input.addEventListener('compositionend', () => keepDigits({ isComposing: false }));
}

/** Whether this is all of a code. */
export const isWhole = (code) => code.length === LENGTH;

/** The code in a text, such as the subject of our mail: six digits that stand alone; else its first digits. */
export function codeIn(text) {
  const plain = toAscii(text);
  const alone = /(?:^|[^\p{L}\d])(\d{3})[\s\p{Pd}.]?(\d{3})(?![\p{L}\d])/u.exec(plain);
  return alone ? alone[1] + alone[2] : digitsOf(plain).slice(0, LENGTH);
}

const digitsOf = (text) => toAscii(text).replace(/\D/g, '');

/** Digits of every script as 0 to 9. */
function toAscii(text) {
  return text.normalize('NFKC').replace(/(?!\d)\p{Nd}/gu, (digit) => String(valueOf(digit.codePointAt(0))));
}

/** Unicode has the digits of a script in a row, from its zero on, and rows that touch are of ten each. */
function valueOf(codePoint) {
  let before = 0;
  while (/\p{Nd}/u.test(String.fromCodePoint(codePoint - before - 1))) before += 1;
  return before % 10;
}
