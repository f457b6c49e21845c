import type { ColumnSpec, Row, StreamSpec } from '@etl/core';
import fc from 'fast-check';
import { valuesFor } from './values-for.ts';
import { canonicalValue } from './canonical-value.ts';

export interface RowsForOptions {
  /** @default 0 */
  readonly minLength?: number;
  /** @default 50 */
  readonly maxLength?: number;
  /** Values that all rows have: those of a scope, say. */
  readonly fixed?: Row;
}

/** One row of the stream, with the hard values of each column's type. */
export function rowFor(stream: StreamSpec, fixed: Row = {}): fc.Arbitrary<Row> {
  const values = (column: ColumnSpec): fc.Arbitrary<unknown> =>
    column.name in fixed ? fc.constant(fixed[column.name]) : valuesFor(column);
  return fc.record(Object.fromEntries(stream.columns.map((column) => [column.name, values(column)])));
}

/**
 * Rows of the stream with the hard values of each column's type; no two have the same primary key,
 * in whatever form it is written.
 */
export function rowsFor(
  stream: StreamSpec,
  { minLength = 0, maxLength = 50, fixed }: RowsForOptions = {},
): fc.Arbitrary<readonly Row[]> {
  const { primaryKey } = stream;
  if (primaryKey.length === 0) return fc.array(rowFor(stream, fixed), { minLength, maxLength });
  const keys = stream.columns.filter(({ name }) => primaryKey.includes(name));
  const selector = (row: Row): string =>
    JSON.stringify(keys.map((column) => canonicalValue(column, row[column.name]) ?? null));
  return fc.uniqueArray(rowFor(stream, fixed), { minLength, maxLength, selector });
}
