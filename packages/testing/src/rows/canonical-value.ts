import type { Row, StreamSpec, ValueSpec } from '@etl/core';

/**
 * The value in one form out of the many in which rows and readers may hold it, so that two can be
 * compared: integers as numbers where they are safe and as digits beyond, decimals without trailing
 * zeros, moments in UTC, bytes in hexadecimal digits. NULL and what is missing are `null`.
 */
export function canonicalValue(spec: ValueSpec, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  const text = value instanceof Date ? value.toISOString() : `${value as string | number | bigint | boolean}`;
  switch (spec.type) {
    case 'int16':
    case 'int32':
    case 'int64':
    case 'uint32':
    case 'uint64':
      return integerOf(value as string | number | bigint);
    case 'float32':
    case 'float64':
      return floatOf(spec.type, Number(text.replace(/^(-?)inf$/i, '$1Infinity')));
    case 'decimal':
      return decimalOf(text);
    case 'boolean':
      return value === true || value === 1 || value === 't' || value === 'true';
    case 'uuid':
      return text.toLowerCase();
    case 'date':
      return text.slice(0, 10);
    case 'time':
      return withoutZeros(text);
    case 'timestamp':
      return momentOf(text.replace(' ', 'T'));
    case 'binary':
      return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
    case 'json':
      return typeof value === 'string' ? (JSON.parse(value) as unknown) : value;
    case 'array':
      return (value as readonly unknown[]).map((item) => canonicalValue(spec.items ?? spec, item));
    case 'nested':
      return (value as readonly Row[]).map((item) => canonicalFields(spec.fields ?? [], item));
    case 'string':
      return value;
  }
}

/** The row with every value of the stream's columns in one form; what is no column is left out. */
export function canonicalRow(stream: StreamSpec, row: Row): Row {
  return canonicalFields(stream.columns, row);
}

function canonicalFields(columns: StreamSpec['columns'], row: Row): Row {
  return Object.fromEntries(columns.map((column) => [column.name, canonicalValue(column, row[column.name])]));
}

function integerOf(value: string | number | bigint): number | string {
  const exact = BigInt(value);
  return Number.isSafeInteger(Number(exact)) ? Number(exact) : String(exact);
}

function floatOf(type: 'float32' | 'float64', value: number): number | string {
  if (!Number.isFinite(value)) return String(value);
  return type === 'float32' ? Math.fround(value) + 0 : value + 0;
}

function decimalOf(text: string): string {
  const plain = withoutZeros(text).replace(/^(-?)0+(?=\d)/, '$1');
  return plain === '-0' ? '0' : plain;
}

function withoutZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function momentOf(text: string): string {
  const [, moment = '', fraction = '', offset = ''] = /^(.{19})(\.\d+)?(.*)$/.exec(text) ?? [];
  const utc = new Date(`${moment}${offset === '' ? 'Z' : offset}`).toISOString().slice(0, 19);
  return `${utc}${withoutZeros(fraction)}Z`;
}
