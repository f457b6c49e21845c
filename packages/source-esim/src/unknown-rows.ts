import type { Row, RowLookup } from '@etl/core';
import type { Dataset } from './manifest.ts';
import type { DatedRow } from './newest-rows.ts';

/**
 * Of a dataset that is only appended to, the rows that the table does not hold yet. All of them are asked for:
 * a watermark is never later than the beginning of its run, but the rows that came while it went on are there.
 */
export async function unknownRows(
  dataset: Dataset,
  lookup: RowLookup | undefined,
  dated: readonly DatedRow[],
): Promise<readonly Row[]> {
  const rows = dated.map(({ row }) => row);
  if (dataset.disposition !== 'append' || lookup === undefined || rows.length === 0) return rows;
  const found = await lookup(dataset.name, rows, dataset.primaryKey);
  return rows.filter((_, index) => found[index] === undefined);
}
