import type { ColumnType, ValueSpec } from '@etl/core';
import { INTEGER_RANGES } from '../rows/integer-ranges.ts';

const TEXTS: Partial<Record<ColumnType, RegExp>> = {
  string: /^[^]*$/,
  uuid: /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/,
  time: /^\d{2}:\d{2}:\d{2}(\.\d{1,6})?$/,
};

/** Why a value does not fit its column; `undefined` when it does. Never says the value. */
export function valueProblem(spec: ValueSpec, value: unknown): string | undefined {
  if (value === null || value === undefined) return spec.nullable ? undefined : 'is missing';
  return fits(spec, value) ? undefined : `is no ${spec.type}`;
}

function fits(spec: ValueSpec, value: unknown): boolean {
  const range = INTEGER_RANGES[spec.type];
  if (range !== undefined) return isInteger(value, range);
  const pattern = TEXTS[spec.type];
  if (pattern !== undefined) return typeof value === 'string' && pattern.test(value);
  switch (spec.type) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'float32':
    case 'float64':
      return typeof value === 'number' || (typeof value === 'string' && value !== '' && isFloat(value));
    case 'decimal':
      return /^-?\d+(\.\d+)?$/.test(typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '');
    case 'date':
      return typeof value === 'string' && isDay(value);
    case 'timestamp':
      return !Number.isNaN(value instanceof Date ? value.getTime() : Date.parse(String(value)));
    case 'binary':
      return value instanceof Uint8Array;
    case 'json':
      return typeof value === 'string' && isJson(value);
    case 'array':
      return Array.isArray(value) && value.every((item) => spec.items !== undefined && !valueProblem(spec.items, item));
    case 'nested':
      return Array.isArray(value) && value.every((item) => areFields(spec, item));
    default:
      return false;
  }
}

function isInteger(value: unknown, [least, most]: readonly [bigint, bigint]): boolean {
  const isExact =
    typeof value === 'bigint' || Number.isSafeInteger(value) || (typeof value === 'string' && /^-?\d+$/.test(value));
  if (!isExact) return false;
  const whole = BigInt(value as bigint | number | string);
  return whole >= least && whole <= most;
}

function isFloat(text: string): boolean {
  return text === 'NaN' || !Number.isNaN(Number(text));
}

function isDay(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function areFields(spec: ValueSpec, item: unknown): boolean {
  if (typeof item !== 'object' || item === null) return false;
  const object = item as Readonly<Record<string, unknown>>;
  return (spec.fields ?? []).every((field) => valueProblem(field, object[field.name]) === undefined);
}
