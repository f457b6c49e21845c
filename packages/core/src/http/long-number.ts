/**
 * A double keeps fifteen significant digits and exponents of two digits, so only a longer number can
 * be changed by it. Whether a JSON text may hold one; sees some in strings that are none.
 */
export function mayHoldLongNumber(text: string): boolean {
  return hasLongDigits(text) || (HAS_EXPONENT.test(text) && HAS_EXPONENT_VALUE.test(text));
}

const HAS_EXPONENT = /\d[eE][-+]?\d\d\d/;
const HAS_EXPONENT_VALUE = /(?:^|[:,[\s])-?[\d.]+[eE][-+]?\d\d\d/;
const STRIDE = 16;
const MINUS = 45;
const DOT = 46;

/** Sixteen digits in a row cannot hide from a look at every sixteenth character. */
function hasLongDigits(text: string): boolean {
  for (let index = STRIDE - 1; index < text.length; index += STRIDE) {
    if (!isDigit(text.charCodeAt(index))) continue;
    let start = index;
    while (isDigit(text.charCodeAt(start - 1))) start -= 1;
    let end = index;
    while (isDigit(text.charCodeAt(end + 1))) end += 1;
    if (end - start + 1 >= STRIDE && beginsValue(text, start)) return true;
    index = end;
  }
  return false;
}

/** What stands in quotes is preceded by one, as ids mostly are. */
function beginsValue(text: string, start: number): boolean {
  const before = text.charCodeAt(start - 1) === MINUS ? start - 2 : start - 1;
  return before < 0 || ':,[ \t\r\n'.includes(text[before] ?? '');
}

function isDigit(code: number): boolean {
  return code === DOT || (code >= 48 && code <= 57);
}
