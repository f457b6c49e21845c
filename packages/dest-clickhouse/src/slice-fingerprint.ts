import type { OperationOptions, Scope, StreamSpec } from '@etl/core';
import type { Database } from './database.ts';
import { identifier } from './identifier.ts';
import { scopeCondition } from './scope-condition.ts';
import type { TablePlan } from './table-plan.ts';

/** A slice whose rows are all staged. */
export interface ClosedSlice {
  readonly key: string;
  readonly scope: Scope;
  /** Fingerprint of the version that the ledger says the table holds; absent when it knows none. */
  readonly previous: string | undefined;
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
  const conditions = slices.map(({ scope }) => scopeCondition(stream, scope));
  const index = conditions.map((condition, place) => `${condition}, ${place}`).join(', ');
  // An alias hides a column of the same name, and no column's name begins with _etl_.
  const rows = await database.rows<{ _etl_place: number; _etl_rows: string; _etl_hash: string }>(
    `SELECT multiIf(${index}, -1) AS _etl_place, toString(count()) AS _etl_rows, ` +
      `lower(hex(sum(reinterpretAsUInt128(sipHash128(${rowBytes(plan)}))))) AS _etl_hash ` +
      `FROM ${database.table(table.name)} ${table.isRaw ? 'FINAL' : ''} ` +
      `WHERE ${conditions.map((condition) => `(${condition})`).join(' OR ')} GROUP BY _etl_place`,
    options,
    [table.name],
  );
  const found = new Map(rows.map((row) => [row._etl_place, `${row._etl_rows}-${row._etl_hash}`]));
  return slices.map((_, place) => found.get(place) ?? EMPTY);
}

export const EMPTY = '0-0';

/** A row as bytes that tell NULL from empty, and one column from the next. */
function rowBytes(plan: TablePlan): string {
  return `formatRow('RowBinary', ${contentColumns(plan).map(identifier).join(', ')})`;
}

/** Columns that hold what the source said, in an order that does not depend on the source's. */
export function contentColumns({ columns }: TablePlan): readonly string[] {
  return columns
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('_etl_'))
    .toSorted();
}
