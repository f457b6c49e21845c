import { ValueError } from './value-error.ts';

/** The range of dates and timestamps of destinations: that of ClickHouse, which clamps silently beyond it. */
const FIRST_DAY = '1900-01-01';
const LAST_DAY = '2299-12-31';
const FIRST_YEAR = 1900;
const LAST_YEAR = 2299;

/**
 * Whether a destination can hold the value whose text stands in `[start, end)`. The bytes are those of
 * COPY or of `pgoutput`, which do not differ for the types that have such a check.
 */
export type RangeCheck = (bytes: Uint8Array, start: number, end: number) => boolean;

/** No `infinity`, no year BC, none of five digits, none outside of the range. */
export const dateInRange: RangeCheck = (bytes, start, end) => end - start === 10 && isYearHeld(bytes, start);

export const timestampInRange: RangeCheck = (bytes, start, end) =>
  end - start >= 19 && bytes[start + 10] === SPACE && bytes[end - 1] !== UPPER_C && isYearHeld(bytes, start);

/** Not `NaN` nor `Infinity`, which only a numeric in text can be. */
export const numericInRange: RangeCheck = (bytes, _, end) => isDigit(bytes[end - 1]);

export function dayOutOfRange(what: 'date' | 'timestamp'): ValueError {
  return new ValueError(
    'PG_VALUE_OUT_OF_RANGE',
    `a ${what} outside ${FIRST_DAY} … ${LAST_DAY}`,
    `Correct the value at the source, or set outOfRange to null (in a group: "out_of_range": "null"), which stores NULL and counts it.`,
  );
}

export function numericOutOfRange(): ValueError {
  return new ValueError(
    'PG_VALUE_OUT_OF_RANGE',
    'a numeric that is NaN or infinite',
    'Correct the value, drop the precision of the column, which is then read as text, or set outOfRange to null (in a group: "out_of_range": "null").',
  );
}

const SPACE = 0x20;
const MINUS = 0x2d;
const ZERO = 0x30;
const UPPER_C = 0x43;

function isYearHeld(bytes: Uint8Array, start: number): boolean {
  let year = 0;
  for (let at = start; at < start + 4; at += 1) {
    if (!isDigit(bytes[at])) return false;
    year = year * 10 + (bytes[at] as number) - ZERO;
  }
  return bytes[start + 4] === MINUS && year >= FIRST_YEAR && year <= LAST_YEAR;
}

function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= ZERO && code <= ZERO + 9;
}
