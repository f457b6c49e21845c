import type { Row, RowLookup } from '@etl/core';
import type { Dataset } from './manifest.ts';
import type { DatedRow } from './newest-rows.ts';

/**
 * Of a dataset that is only appended to, the rows that the table does not hold yet. Rows newer than
 * `through` cannot be there, and are not asked for.
 */
export async function unknownRows(
  dataset: Dataset,
  lookup: RowLookup | undefined,
  rows: readonly DatedRow[],
  through: bigint | undefined,
): Promise<readonly Row[]> {
  if (dataset.disposition !== 'append' || lookup === undefined) return rows.map(({ row }) => row);
  const asked = rows.filter(({ at }) => through === undefined || at <= through);
  const found =
    asked.length === 0
      ? []
      : await lookup(
          dataset.name,
          asked.map(({ row }) => row),
          dataset.primaryKey,
        );
  const known = new Set(asked.filter((_, index) => found[index] !== undefined));
  return rows.filter((dated) => !known.has(dated)).map(({ row }) => row);
}
