import { EtlError, type StreamSpec } from '@etl/core';
import { columnType } from './column-type.ts';
import { columnPath, identifier, publicName } from './identifier.ts';
import { nestedColumns } from './nested-columns.ts';
import type { ResolvedOptions } from './options.ts';

/** Columns of every raw table that are the loader's own; behind the views that people read. */
export const SYSTEM_COLUMNS: readonly PlannedColumn[] = [
  { name: '_etl_version', type: 'UInt128' },
  { name: '_etl_deleted', type: 'UInt8' },
  { name: '_etl_load_id', type: 'LowCardinality(String)' },
];

/** Where rows have no key, or are only appended: makes every row a key of its own. */
export const ROW_ID_COLUMN: PlannedColumn = { name: '_etl_row_id', type: 'UInt128' };

export interface PlannedColumn {
  readonly name: string;
  readonly type: string;
}

/** What a stream's table must look like. Plain data: it travels in the manifest. */
export interface TablePlan {
  readonly stream: string;
  /** Name of the view that people read. */
  readonly publicName: string;
  /** The stream's columns, then the loader's. */
  readonly columns: readonly PlannedColumn[];
  readonly orderBy: readonly string[];
  readonly partitionBy?: string;
  readonly systemPrefix: string;
}

/**
 * The table of a stream.
 *
 * @throws `CLICKHOUSE_COLUMNS_COLLIDE` and `CLICKHOUSE_NAME_RESERVED` (schema) when names cannot stand.
 */
export function planTable(stream: StreamSpec, options: ResolvedOptions): TablePlan {
  if (stream.versionColumn !== undefined && stream.scope !== undefined) {
    throw new EtlError({
      code: 'STREAM_VERSION_WITH_SCOPE',
      kind: 'config',
      message: `Stream ${stream.name} has both versions of its own and scopes.`,
      hint: 'Leave one of them out: what vanishes from a scope has no version that could be compared with the stream’s.',
    });
  }
  const names = columnNames(stream);
  const key = sortingKey(stream);
  const sorted = new Set(key);
  const columns = stream.columns.flatMap((column): readonly PlannedColumn[] => {
    const name = names.get(column.name) ?? column.name;
    if (column.type === 'nested')
      return nestedColumns(stream, column, name).map(({ name: field, type }) => ({ name: field, type }));
    return [{ name, type: columnType(column, sorted.has(column.name)) }];
  });
  const keyNames = key.map((name) => names.get(name) ?? name);
  const day = stream.scope?.day;
  return {
    stream: stream.name,
    publicName: publicName(options.dataset, options.separator, stream.name),
    columns: [...columns, ...SYSTEM_COLUMNS, ...(hasRowId(stream) ? [ROW_ID_COLUMN] : [])],
    orderBy: hasRowId(stream) ? [...keyNames, ROW_ID_COLUMN.name] : keyNames,
    ...(day === undefined ? {} : { partitionBy: `toYYYYMM(${identifier(names.get(day) ?? day)})` }),
    systemPrefix: options.systemPrefix,
  };
}

/** Whether equal rows are rows of their own: in `append` tables, and where there is no primary key. */
export function hasRowId(stream: StreamSpec): boolean {
  return stream.writeDisposition === 'append' || stream.primaryKey.length === 0;
}

/** Source name to column name. */
export function columnNames(stream: StreamSpec): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  const names = new Map<string, string>();
  for (const { name } of stream.columns) {
    const normal = columnPath(name);
    const other = sources.get(normal);
    if (other !== undefined || normal.startsWith('_etl_')) {
      throw new EtlError({
        code: other === undefined ? 'CLICKHOUSE_NAME_RESERVED' : 'CLICKHOUSE_COLUMNS_COLLIDE',
        kind: 'schema',
        message:
          other === undefined
            ? `Column ${name} of ${stream.name} would be named ${normal}, which is reserved.`
            : `Columns ${other} and ${name} of ${stream.name} would both be named ${normal}.`,
        hint: 'Leave one of them out, or rename it at the source.',
      });
    }
    sources.set(normal, name);
    names.set(name, normal);
  }
  return names;
}

/** Scope columns first, so that a scope is one range of the table; then the rest of the key. */
export function sortingKey(stream: StreamSpec): readonly string[] {
  const scope = stream.scope;
  return [...new Set([...(scope?.keys ?? []), ...(scope?.day === undefined ? [] : [scope.day]), ...stream.primaryKey])];
}
