import type { Client } from 'pg';
import type { CatalogTable } from './catalog.ts';

/** Pages of a table on disk from the first on, up to the end; `undefined` is the end of the table. */
export interface BlockRange {
  readonly from: number;
  readonly to: number | undefined;
}

const WHOLE: BlockRange = { from: 0, to: undefined };
/** Below it a range costs more to begin than it saves. */
const LEAST_BLOCKS = 1024;
/** 256 MiB with pages of 8 KiB: what a copy that dies has to read again is not bounded by it, progress is. */
const MOST_BLOCKS = 32_768;
/** Ranges for each connection, so that none ends long before the others. */
const PER_CONNECTION = 4;

/**
 * Cuts a table into ranges that can be read side by side; one range where it is small, or is not
 * stored in pages. A partitioned table is cut at the same pages in each of its partitions.
 */
export async function blockRanges(
  client: Client,
  table: CatalogTable,
  connections: number,
): Promise<readonly BlockRange[]> {
  if (connections < 2) return [WHOLE];
  const { rows } = await client.query<{ blocks: string; heap: string | null }>(
    `SELECT coalesce(max(pg_relation_size(c.oid) / current_setting('block_size')::int8), 0) AS blocks,
       bool_and(m.amname = 'heap') AS heap
     FROM ${table.kind === 'p' ? `pg_partition_tree(${table.oid}) t JOIN pg_class c ON c.oid = t.relid AND t.isleaf` : 'pg_class c'}
       LEFT JOIN pg_am m ON m.oid = c.relam
     ${table.kind === 'p' ? '' : `WHERE c.oid = ${table.oid}`}`,
  );
  return rows[0]?.heap === 't' ? cutBlocks(Number(rows[0].blocks), connections) : [WHOLE];
}

/** Ranges that together are all pages, each once. The last has no end: pages may have come since. */
export function cutBlocks(blocks: number, connections: number): readonly BlockRange[] {
  const size = Math.min(MOST_BLOCKS, Math.max(LEAST_BLOCKS, Math.ceil(blocks / (connections * PER_CONNECTION))));
  const count = Math.max(1, Math.ceil(blocks / size));
  return Array.from({ length: count }, (_, index) => ({
    from: index * size,
    to: index === count - 1 ? undefined : (index + 1) * size,
  }));
}

/** The condition of the rows in a range; empty for all rows. */
export function rangeCondition({ from, to }: BlockRange): string {
  const conditions = [
    ...(from === 0 ? [] : [`ctid >= '(${from},0)'::tid`]),
    ...(to === undefined ? [] : [`ctid < '(${to},0)'::tid`]),
  ];
  return conditions.join(' AND ');
}
