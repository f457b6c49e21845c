import { columnsOf, type RowSchema } from '@etl/core';
import { losslessText } from '@etl/core/http';
import type { GraphObject } from './graph-client.ts';

/** Columns that this package adds to what the platform gives. */
const OWN_COLUMNS = new Set(['account_id', 'managing_system', '_last_seen_at', '_fingerprint', '_read_on']);

/** Who a row belongs to, and when it was seen. */
export interface EntityTags {
  readonly account_id: string;
  readonly managing_system: string;
  readonly _last_seen_at: Date;
}

/** The fields that are asked for to fill a table. */
export function entityFields(schema: RowSchema): readonly string[] {
  return Object.keys(schema.shape).filter((field) => !OWN_COLUMNS.has(field));
}

/** Makes rows of a table from objects of the platform. */
export function entityRows(schema: RowSchema): (given: GraphObject, tags: EntityTags) => Record<string, unknown> {
  const fields = entityFields(schema);
  const types = new Map(columnsOf(schema).map((column) => [column.name, column.type]));
  return (given, tags) => ({
    ...Object.fromEntries(fields.map((field) => [field, valueOf(field, types.get(field), given[field])])),
    ...tags,
  });
}

function valueOf(field: string, type: string | undefined, value: unknown): unknown {
  if (field === 'creative') return { id: (value as { id?: unknown } | undefined)?.id ?? null };
  if (value === undefined || value === null) return null;
  if (type === 'json') return value;
  const text = typeof value === 'string' ? value : losslessText(value);
  // `2026-03-01T09:00:00+0000`
  if (type === 'timestamp') return text.replace(/([+-]\d{2})(\d{2})$/, '$1:$2');
  return text;
}
