/**
 * One record: column name to value.
 *
 * Each value is what its column's `ColumnType` says; `null` and `undefined` are both SQL NULL.
 */
export type Row = Readonly<Record<string, unknown>>;
