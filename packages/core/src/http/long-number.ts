import { isExact } from './exact-number.ts';

/**
 * Whether a JSON text may hold a number that a double would change; sees some in strings that are
 * none. A double keeps fifteen significant digits and exponents of two digits, so only longer numbers
 * are looked at.
 */
export function mayHoldInexactNumber(text: string): boolean {
  return hasLongDigits(text) || (HAS_EXPONENT.test(text) && HAS_EXPONENT_VALUE.test(text));
}

const HAS_EXPONENT = /\d[eE][-+]?\d\d\d/;
const HAS_EXPONENT_VALUE = /(?:^|[:,[\s])-?[\d.]+[eE][-+]?\d\d\d/;
const EXPONENT = /[eE][-+]?\d+/y;
const STRIDE = 16;
const HALF = 8;
const MINUS = 45;
const DOT = 46;
const SLASH = 47;
const NINE = 57;

/** Sixteen digits in a row cannot hide from a look at every sixteenth character. */
function hasLongDigits(text: string): boolean {
  for (let index = STRIDE - 1; index < text.length; index += STRIDE) {
    if (!isDigit(text.charCodeAt(index))) continue;
    // Of sixteen in a row, at least eight are on one side of any of them: most short numbers end here.
    if (!isDigit(text.charCodeAt(index + HALF)) && !isDigit(text.charCodeAt(index - HALF))) continue;
    let start = index;
    while (isDigit(text.charCodeAt(start - 1))) start -= 1;
    let end = index + 1;
    while (isDigit(text.charCodeAt(end))) end += 1;
    if (end - start >= STRIDE && beginsValue(text, start) && !isExact(numberAt(text, start, end))) return true;
    index = end - 1;
  }
  return false;
}

/** What stands in quotes is preceded by one, as ids mostly are. */
function beginsValue(text: string, start: number): boolean {
  const before = text.charCodeAt(start - 1) === MINUS ? start - 2 : start - 1;
  return before < 0 || ':,[ \t\r\n'.includes(text[before] ?? '');
}

/** A sign changes nothing, an exponent does. */
function numberAt(text: string, start: number, end: number): string {
  EXPONENT.lastIndex = end;
  return text.slice(start, EXPONENT.test(text) ? EXPONENT.lastIndex : end);
}

function isDigit(code: number): boolean {
  return code <= NINE && code >= DOT && code !== SLASH;
}
