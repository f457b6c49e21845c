import type { ValueSpec } from '@etl/core';
import {
  BACKSLASH,
  byteAt,
  COLON,
  digitsAt,
  isDigit,
  LOWER_E,
  LOWER_F,
  LOWER_T,
  MINUS,
  NEWLINE,
  PLUS,
  POINT,
  SPACE,
  TAB,
  UPPER_E,
  ZERO,
} from './ascii.ts';
import { isDayInRange } from './moment-text.ts';
import { INTEGERS, isUuidAt, UUID_LENGTH } from './scalar-text.ts';
import { UNESCAPED } from './text-value.ts';

/**
 * Where the field that begins at `at` ends, if ClickHouse's tab-separated format reads it as exactly the
 * value that `textEncoderFor` makes of it; -1 for any other. Behind the field stands a tab or a newline,
 * or it is not what it should be: whoever asks has to look.
 */
export type PlainField = (bytes: Uint8Array, at: number) => number;

/** `undefined` for the types that have another form in ClickHouse. */
export function plainField(spec: ValueSpec): PlainField | undefined {
  const integer = INTEGERS[spec.type];
  if (integer !== undefined) return plainInteger(...integer);
  switch (spec.type) {
    case 'boolean':
      return plainBoolean;
    case 'float32':
      return plainFloat(0);
    case 'float64':
      return plainFloat(SAFE_EXPONENT_DIGITS);
    case 'decimal':
      return plainDecimal(spec.precision ?? 38, spec.scale ?? 9);
    case 'string':
    case 'json':
      return plainString;
    case 'uuid':
      return plainUuid;
    case 'date':
      return plainDate;
    case 'time':
      return plainTime;
    case 'timestamp':
      return plainTimestamp;
    default:
      return undefined;
  }
}

/** Decimal digits that are a number below 2^128, whatever they are, and begin with none that is left out. */
export const plainVersion: PlainField = (bytes, start) => {
  const end = digitsEnd(bytes, start);
  return end === start || end - start > SAFE_DIGITS || byteAt(bytes, start) === ZERO ? -1 : end;
};

export const plainBoolean: PlainField = (bytes, at) => {
  const letter = byteAt(bytes, at);
  return letter === LOWER_T || letter === LOWER_F ? at + 1 : -1;
};

/** No more digits than these are within the range of every float, and of 128 bits. */
const SAFE_DIGITS = 38;
/** With no more digits in front, an exponent of so many is within the range of a float of 64 bits. */
const SAFE_EXPONENT_DIGITS = 2;

function digitsEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  while (isDigit(byteAt(bytes, at))) at += 1;
  return at;
}

function plainInteger(low: bigint, high: bigint): PlainField {
  // One digit less than the greatest has: no look at their value.
  const most = String(high).length - 1;
  const isSigned = low < 0n;
  return (bytes, start) => {
    const first = isSigned && byteAt(bytes, start) === MINUS ? start + 1 : start;
    const end = digitsEnd(bytes, first);
    const count = end - first;
    if (count === 0 || count > most) return -1;
    return byteAt(bytes, first) === ZERO && end !== start + 1 ? -1 : end;
  };
}

function plainDecimal(precision: number, scale: number): PlainField {
  const most = Math.max(1, precision - scale);
  return (bytes, start) => {
    const first = byteAt(bytes, start) === MINUS ? start + 1 : start;
    const point = digitsEnd(bytes, first);
    const count = point - first;
    if (count === 0 || count > most || (precision === scale && byteAt(bytes, first) !== ZERO)) return -1;
    if (byteAt(bytes, point) !== POINT) return point;
    const end = digitsEnd(bytes, point + 1);
    return end === point + 1 || end - point - 1 > scale ? -1 : end;
  };
}

function plainFloat(exponentDigits: number): PlainField {
  return (bytes, start) => {
    const first = byteAt(bytes, start) === MINUS ? start + 1 : start;
    let at = digitsEnd(bytes, first);
    if (at === first) return -1;
    if (byteAt(bytes, at) === POINT) {
      const fraction = at + 1;
      at = digitsEnd(bytes, fraction);
      if (at === fraction) return -1;
    }
    if (at - start > SAFE_DIGITS) return -1;
    const letter = byteAt(bytes, at);
    if (letter !== LOWER_E && letter !== UPPER_E) return at;
    const sign = byteAt(bytes, at + 1);
    const exponent = sign === MINUS || sign === PLUS ? at + 2 : at + 1;
    const end = digitsEnd(bytes, exponent);
    return end === exponent || end - exponent > exponentDigits ? -1 : end;
  };
}

const ORDINARY = 0;
const END = 1;
const ESCAPING = 2;
/** For each byte what it means within text. ClickHouse looks at control characters, so they count as unusual. */
const MEANING = new Uint8Array(256);
MEANING.fill(3, 0, SPACE);
MEANING[TAB] = END;
MEANING[NEWLINE] = END;
MEANING[BACKSLASH] = ESCAPING;

const plainString: PlainField = (bytes, start) => {
  let at = start;
  for (;;) {
    const meaning = MEANING[byteAt(bytes, at)];
    if (meaning === ORDINARY) at += 1;
    else if (meaning === END) return at;
    else if (meaning !== ESCAPING || UNESCAPED[byteAt(bytes, at + 1)] === 0) return -1;
    else at += 2;
  }
};

const plainUuid: PlainField = (bytes, at) => (isUuidAt(bytes, at) ? at + UUID_LENGTH : -1);

const plainDate: PlainField = (bytes, at) => (isPlainDay(bytes, at) ? at + 10 : -1);

const plainTime: PlainField = (bytes, at) => (isTimeShaped(bytes, at) ? fractionEnd(bytes, at + 8) : -1);

const plainTimestamp: PlainField = (bytes, at) => {
  if (!isPlainDay(bytes, at) || byteAt(bytes, at + 10) !== SPACE || !isTimeShaped(bytes, at + 11)) return -1;
  if (digitsAt(bytes, at + 11, 2) > 23 || byteAt(bytes, at + 14) > SIX - 1 || byteAt(bytes, at + 17) > SIX - 1)
    return -1;
  return fractionEnd(bytes, at + 19);
};

const SIX = ZERO + 6;

function isPlainDay(bytes: Uint8Array, at: number): boolean {
  return (
    byteAt(bytes, at + 4) === MINUS &&
    byteAt(bytes, at + 7) === MINUS &&
    isDayInRange(digitsAt(bytes, at, 4), digitsAt(bytes, at + 5, 2), digitsAt(bytes, at + 8, 2))
  );
}

function isTimeShaped(bytes: Uint8Array, at: number): boolean {
  return (
    byteAt(bytes, at + 2) === COLON &&
    byteAt(bytes, at + 5) === COLON &&
    (digitsAt(bytes, at, 2) | digitsAt(bytes, at + 3, 2) | digitsAt(bytes, at + 6, 2)) >= 0
  );
}

/** Where a fraction of one to six digits that may begin at `at` ends; -1 when it has more, or none. */
function fractionEnd(bytes: Uint8Array, at: number): number {
  if (byteAt(bytes, at) !== POINT) return at;
  const end = digitsEnd(bytes, at + 1);
  return end === at + 1 || end - at > 7 ? -1 : end;
}
