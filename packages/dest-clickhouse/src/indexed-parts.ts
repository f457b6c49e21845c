import type { OperationOptions } from '@etl/core';
import type { Database } from './database.ts';
import { identifier, literal } from './identifier.ts';
import type { IndexedPart, Mark } from './overlapping-rows.ts';

interface MarkRow {
  readonly _etl_part: string;
  readonly _etl_unmerged: number;
  readonly _etl_rank: string;
  readonly _etl_rows: string;
}

/** The active parts of a partition with their marks. Only the index is read, whatever the rows weigh. */
export async function indexedParts(
  database: Database,
  table: { readonly raw: string; readonly orderBy: readonly string[] },
  partition: string,
  options: OperationOptions,
): Promise<readonly IndexedPart[]> {
  const parts =
    `SELECT name FROM system.parts WHERE database = ${literal(database.name)} AND table = ${literal(table.raw)} ` +
    `AND partition_id = ${literal(partition)} AND active`;
  const rows = await database.rows<MarkRow>(
    'SELECT part_name AS _etl_part, toString(rows_in_granule) AS _etl_rows, ' +
      `toString(dense_rank() OVER (ORDER BY ${table.orderBy.map(identifier).join(', ')})) AS _etl_rank, ` +
      `toUInt8(part_name IN (${parts} AND level = 0)) AS _etl_unmerged ` +
      `FROM mergeTreeIndex(${literal(database.name)}, ${literal(table.raw)}) WHERE part_name IN (${parts}) ` +
      'ORDER BY part_name, mark_number',
    options,
  );
  const found = new Map<string, IndexedPart & { readonly marks: Mark[] }>();
  for (const row of rows) {
    const part = found.get(row._etl_part) ?? { isUnmerged: row._etl_unmerged === 1, marks: [] };
    part.marks.push({ rank: Number(row._etl_rank), rows: Number(row._etl_rows) });
    found.set(row._etl_part, part);
  }
  return [...found.values()];
}
