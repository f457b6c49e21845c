import type { ColumnSpec, ValueSpec } from '@etl/core';

/** Says why a value does not fit; becomes a `data` error that names stream, column and row. */
export class ValueError extends Error {}

/** Turns a value into its JSON text on the wire. Never changes it silently: throws {@link ValueError} instead. */
export type Encode = (value: unknown) => string;

/** The encoder of a column: ClickHouse itself would wrap, clamp or cut what does not fit. */
export function encoderFor(spec: ValueSpec): Encode {
  const encode = scalarEncoder(spec);
  if (spec.type === 'array') return (value) => (value === null || value === undefined ? '[]' : encode(value));
  if (spec.nullable) return (value) => (value === null || value === undefined ? 'null' : encode(value));
  return (value) => {
    if (value === null || value === undefined) throw new ValueError('NULL in a column that is not nullable');
    return encode(value);
  };
}

/** The encoder of one field over all objects of a nested column: their values as one array. */
export function nestedEncoder(field: ColumnSpec): Encode {
  const encode = encoderFor(field);
  return (value) => {
    if (value === null || value === undefined) return '[]';
    if (!Array.isArray(value)) throw new ValueError(`${kindOf(value)} instead of an array of objects`);
    return `[${value.map((item: unknown) => encode(fieldOf(item, field.name))).join(',')}]`;
  };
}

function fieldOf(item: unknown, name: string): unknown {
  if (typeof item === 'object' && item !== null) return (item as Record<string, unknown>)[name];
  throw new ValueError(`${kindOf(item)} instead of an object`);
}

/** What stands in a column of a row that only says that its key is gone. */
export function emptyLiteral(spec: ValueSpec): string {
  if (spec.type === 'array' || spec.type === 'nested') return '[]';
  if (spec.nullable) return 'null';
  switch (spec.type) {
    case 'boolean':
      return 'false';
    case 'uuid':
      return '"00000000-0000-0000-0000-000000000000"';
    case 'date':
      return '"1970-01-01"';
    case 'timestamp':
      return '"1970-01-01 00:00:00"';
    case 'string':
    case 'time':
    case 'binary':
      return '""';
    case 'json':
      return '"null"';
    default:
      return '0';
  }
}

function scalarEncoder(spec: ValueSpec): Encode {
  switch (spec.type) {
    case 'boolean':
      return encodeBoolean;
    case 'int16':
      return integerEncoder(-(2n ** 15n), 2n ** 15n - 1n);
    case 'int32':
      return integerEncoder(-(2n ** 31n), 2n ** 31n - 1n);
    case 'int64':
      return integerEncoder(-(2n ** 63n), 2n ** 63n - 1n);
    case 'uint32':
      return integerEncoder(0n, 2n ** 32n - 1n);
    case 'uint64':
      return integerEncoder(0n, 2n ** 64n - 1n);
    case 'float32':
    case 'float64':
      return encodeFloat;
    case 'decimal':
      return decimalEncoder(spec.precision ?? 38, spec.scale ?? 9);
    case 'string':
      return encodeString;
    case 'uuid':
      return patternEncoder(UUID, 'a UUID');
    case 'date':
      return encodeDate;
    case 'time':
      return patternEncoder(TIME, 'a time of day');
    case 'timestamp':
      return encodeTimestamp;
    case 'binary':
      return encodeBinary;
    case 'json':
      return encodeString;
    case 'array':
      return arrayEncoder(spec.items ?? { type: 'string', nullable: true });
    case 'nested':
      throw new Error('a nested column is encoded field by field');
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const TIME = /^\d{2}:\d{2}:\d{2}(\.\d{1,6})?$/;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIMESTAMP = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(\.\d{1,6})?(Z|[+-]\d{2}(?::?\d{2})?)?$/;

function encodeBoolean(value: unknown): string {
  if (value === true) return 'true';
  if (value === false) return 'false';
  throw new ValueError(`${kindOf(value)} instead of a boolean`);
}

function integerEncoder(low: bigint, high: bigint): Encode {
  const digits = String(high).length;
  return (value) => {
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value)) throw new ValueError('a number that is not a safe integer');
      if (value < low || value > high) throw new ValueError('an integer outside the range of its type');
      return String(value);
    }
    if (typeof value === 'string') {
      if (!/^-?\d+$/.test(value)) throw new ValueError('text that is not an integer');
      if (value.length < digits && !(low === 0n && value.startsWith('-'))) return stripZeros(value);
      value = BigInt(value);
    }
    if (typeof value !== 'bigint') throw new ValueError(`${kindOf(value)} instead of an integer`);
    if (value < low || value > high) throw new ValueError('an integer outside the range of its type');
    return String(value);
  };
}

function stripZeros(text: string): string {
  return /^-?0\d/.test(text) || text === '-0' ? String(BigInt(text)) : text;
}

const DENORMAL: ReadonlyMap<unknown, string> = new Map([
  ['NaN', '"nan"'],
  ['Infinity', '"inf"'],
  ['-Infinity', '"-inf"'],
]);

function encodeFloat(value: unknown): string {
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value);
    return DENORMAL.get(String(value)) ?? '"nan"';
  }
  if (typeof value === 'string') {
    const denormal = DENORMAL.get(value);
    if (denormal !== undefined) return denormal;
    if (/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)) return value;
  }
  throw new ValueError(`${kindOf(value)} instead of a number`);
}

function decimalEncoder(precision: number, scale: number): Encode {
  return (value) => {
    const text = decimalText(value);
    const match = /^-?(\d+)(?:\.(\d*))?$/.exec(text);
    if (match === null) throw new ValueError('text that is not a decimal');
    const whole = (match[1] ?? '').replace(/^0+/, '');
    const fraction = (match[2] ?? '').replace(/0+$/, '');
    if (fraction.length > scale) throw new ValueError(`a decimal with more than ${scale} fraction digits`);
    if (whole.length > precision - scale)
      throw new ValueError(`a decimal with more than ${precision - scale} digits before the point`);
    return `"${text}"`;
  };
}

function decimalText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new ValueError(`${kindOf(value)} instead of a decimal`);
  const text = String(value);
  if (text.replace(/^-?0*\.?0*|[-.]/g, '').length > 15 || text.includes('e')) {
    throw new ValueError('a number that may have lost digits; give decimal text');
  }
  return text;
}

function encodeString(value: unknown): string {
  if (typeof value !== 'string') throw new ValueError(`${kindOf(value)} instead of text`);
  if (!value.isWellFormed()) throw new ValueError('text that is not valid Unicode');
  return JSON.stringify(value);
}

function patternEncoder(pattern: RegExp, what: string): Encode {
  return (value) => {
    if (typeof value !== 'string' || !pattern.test(value)) throw new ValueError(`${kindOf(value)} that is not ${what}`);
    return `"${value}"`;
  };
}

function encodeDate(value: unknown): string {
  if (typeof value !== 'string' || !DATE.test(value)) throw new ValueError(`${kindOf(value)} that is not a day`);
  requireDay(value);
  return `"${value}"`;
}

/** The range of Date32 and DateTime64 in ClickHouse, which clamps silently beyond it. */
function requireDay(day: string): void {
  if (day < '1900-01-01' || day > '2299-12-31') throw new ValueError('a day outside 1900-01-01 … 2299-12-31');
  const month = Number(day.slice(5, 7));
  const dayOfMonth = Number(day.slice(8, 10));
  if (month < 1 || month > 12 || dayOfMonth < 1 || dayOfMonth > daysIn(month, day))
    throw new ValueError('a day that does not exist');
}

function daysIn(month: number, day: string): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  const year = Number(day.slice(0, 4));
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

function encodeTimestamp(value: unknown): string {
  const text = value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : value;
  const match = typeof text === 'string' ? TIMESTAMP.exec(text) : null;
  if (match === null) throw new ValueError(`${kindOf(value)} that is not a timestamp`);
  const [, day = '', time = '', fraction = '', offset = 'Z'] = match;
  if (offset === 'Z' || offset === '+00' || offset === '+00:00') {
    requireDay(day);
    requireTime(time);
    return `"${day} ${time}${fraction}"`;
  }
  const instant = new Date(`${day}T${time}${normalOffset(offset)}`);
  if (Number.isNaN(instant.getTime())) throw new ValueError('a timestamp that does not exist');
  const utc = instant.toISOString();
  requireDay(utc.slice(0, 10));
  return `"${utc.slice(0, 10)} ${utc.slice(11, 19)}${fraction}"`;
}

function requireTime(time: string): void {
  if (time.slice(0, 2) > '23' || time.slice(3, 5) > '59' || time.slice(6) > '59')
    throw new ValueError('a time that does not exist');
}

function normalOffset(offset: string): string {
  const digits = offset.slice(1).replace(':', '').padEnd(4, '0');
  return `${offset[0] ?? '+'}${digits.slice(0, 2)}:${digits.slice(2)}`;
}

function encodeBinary(value: unknown): string {
  if (!(value instanceof Uint8Array)) throw new ValueError(`${kindOf(value)} instead of bytes`);
  return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"`;
}

function arrayEncoder(items: ValueSpec): Encode {
  const encode = encoderFor(items);
  return (value) => {
    if (!Array.isArray(value)) throw new ValueError(`${kindOf(value)} instead of an array`);
    return `[${value.map(encode).join(',')}]`;
  };
}

/** Never the value itself: it may be a secret or personal. */
function kindOf(value: unknown): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return 'text';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
