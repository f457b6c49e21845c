import type { ColumnSpec } from './column.ts';

/**
 * How rows meet the rows that are already in the table.
 *
 * - `append` adds every row once.
 * - `merge` upserts by primary key: of several versions of one key the highest is visible.
 * - `replace` makes the rows of the scope exactly the new ones: the whole table for a stream
 *   without slices.
 */
export type WriteDisposition = 'append' | 'merge' | 'replace';

/** What to do when rows do not fit the table as it stands. */
export type SchemaContractMode = 'evolve' | 'freeze' | 'discard-row' | 'discard-value';

/** A schema contract per kind of change. Every part defaults to `evolve`. */
export interface SchemaContract {
  readonly tables: SchemaContractMode;
  readonly columns: SchemaContractMode;
  readonly dataType: SchemaContractMode;
}

/** The columns by which the slices of a stream divide its table. */
export interface ScopeSpec {
  /** Columns a slice fixes by equality, such as `account_id`. They lead the sorting key. */
  readonly keys: readonly string[];
  /** A `date` column of which a slice owns one range of days. */
  readonly day?: string;
}

/** Everything a destination needs to know of a stream. Plain data: it survives `JSON.stringify`. */
export interface StreamSpec {
  /** snake_case. Becomes the table's name, behind the dataset. */
  readonly name: string;
  readonly columns: readonly ColumnSpec[];
  /**
   * Columns that identify a row; none of them may be nullable. Must contain every dimension of the
   * grain. Required for `merge`; for `append` and `replace` it may be empty.
   */
  readonly primaryKey: readonly string[];
  readonly writeDisposition: WriteDisposition;
  /**
   * Key of a row's version, a non-negative `bigint` below 2^128; the highest version of a primary
   * key wins, whatever the order of arrival. A log puts its position here. It need not be one of
   * `columns`. Absent: the order in which rows were loaded decides.
   */
  readonly versionColumn?: string;
  /**
   * Key of a boolean that is true in a row which says that its primary key is gone. Such a row
   * needs no other values. It need not be one of `columns`.
   */
  readonly deletedColumn?: string;
  /** Present when the stream is sliced by columns; absent when a slice is the whole table. */
  readonly scope?: ScopeSpec;
  readonly schemaContract?: Partial<SchemaContract>;
  readonly description?: string;
}
