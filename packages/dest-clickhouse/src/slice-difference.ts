import type { OperationOptions, StreamSpec } from '@etl/core';
import type { Database } from './database.ts';
import { contentColumns, placesOf, rowBytes, type ClosedSlice } from './slice-fingerprint.ts';
import type { TablePlan } from './table-plan.ts';

/**
 * How many rows of slices differ between staging and the table, in the order of the slices: rows that
 * only one of them has, and rows with other values. Keys are unique in both.
 */
export async function countChangedRows(
  database: Database,
  tables: {
    readonly staging: string | undefined;
    readonly raw: string;
    readonly stream: StreamSpec;
    readonly plan: TablePlan;
  },
  slices: readonly ClosedSlice[],
  options: OperationOptions,
): Promise<readonly number[]> {
  const { staging, raw, stream, plan } = tables;
  const { place, isInside } = placesOf(stream, slices);
  const rowsIn = (from: string): string =>
    `SELECT ${place} AS _etl_place, sipHash128(${rowBytes(plan.orderBy)}) AS _etl_key, ` +
    `sipHash128(${rowBytes(contentColumns(plan))}) AS _etl_row FROM ${from} WHERE ${isInside}`;
  const sides = [
    ...(staging === undefined ? [] : [rowsIn(database.table(staging))]),
    rowsIn(`${database.table(raw)} FINAL`),
  ];
  const rows = await database.rows<{ _etl_place: number; _etl_changed: string }>(
    'SELECT _etl_place, toString(countIf(NOT _etl_same)) AS _etl_changed FROM ' +
      '(SELECT _etl_place, count() = 2 AND min(_etl_row) = max(_etl_row) AS _etl_same ' +
      `FROM (${sides.join(' UNION ALL ')}) GROUP BY _etl_place, _etl_key) GROUP BY _etl_place`,
    options,
    [raw, ...(staging === undefined ? [] : [staging])],
  );
  const found = new Map(rows.map((row) => [row._etl_place, Number(row._etl_changed)]));
  return slices.map((_, index) => found.get(index) ?? 0);
}
