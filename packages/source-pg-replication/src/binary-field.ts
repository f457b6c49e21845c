import type { ValueSpec } from '@etl/core';
import { ArrayField } from './array-field.ts';
import type { BinaryScalar, WriteBinary } from './binary-type.ts';
import { copyBytes, type ByteMemory } from './byte-memory.ts';
import { writeLength } from './length-prefix.ts';
import { NumericBytes, numericText } from './numeric-bytes.ts';
import type { StreamColumn } from './table-stream.ts';
import { requireUtf8 } from './utf8-text.ts';

/** More bytes than a field can gain: the mark that it is not NULL, and the longest number. */
export const MOST_ADDED = 33;

type ExtraRoom = (from: ByteMemory, start: number, end: number) => number;

/** How the values of a column become fields of a `BinaryBatch`. */
export interface BinaryField {
  readonly write: WriteBinary;
  /** Bytes that a value may need besides. Absent where it never does. */
  readonly extraRoom?: ExtraRoom;
}

/** `undefined` for a column whose values can only be given as text. */
export function binaryField({ binary, spec, parse }: StreamColumn): BinaryField | undefined {
  if (binary === undefined) return undefined;
  if (typeof binary === 'object') {
    const items = spec.items ?? spec;
    const item = scalarField(binary.items, items);
    // Their room would have to be counted item by item.
    if (item.extraRoom !== undefined) return undefined;
    const array = new ArrayField(
      item.write,
      () => parse(`{${unheld(items)}}`),
      () => parse('{{0}}'),
    );
    return { write: (from, start, _end, to, at) => array.write(from, start, to, at), extraRoom: ArrayField.extraRoom };
  }
  return scalarField(binary, spec);
}

/** PostgreSQL's text for a value of a type that cannot be held. */
export function unheld({ type }: ValueSpec): string {
  return type === 'decimal' ? 'NaN' : 'infinity';
}

function scalarField(binary: BinaryScalar, spec: ValueSpec): BinaryField {
  switch (binary) {
    case '1':
      return { write: writeByte };
    case '2':
      return { write: writeTwo };
    case '4':
      return { write: writeFour };
    case '8':
      return { write: writeEight };
    case 'halves':
      return { write: writeHalves };
    case 'float4':
      return { write: writeFloat4 };
    case 'float8':
      return { write: writeFloat8 };
    case 'text':
      return { write: writeText };
    case 'bytes':
      return { write: writeBytes };
    case 'jsonb':
      return { write: writeJsonb };
    case 'date':
      return { write: writeDate };
    case 'timestamp':
      return { write: writeTimestamp };
    case 'time':
      return { write: writeTime };
    case 'numeric': {
      if (spec.type !== 'decimal') return { write: writeNumericText, extraRoom: printedZeros };
      const numbers = new NumericBytes(spec.precision ?? 38, spec.scale ?? 9);
      return { write: (from, start, _end, to, at) => numbers.write(from, start, to, at) };
    }
  }
}

const writeByte: WriteBinary = (from, start, _end, to, at) => {
  to.bytes[at] = from.bytes[start] as number;
  return at + 1;
};

const writeTwo: WriteBinary = (from, start, _end, to, at) => {
  to.view.setInt16(at, from.view.getInt16(start), true);
  return at + 2;
};

const writeFour: WriteBinary = (from, start, _end, to, at) => {
  to.view.setInt32(at, from.view.getInt32(start), true);
  return at + 4;
};

const writeEight: WriteBinary = (from, start, _end, to, at) => {
  to.view.setBigInt64(at, from.view.getBigInt64(start), true);
  return at + 8;
};

const writeHalves: WriteBinary = (from, start, end, to, at) =>
  writeEight(from, start + 8, end, to, writeEight(from, start, end, to, at));

/** All bits of an exponent: those of an infinity, and with others behind them those of what is no number. */
const FLOAT4_INFINITY = 0x7f_80_00_00;
const FLOAT8_INFINITY = 0x7f_f0_00_00;
// PostgreSQL keeps a NaN with whatever bits it was made; as text all are this one.
const FLOAT4_NAN = 0x7f_c0_00_00;
const FLOAT8_NAN = 0x7f_f8_00_00;

const writeFloat4: WriteBinary = (from, start, _end, to, at) => {
  const bits = from.view.getInt32(start);
  to.view.setInt32(at, (bits & 0x7f_ff_ff_ff) > FLOAT4_INFINITY ? FLOAT4_NAN : bits, true);
  return at + 4;
};

const writeFloat8: WriteBinary = (from, start, end, to, at) => {
  const isFinite = (from.view.getInt32(start) & FLOAT8_INFINITY) !== FLOAT8_INFINITY;
  if (isFinite || !Number.isNaN(from.view.getFloat64(start))) return writeEight(from, start, end, to, at);
  to.view.setInt32(at, 0, true);
  to.view.setInt32(at + 4, FLOAT8_NAN, true);
  return at + 8;
};

const writeBytes: WriteBinary = (from, start, end, to, at) =>
  copyBytes(from, start, end, to, writeLength(end - start, to, at));

const writeText: WriteBinary = (from, start, end, to, at) => {
  requireUtf8(from, start, end);
  return writeBytes(from, start, end, to, at);
};

const JSONB_FORM = 1;

const writeJsonb: WriteBinary = (from, start, end, to, at) => {
  if (from.bytes[start] !== JSONB_FORM) throw new RangeError('jsonb of another form');
  return writeText(from, start + 1, end, to, at);
};

/** Writes characters that are a byte each. */
function writeAscii(text: string, to: ByteMemory, at: number): number {
  const first = writeLength(text.length, to, at);
  for (let index = 0; index < text.length; index += 1) to.bytes[first + index] = text.charCodeAt(index);
  return first + text.length;
}

const writeNumericText: WriteBinary = (from, start, _end, to, at) => writeAscii(numericText(from, start), to, at);

const printedZeros: ExtraRoom = ({ view }, start) =>
  (Math.abs(view.getInt16(start + 2)) + 2) * 4 + view.getUint16(start + 6) + (view.getInt16(start) + 1) * 4;

const writeTime: WriteBinary = (from, start, _end, to, at) => {
  const micros = Number(from.view.getBigInt64(start));
  const seconds = Math.floor(micros / 1_000_000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  const part = String(micros % 1_000_000)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return writeAscii(part === '' ? clock : `${clock}.${part}`, to, at);
};

/** Days and microseconds from 1970-01-01 to 2000-01-01, from which PostgreSQL counts. */
const EPOCH_DAYS = 10_957;
const EPOCH_MICROS = 946_684_800_000_000n;
const DAY_MS = 86_400_000;
const DAY_MICROS = 86_400_000_000n;
/** The range of ClickHouse, see `value-type`, so counted. */
const FIRST_DAY = Date.UTC(1900, 0, 1) / DAY_MS - EPOCH_DAYS;
const LAST_DAY = Date.UTC(2299, 11, 31) / DAY_MS - EPOCH_DAYS;
const FIRST_MICRO = BigInt(FIRST_DAY) * DAY_MICROS;
const LAST_MICRO = BigInt(LAST_DAY + 1) * DAY_MICROS - 1n;

const writeDate: WriteBinary = (from, start, _end, to, at) => {
  const day = from.view.getInt32(start);
  if (day < FIRST_DAY || day > LAST_DAY) return -1;
  to.view.setInt32(at, day + EPOCH_DAYS, true);
  return at + 4;
};

const writeTimestamp: WriteBinary = (from, start, _end, to, at) => {
  const micros = from.view.getBigInt64(start);
  if (micros < FIRST_MICRO || micros > LAST_MICRO) return -1;
  to.view.setBigInt64(at, BigInt.asIntN(64, micros + EPOCH_MICROS), true);
  return at + 8;
};
