import type { LedgerEntry, OperationOptions, Scope, StreamSpec } from '@etl/core';
import type { Database } from './database.ts';
import { identifier } from './identifier.ts';
import { scopeCondition } from './scope-condition.ts';
import type { TablePlan } from './table-plan.ts';

/** A slice whose rows are all staged. */
export interface ClosedSlice {
  readonly key: string;
  readonly scope: Scope;
  /** What the ledger says of the version that the table holds. */
  readonly previous: LedgerEntry | undefined;
}

/**
 * What the rows of slices are in a table, in the order of the slices: their number and a sum of
 * hashes over everything in them but the loader's own columns. The order of rows does not count, and
 * rows that are the same twice count twice.
 */
export async function fingerprintsIn(
  database: Database,
  table: { readonly name: string; readonly isRaw: boolean },
  { stream, plan }: { readonly stream: StreamSpec; readonly plan: TablePlan },
  slices: readonly ClosedSlice[],
  options: OperationOptions,
): Promise<readonly string[]> {
  const { place, isInside } = placesOf(stream, slices);
  // An alias hides a column of the same name, and no column's name begins with _etl_.
  const rows = await database.rows<{ _etl_place: number; _etl_rows: string; _etl_hash: string }>(
    `SELECT ${place} AS _etl_place, toString(count()) AS _etl_rows, ` +
      `lower(hex(sum(reinterpretAsUInt128(sipHash128(${rowBytes(contentColumns(plan))}))))) AS _etl_hash ` +
      `FROM ${database.table(table.name)} ${table.isRaw ? 'FINAL' : ''} ` +
      `WHERE ${isInside} GROUP BY _etl_place`,
    options,
    [table.name],
  );
  const found = new Map(rows.map((row) => [row._etl_place, `${row._etl_rows}-${row._etl_hash}`]));
  return slices.map((_, index) => found.get(index) ?? EMPTY);
}

export const EMPTY = '0-0';

/** Rows of a slice with that fingerprint. */
export function rowsOf(fingerprint = EMPTY): number {
  return Number.parseInt(fingerprint, 10);
}

/** SQL for the place of a row's slice in the list, and for whether it belongs to any. */
export function placesOf(
  stream: StreamSpec,
  slices: readonly ClosedSlice[],
): { readonly place: string; readonly isInside: string } {
  const conditions = slices.map(({ scope }) => scopeCondition(stream, scope));
  const index = conditions.map((condition, position) => `${condition}, ${position}`).join(', ');
  return {
    place: `multiIf(${index}, -1)`,
    isInside: conditions.map((condition) => `(${condition})`).join(' OR '),
  };
}

/** Columns as bytes that tell NULL from empty, and one column from the next. */
export function rowBytes(columns: readonly string[]): string {
  return `formatRow('RowBinary', ${columns.map(identifier).join(', ')})`;
}

/** Columns that hold what the source said, in an order that does not depend on the source's. */
export function contentColumns({ columns }: TablePlan): readonly string[] {
  return columns
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('_etl_'))
    .toSorted();
}
