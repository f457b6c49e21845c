import type { OperationOptions, TableMerge } from '@etl/core';
import type { Database } from './database.ts';
import { literal } from './identifier.ts';

interface Partition {
  readonly partition_id: string;
  readonly parts: string;
  readonly bytes: string;
}

/**
 * Merges the partitions of a table that have several parts, smallest first, while the bytes last:
 * a partition of one part is read without any cost of `FINAL`. Bigger ones are left to the server's
 * own merges.
 */
export async function mergePartitions(
  database: Database,
  table: { readonly stream: string; readonly raw: string },
  budgetBytes: number,
  options: OperationOptions,
): Promise<TableMerge> {
  const startedAt = performance.now();
  const partitions = await database.rows<Partition>(
    'SELECT partition_id, toString(count()) AS parts, toString(sum(bytes_on_disk)) AS bytes FROM system.parts ' +
      `WHERE database = ${literal(database.name)} AND table = ${literal(table.raw)} AND active ` +
      'GROUP BY partition_id HAVING count() > 1 ORDER BY sum(bytes_on_disk)',
    options,
  );
  let bytes = 0;
  let merged = 0;
  for (const partition of partitions) {
    if (bytes + Number(partition.bytes) > budgetBytes) break;
    await database.command(
      `OPTIMIZE TABLE ${database.table(table.raw)} PARTITION ID ${literal(partition.partition_id)} FINAL SETTINGS optimize_skip_merged_partitions = 1`,
      options,
    );
    bytes += Number(partition.bytes);
    merged += 1;
  }
  return {
    stream: table.stream,
    partitionsMerged: merged,
    partitionsLeft: partitions.length - merged,
    bytes,
    durationMs: performance.now() - startedAt,
  };
}
