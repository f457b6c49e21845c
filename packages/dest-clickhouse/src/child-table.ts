import { EtlError, type ColumnSpec, type Row, type StreamSpec } from '@etl/core';
import type { Database } from './database.ts';
import { columnPath, identifier } from './identifier.ts';
import { hasRowId, LIST_INDEX_COLUMN, sortingKey, type ChildOf } from './table-plan.ts';

/**
 * A nested column with a table of its own (`storage: 'table'`): a stream whose rows are the objects,
 * each with the key of its parent and its place in the list. It is loaded with its parent, but the
 * two become visible one after the other.
 */
export interface ChildStream extends StreamSpec {
  readonly childOf: ChildOf;
}

/** A stream without the columns that have tables of their own, and the streams of those tables. */
export interface StreamFamily {
  readonly parent: StreamSpec & { readonly childTables?: readonly string[] };
  readonly children: readonly ChildStream[];
}

/** @throws `CLICKHOUSE_CHILD_WITHOUT_KEY` (config) when the parent's rows have no key that lasts. */
export function familyOf(stream: StreamSpec): StreamFamily {
  const apart = stream.columns.filter(hasTableOfItsOwn);
  if (apart.length === 0) return { parent: stream, children: [] };
  if (hasRowId(stream) || stream.versionColumn !== undefined) throw withoutKey(stream, apart[0]?.name ?? '');
  const children = apart.map((column) => childStream(stream, column));
  const parent = {
    ...stream,
    columns: stream.columns.filter((column) => !hasTableOfItsOwn(column)),
    childTables: children.map(({ childOf }) => childOf.path),
  };
  return { parent, children };
}

function hasTableOfItsOwn(column: ColumnSpec): boolean {
  return column.type === 'nested' && column.storage === 'table';
}

function childStream(stream: StreamSpec, column: ColumnSpec): ChildStream {
  const key = sortingKey(stream);
  const keyColumns = stream.columns.filter(({ name }) => key.includes(name));
  const { writeDisposition, scope, schemaContract } = stream;
  return {
    name: `${stream.name}__${column.name}`,
    columns: [...keyColumns, { name: LIST_INDEX_COLUMN, type: 'uint32', nullable: false }, ...(column.fields ?? [])],
    primaryKey: [...stream.primaryKey, LIST_INDEX_COLUMN],
    writeDisposition,
    ...(scope === undefined ? {} : { scope }),
    ...(schemaContract === undefined ? {} : { schemaContract }),
    childOf: { stream: stream.name, column: column.name, path: columnPath(column.name), orderBy: key.map(columnPath) },
  };
}

/** The rows of a child table that are in rows of the parent. A parent that is deleted has none. */
export function childRows(parent: StreamSpec, { childOf, columns }: ChildStream, rows: readonly Row[]): readonly Row[] {
  const key = sortingKey(parent);
  const names = new Set(columns.map(({ name }) => name));
  return rows.flatMap((row) => {
    const items = row[childOf.column];
    const isDeleted = parent.deletedColumn !== undefined && row[parent.deletedColumn] === true;
    if (isDeleted || items === null || items === undefined) return [];
    const ids = Object.fromEntries(key.filter((name) => names.has(name)).map((name) => [name, row[name]]));
    return [...objectsIn(items, childOf)].map((item, index) => ({ ...item, ...ids, [LIST_INDEX_COLUMN]: index }));
  });
}

function objectsIn(items: unknown, { stream, column }: ChildOf): readonly Row[] {
  const isObject = (item: unknown): boolean => typeof item === 'object' && item !== null && !Array.isArray(item);
  if (Array.isArray(items) && items.every(isObject)) return items as readonly Row[];
  throw new EtlError({
    code: 'ROW_VALUE_INVALID',
    kind: 'data',
    message: `A row of ${stream} has something else than an array of objects in column ${column}.`,
    hint: 'Nothing of this load was published; mend the value at the source or declare the column with another type.',
    context: { stream, column },
  });
}

/** SQL that is true for the rows of a child table whose parent is staged. */
export function parentIsStaged(database: Database, { orderBy }: ChildOf, parentStaging: string): string {
  const key = orderBy.map(identifier).join(', ');
  return `(${key}) IN (SELECT ${key} FROM ${database.table(parentStaging)})`;
}

function withoutKey(stream: StreamSpec, column: string): EtlError {
  return new EtlError({
    code: 'CLICKHOUSE_CHILD_WITHOUT_KEY',
    kind: 'config',
    message: `Column ${column} of ${stream.name} cannot have a table of its own: the rows of the stream ${stream.versionColumn === undefined ? 'have no primary key' : 'have versions of their own'}.`,
    hint: "Leave the column with its rows (storage: 'row').",
  });
}
