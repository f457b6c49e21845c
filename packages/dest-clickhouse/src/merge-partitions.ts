import { EtlError, type OperationOptions, type TableMerge } from '@etl/core';
import { serverCode } from './clickhouse-error.ts';
import type { Database } from './database.ts';
import { literal } from './identifier.ts';
import { indexedParts } from './indexed-parts.ts';
import { overlappingRows } from './overlapping-rows.ts';

interface Partition {
  readonly id: string;
  readonly totalParts: number;
  readonly totalBytes: number;
  readonly totalRows: number;
  /** Rows of parts that were attached as they were staged. */
  readonly unmergedRows: number;
}

interface MergedTable {
  readonly stream: string;
  readonly raw: string;
  readonly orderBy: readonly string[];
}

/** To look at an index takes some 6 ms whatever its size; merging so much takes 30. */
const LOOK_BYTES = 1024 * 1024;
/** Share of rows to be merged while they are read; up to it aggregates take at most about twice as long. */
const MAX_OVERLAP = 1 / 8;
/** Parts from which on merely opening them makes aggregates take nearly twice as long. */
const MAX_PARTS = 30;
/** The engine merges so many column by column. Of more it merges all columns at once, in as much more memory. */
const MOST_PARTS = 127;
/** Id of the one partition of a table that has no others. */
const UNPARTITIONED = 'all';

/**
 * Merges the partitions of a table whose readers gain by it, smallest first, while the bytes last. Bigger ones
 * are left to the server's own merges; so are those of which `FINAL` has to merge few rows while they are read.
 */
export async function mergePartitions(
  database: Database,
  table: MergedTable,
  budgetBytes: number,
  options: OperationOptions,
): Promise<TableMerge> {
  const startedAt = performance.now();
  const partitions = await unmergedPartitions(database, table.raw, options);
  let bytes = 0;
  let merged = 0;
  let spared = 0;
  for (const partition of partitions) {
    if (bytes + partition.totalBytes > budgetBytes) break;
    if (await isReadWell(database, table, partition, options)) {
      spared += 1;
      continue;
    }
    await merge(database, table.raw, partition, options);
    bytes += partition.totalBytes;
    merged += 1;
  }
  return {
    stream: table.stream,
    partitionsMerged: merged,
    partitionsSpared: spared,
    partitionsLeft: partitions.length - merged - spared,
    bytes,
    durationMs: performance.now() - startedAt,
  };
}

async function merge(
  database: Database,
  raw: string,
  { id, totalParts }: Partition,
  options: OperationOptions,
): Promise<void> {
  const table = `OPTIMIZE TABLE ${database.table(raw)}`;
  // Of a partition OPTIMIZE takes all parts; of a table those that the engine may merge by itself.
  const most = id === UNPARTITIONED && database.connection.isEmbedded ? MOST_PARTS : Number.POSITIVE_INFINITY;
  for (let parts = totalParts; parts > most;) {
    await database.longCommand(table, options);
    const left = await partsOf(database, raw, id, options);
    if (left >= parts) break;
    parts = left;
  }
  await database.longCommand(
    `${table} PARTITION ID ${literal(id)} FINAL SETTINGS optimize_skip_merged_partitions = 1`,
    options,
  );
}

async function partsOf(database: Database, raw: string, id: string, options: OperationOptions): Promise<number> {
  const [row] = await database.rows<{ parts: string }>(
    'SELECT toString(count()) AS parts FROM system.parts ' +
      `WHERE database = ${literal(database.name)} AND table = ${literal(raw)} AND partition_id = ${literal(id)} AND active`,
    options,
  );
  return Number(row?.parts ?? 0);
}

/** Partitions that are read with some cost of `FINAL`; of a small one in one part it is not worth a merge. */
async function unmergedPartitions(
  database: Database,
  raw: string,
  options: OperationOptions,
): Promise<readonly Partition[]> {
  const found = await database.rows<Record<keyof Partition, string>>(
    'SELECT partition_id AS id, toString(count()) AS totalParts, toString(sum(bytes_on_disk)) AS totalBytes, ' +
      'toString(sum(rows)) AS totalRows, toString(sumIf(rows, level = 0)) AS unmergedRows FROM system.parts ' +
      `WHERE database = ${literal(database.name)} AND table = ${literal(raw)} AND active GROUP BY partition_id ` +
      `HAVING count() > 1 OR (max(level) = 0 AND sum(bytes_on_disk) >= ${LOOK_BYTES}) ORDER BY sum(bytes_on_disk)`,
    options,
  );
  return found.map(({ id, ...numbers }) => ({
    id,
    totalParts: Number(numbers.totalParts),
    totalBytes: Number(numbers.totalBytes),
    totalRows: Number(numbers.totalRows),
    unmergedRows: Number(numbers.unmergedRows),
  }));
}

/** Whether readers would hardly gain by a merge. What the server does not let us see, it has to merge. */
async function isReadWell(
  database: Database,
  table: MergedTable,
  partition: Partition,
  options: OperationOptions,
): Promise<boolean> {
  const most = partition.totalRows * MAX_OVERLAP;
  if (partition.totalBytes < LOOK_BYTES || partition.totalParts > MAX_PARTS || partition.unmergedRows > most)
    return false;
  try {
    const rows = overlappingRows(await indexedParts(database, table, partition.id, options));
    const fields = {
      table: table.raw,
      partition: partition.id,
      parts: partition.totalParts,
      rows: partition.totalRows,
    };
    options.logger?.debug({ ...fields, overlapping: rows }, rows > most ? 'parts overlap' : 'parts hardly overlap');
    return rows <= most;
  } catch (error) {
    if (serverCode(error) === undefined) throw error;
    options.logger?.debug({ table: table.raw, err: EtlError.from(error).code }, 'the index of the parts was not read');
    return false;
  }
}
