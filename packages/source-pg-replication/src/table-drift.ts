import { isDeepStrictEqual } from 'node:util';
import type { Client } from 'pg';
import { haveStorage, type CatalogTable } from './catalog.ts';
import type { TablePosition } from './position.ts';
import { areValuesAlike, type TypeRow } from './value-type.ts';

/**
 * What became of a table since its rows were read.
 *
 * - `none`: rows and changes fit.
 * - `evolved`: columns came whose old values are NULL, or went; changes alone keep the rows right.
 * - `resync`: the log alone cannot make the rows right; the table has to be copied anew.
 */
export type TableDrift =
  | { readonly type: 'none' }
  | { readonly type: 'evolved' }
  | { readonly type: 'resync'; readonly reason: string };

export async function findDrift(
  client: Client,
  position: TablePosition,
  table: CatalogTable,
  types: ReadonlyMap<number, TypeRow>,
): Promise<TableDrift> {
  const drift = tableDrift(position, table, types);
  if (drift.type === 'resync') return drift;
  // The rows that a partition brought along are not in the log. Asked after `table` was described: what
  // comes into a leaf that is empty now is in the log.
  const known = new Map(position.leaves);
  const attached = table.leaves.filter(([oid, by]) => known.get(oid) !== by).map(([oid]) => oid);
  return (await haveStorage(client, attached))
    ? { type: 'resync', reason: 'a partition that holds rows was attached' }
    : drift;
}

function tableDrift(position: TablePosition, table: CatalogTable, types: ReadonlyMap<number, TypeRow>): TableDrift {
  const reason = resyncReason(position, table, types);
  if (reason !== undefined) return { type: 'resync', reason };
  const columns = table.columns.filter((column) => column.isPublished);
  const same =
    columns.length === position.columns.length &&
    columns.every((column, index) =>
      isDeepStrictEqual(position.columns[index], [column.number, column.name, column.type, column.modifier]),
    );
  return same ? { type: 'none' } : { type: 'evolved' };
}

function resyncReason(
  position: TablePosition,
  table: CatalogTable,
  types: ReadonlyMap<number, TypeRow>,
): string | undefined {
  if (position.relation !== table.oid) return 'it was dropped and created again';
  // Where it is null, an earlier version stored it of a table that no entry of its own publishes.
  if (position.publication_relation !== null && position.publication_relation !== table.publicationRelation)
    return 'it was out of the publication for a while';
  if (position.row_filter !== table.rowFilter) return 'the row filter of the publication changed';
  if (!isDeepStrictEqual(position.key, table.key)) return 'its key changed';
  // The storage changes with TRUNCATE and VACUUM FULL too, but only a rewriting ALTER TABLE also
  // touches the columns' definitions; what it rewrites is not in the log.
  const filenodes = new Set(table.filenodes);
  const isStorageNew = position.filenodes.length === 0 || position.filenodes.some((node) => !filenodes.has(node));
  // TRUNCATE of a leaf is not sent where the root is published. VACUUM FULL of a leaf looks the same.
  const gone = position.filenodes.filter((node) => node !== 0 && !filenodes.has(node)).length;
  if (table.kind === 'p' && gone > lostLeaves(position, table))
    return 'a partition was truncated, or its storage made new';
  if (isStorageNew && position.columns_xmin !== table.columnsXmin) return 'it was rewritten by ALTER TABLE';
  // What was added prints no row otherwise; what is not there any more was renamed, or got other attributes.
  const shapes = new Set(table.shapes);
  if (position.shapes.some((shape) => !shapes.has(shape))) return 'a type of its columns was altered';
  const numbers = new Map(position.columns.map(([number, name, type, modifier]) => [number, { name, type, modifier }]));
  const names = new Set(position.columns.map(([, name]) => name));
  const newest = Math.max(position.last_column, ...numbers.keys());
  for (const column of table.columns) {
    if (!column.isPublished) continue;
    const before = numbers.get(column.number);
    if (before === undefined) {
      if (column.hasMissing) return `the column ${column.name} was added with a default`;
      if (names.has(column.name)) return `the column ${column.name} was replaced`;
      if (column.number <= newest) return `the column ${column.name} was not published before`;
    } else if (before.name !== column.name) {
      return `the column ${before.name} was renamed`;
    } else if (!areValuesAlike(before, column, types)) {
      return `the column ${column.name} changed its type`;
    }
  }
  return undefined;
}

/**
 * How many partitions were detached or dropped since the table's rows were read. Nothing of it is in the log.
 * Their rows stay: whoever drops old partitions at the source mostly wants to keep them elsewhere.
 */
export function lostLeaves(position: TablePosition, table: CatalogTable): number {
  const leaves = new Set(table.leaves.map(([oid]) => oid));
  return position.leaves.filter(([oid]) => !leaves.has(oid)).length;
}
