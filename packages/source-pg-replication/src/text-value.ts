import type { ValueSpec } from '@etl/core';
import { arrayItems } from './array-text.ts';
import { SPACE } from './byte.ts';

/** What `TextBatch` says for a value of a row, before a field's escapes; `null` for NULL. */
export function textOfValue(spec: ValueSpec, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return `{${value.map((item) => itemText(spec.items ?? spec, item)).join(',')}}`;
  return Object.is(value, -0) ? '-0' : `${value as string | number | bigint}`;
}

function itemText(spec: ValueSpec, value: unknown): string {
  const text = textOfValue(spec, value);
  if (text === null) return 'NULL';
  const isPlain = text !== '' && !/^null$/i.test(text) && !/[\s,{}"\\]/.test(text);
  return isPlain ? text : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** The value of a row for what {@link textOfValue}, or PostgreSQL, says for it. */
export function valueOfText(spec: ValueSpec, text: string | null): unknown {
  if (text === null) return null;
  switch (spec.type) {
    case 'boolean':
      return text === 't';
    case 'int16':
    case 'int32':
    case 'uint32':
    case 'float32':
    case 'float64':
      return Number(text);
    case 'timestamp':
      return text.charCodeAt(10) === SPACE ? `${text.slice(0, 10)}T${text.slice(11).replace(/\+00$/, '')}Z` : text;
    case 'binary':
      return Buffer.from(text.slice(2), 'hex');
    case 'array':
      return arrayItems(text, ',').map((item) => valueOfText(spec.items ?? spec, item));
    default:
      return text;
  }
}
