import type { ColumnSpec, ValueSpec } from '@etl/core';
import { CLOSING_BRACKET, COMMA, OPENING_BRACKET, QUOTE } from './ascii.ts';
import { writeJsonText } from './json-text.ts';
import { INTEGERS, scalarText, type ScalarText } from './scalar-text.ts';
import { kindOf, ValueError } from './value-error.ts';
import { WireBuffer } from './wire-buffer.ts';

/**
 * Writes a value as the JSON text that stands for it on the wire. Never changes it silently: throws
 * {@link ValueError} instead, and may then have written a part, which the caller takes back.
 */
export type Encode = (value: unknown, out: WireBuffer) => void;

/** The encoder of a column: ClickHouse itself would wrap, clamp or cut what does not fit. */
export function encoderFor(spec: ValueSpec): Encode {
  const absent = spec.type === 'array' ? '[]' : spec.nullable ? 'null' : undefined;
  const text = scalarText(spec);
  if (text !== undefined) return textualEncoder(text, textFor(spec), absent);
  const encode = presentEncoder(spec);
  return (value, out) => {
    if (value === null || value === undefined) writeAbsent(absent, out);
    else encode(value, out);
  };
}

function writeAbsent(absent: string | undefined, out: WireBuffer): void {
  if (absent === undefined) throw new ValueError('NULL in a column that is not nullable');
  out.writeAscii(absent);
}

/** The JSON text of a value, for where one is needed alone. */
export function jsonEncoderFor(spec: ValueSpec): (value: unknown) => string {
  const encode = encoderFor(spec);
  return (value) => {
    const out = new WireBuffer();
    encode(value, out);
    return out.take().toString('utf8');
  };
}

/** The encoder of one field over all objects of a nested column: their values as one array. */
export function nestedEncoder(field: ColumnSpec): Encode {
  const encode = encoderFor(field);
  const { name } = field;
  return (value, out) => {
    if (value === null || value === undefined) return out.writeAscii('[]');
    if (!Array.isArray(value)) throw new ValueError(`${kindOf(value)} instead of an array of objects`);
    out.writeByte(OPENING_BRACKET);
    for (let index = 0; index < value.length; index += 1) {
      const item: unknown = value[index];
      if (typeof item !== 'object' || item === null) throw new ValueError(`${kindOf(item)} instead of an object`);
      if (index > 0) out.writeByte(COMMA);
      encode((item as Record<string, unknown>)[name], out);
    }
    out.writeByte(CLOSING_BRACKET);
  };
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
    case 'json':
      return '""';
    default:
      return '0';
  }
}

function presentEncoder(spec: ValueSpec): Encode {
  switch (spec.type) {
    case 'boolean':
      return encodeBoolean;
    case 'string':
    case 'json':
      return encodeString;
    case 'binary':
      return encodeBinary;
    case 'array':
      return arrayEncoder(spec.items ?? { type: 'string', nullable: true });
    default:
      throw new Error('a nested column is encoded field by field');
  }
}

function textualEncoder(
  { settle, isQuoted }: ScalarText,
  textOf: (value: unknown) => string,
  absent: string | undefined,
): Encode {
  return (value, out) => {
    // Text comes first: it is what reports are made of.
    if (typeof value !== 'string') {
      if (value === null || value === undefined) return writeAbsent(absent, out);
      value = textOf(value);
    }
    if (isQuoted) out.writeByte(QUOTE);
    const start = out.length;
    out.writeAscii(value as string);
    settle(out, start);
    if (isQuoted) out.writeByte(QUOTE);
  };
}

/** Makes text of the values that are not text; the text is then checked like any other. */
function textFor(spec: ValueSpec): (value: unknown) => string {
  if (INTEGERS[spec.type] !== undefined) return integerToText;
  switch (spec.type) {
    case 'float32':
    case 'float64':
      return floatToText;
    case 'decimal':
      return decimalToText;
    case 'timestamp':
      return timestampToText;
    case 'date':
      return refuse('that is not a day');
    case 'time':
      return refuse('that is not a time of day');
    default:
      return refuse('that is not a UUID');
  }
}

function refuse(what: string): (value: unknown) => never {
  return (value) => {
    throw new ValueError(`${kindOf(value)} ${what}`);
  };
}

function encodeBoolean(value: unknown, out: WireBuffer): void {
  if (value === true) out.writeAscii('true');
  else if (value === false) out.writeAscii('false');
  else throw new ValueError(`${kindOf(value)} instead of a boolean`);
}

function integerToText(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'number') throw new ValueError(`${kindOf(value)} instead of an integer`);
  if (!Number.isSafeInteger(value)) throw new ValueError('a number that is not a safe integer');
  return String(value);
}

function floatToText(value: unknown): string {
  if (typeof value !== 'number') throw new ValueError(`${kindOf(value)} instead of a number`);
  return Object.is(value, -0) ? '-0' : String(value);
}

function decimalToText(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new ValueError(`${kindOf(value)} instead of a decimal`);
  const text = String(value);
  if (text.replace(/^-?0*\.?0*|[-.]/g, '').length > 15 || text.includes('e')) {
    throw new ValueError('a number that may have lost digits; give decimal text');
  }
  return text;
}

function timestampToText(value: unknown): string {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  throw new ValueError(`${kindOf(value)} that is not a timestamp`);
}

function encodeString(value: unknown, out: WireBuffer): void {
  if (typeof value !== 'string') throw new ValueError(`${kindOf(value)} instead of text`);
  writeJsonText(value, out);
}

function encodeBinary(value: unknown, out: WireBuffer): void {
  if (!(value instanceof Uint8Array)) throw new ValueError(`${kindOf(value)} instead of bytes`);
  out.writeByte(QUOTE);
  out.writeUtf8(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64'));
  out.writeByte(QUOTE);
}

function arrayEncoder(items: ValueSpec): Encode {
  const encode = encoderFor(items);
  return (value, out) => {
    if (!Array.isArray(value)) throw new ValueError(`${kindOf(value)} instead of an array`);
    out.writeByte(OPENING_BRACKET);
    for (let index = 0; index < value.length; index += 1) {
      if (index > 0) out.writeByte(COMMA);
      encode(value[index], out);
    }
    out.writeByte(CLOSING_BRACKET);
  };
}
