import type { ColumnType, ValueSpec } from '@etl/core';
import { byteAt, MINUS } from './ascii.ts';
import { dateText, timestampText, timeText } from './moment-text.ts';
import { decimalText, floatText, integerText, type Settle } from './number-text.ts';
import { ValueError } from './value-error.ts';

/** How the text of a scalar becomes its JSON value. */
export interface ScalarText {
  readonly settle: Settle;
  /** Whether it stands between quotes. */
  readonly isQuoted: boolean;
}

/** The types whose text has a form of its own; `undefined` for those that are any text, bytes or composed. */
export function scalarText(spec: ValueSpec): ScalarText | undefined {
  const integer = INTEGERS[spec.type];
  if (integer !== undefined) return { settle: integerText(...integer), isQuoted: false };
  switch (spec.type) {
    case 'float32':
      return { settle: floatText((value) => Number.isFinite(Math.fround(value))), isQuoted: false };
    case 'float64':
      return { settle: floatText(Number.isFinite), isQuoted: false };
    case 'decimal':
      return { settle: decimalText(spec.precision ?? 38, spec.scale ?? 9), isQuoted: true };
    case 'uuid':
      return { settle: uuidText, isQuoted: true };
    case 'date':
      return { settle: dateText, isQuoted: true };
    case 'time':
      return { settle: timeText, isQuoted: true };
    case 'timestamp':
      return { settle: timestampText, isQuoted: true };
    default:
      return undefined;
  }
}

/** Least and greatest value of the integer types. */
export const INTEGERS: Readonly<Partial<Record<ColumnType, readonly [bigint, bigint]>>> = {
  int16: [-(2n ** 15n), 2n ** 15n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

/** 1 for each hexadecimal digit. */
const HEX = new Uint8Array(256);
for (const digit of Array.from('0123456789abcdefABCDEF')) HEX[digit.charCodeAt(0)] = 1;

const uuidText: Settle = (out, start) => {
  if (out.length - start !== UUID_LENGTH || !isUuidAt(out.bytes, start))
    throw new ValueError('text that is not a UUID');
};

export const UUID_LENGTH = 36;

/** Whether the canonical form of a UUID begins at `start`. */
export function isUuidAt(bytes: Uint8Array, start: number): boolean {
  let digits = 0;
  for (let at = start; at < start + UUID_LENGTH; at += 1) digits += HEX[byteAt(bytes, at)] as number;
  return (
    digits === 32 &&
    byteAt(bytes, start + 8) === MINUS &&
    byteAt(bytes, start + 13) === MINUS &&
    byteAt(bytes, start + 18) === MINUS &&
    byteAt(bytes, start + 23) === MINUS
  );
}
