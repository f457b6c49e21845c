import type { ColumnSpec, Row, StreamSpec } from '@etl/core';

/**
 * A stream that is made of the rows of a table: rows of its own columns and key, any number per row of the table.
 *
 * It is kept as right as the table itself: what a changed row of the table no longer gives goes away, and so does
 * everything of a deleted one.
 */
export interface DerivedStream {
  /** Name of the stream, and so of its table. */
  readonly name: string;
  /** Stream of the table that it is made of, such as `server_logs_log`. */
  readonly from: string;
  readonly columns: readonly ColumnSpec[];
  readonly primaryKey: readonly string[];
  /**
   * The values of the key columns of the row at `position`, counted from 1, of the rows that a row of the table
   * gives. Only the key columns of the table may be looked at, because of a deleted row there are no others.
   */
  key(row: Row, position: number): Row;
  /**
   * The other values of the rows that a row of the table gives, in an order of their own; none when it gives none.
   * Must be pure: the same row gives the same rows, whenever it is read. What it throws fails the derived stream,
   * naming the row, and not the table. Values are as `records` messages have them: `bigint` columns and
   * `numeric` as text, JSON as text.
   */
  derive(row: Row): readonly Row[];
  /** Most rows that one row of the table gives; more is an error. */
  readonly maxRows: number;
  /** Raised when `derive` or the columns change: the table is then copied anew. */
  readonly version: number;
}

export const VERSION_KEY = '_version';
export const DELETED_KEY = '_deleted';

export function derivedSpec({ name, columns, primaryKey }: DerivedStream): StreamSpec {
  return {
    name,
    columns,
    primaryKey,
    writeDisposition: 'merge',
    versionColumn: VERSION_KEY,
    deletedColumn: DELETED_KEY,
  };
}
