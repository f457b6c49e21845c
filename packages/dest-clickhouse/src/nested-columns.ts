import { EtlError, type ColumnSpec, type StreamSpec } from '@etl/core';
import { columnType, isBinary } from './column-type.ts';
import type { ColumnInfo } from './database.ts';
import { columnPath } from './identifier.ts';
import type { PlannedColumn } from './table-plan.ts';
import { readableColumns } from './variant-columns.ts';

/** A field of a nested column: an array column `path.field` of the parent's row. */
export interface NestedColumn extends PlannedColumn {
  readonly field: ColumnSpec;
}

/**
 * The columns that hold a nested column: one array per field, aligned, in the row of the parent, so
 * that parent and children are one row of one part and can never be seen apart.
 *
 * @throws `CLICKHOUSE_COLUMNS_COLLIDE`, `CLICKHOUSE_TYPE_UNSUPPORTED` (schema).
 */
export function nestedColumns(stream: StreamSpec, column: ColumnSpec, path: string): readonly NestedColumn[] {
  const sources = new Map<string, string>();
  return (column.fields ?? []).map((field) => {
    const name = columnPath(field.name);
    const other = sources.get(name);
    if (other !== undefined) {
      throw new EtlError({
        code: 'CLICKHOUSE_COLUMNS_COLLIDE',
        kind: 'schema',
        message: `Fields ${other} and ${field.name} of ${stream.name}.${column.name} would both be named ${name}.`,
        hint: 'Leave one of them out, or rename it at the source.',
      });
    }
    if (isBinary(field) || field.type === 'nested') {
      throw new EtlError({
        code: 'CLICKHOUSE_TYPE_UNSUPPORTED',
        kind: 'schema',
        message: `Field ${field.name} of ${stream.name}.${column.name} has the type ${field.type}, which an array of objects cannot hold.`,
        hint: 'Declare the field as text or JSON.',
      });
    }
    sources.set(name, field.name);
    return { name: `${path}.${name}`, type: `Array(${columnType(field)})`, field };
  });
}

/** A field as readers see it, and the column it is read from. */
export interface NestedField {
  readonly name: string;
  readonly source: string;
}

/** The nested columns among the columns of a table: path to its fields, by their own names. */
export function nestedGroups(columns: readonly ColumnInfo[]): ReadonlyMap<string, readonly NestedField[]> {
  const groups = new Map<string, NestedField[]>();
  for (const { name, source } of readableColumns(columns)) {
    const dot = name.indexOf('.');
    if (dot === -1) continue;
    const path = name.slice(0, dot);
    groups.set(path, [...(groups.get(path) ?? []), { name: name.slice(dot + 1), source }]);
  }
  return groups;
}
