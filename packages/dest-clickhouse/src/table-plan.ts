import { EtlError, type StreamSpec } from '@etl/core';
import { columnType } from './column-type.ts';
import { columnPath, identifier, publicName, shortName } from './identifier.ts';
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

/** Place of an object in the list of its parent, in a child table of its own. */
export const LIST_INDEX_COLUMN = '_etl_list_idx';

/** Which nested column a child table holds. */
export interface ChildOf {
  /** Stream and column as the source names them. */
  readonly stream: string;
  readonly column: string;
  /** The column as tables name it. */
  readonly path: string;
  /** Sorting key of the parent's table. */
  readonly orderBy: readonly string[];
}

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
  /** Between the public name and a nested column in the name of its view. */
  readonly nestedSeparator: string;
  /** Whether the stream is loaded scope by scope: then no load replaces the whole table. */
  readonly isScoped?: boolean;
  /** Nested columns of the stream that have tables of their own. */
  readonly childTables?: readonly string[];
  /** Present in the plan of such a table. */
  readonly childOf?: ChildOf;
}

/**
 * The table of a stream.
 *
 * @throws `CLICKHOUSE_COLUMNS_COLLIDE` and `CLICKHOUSE_NAME_RESERVED` (schema) when names cannot stand.
 */
export function planTable(
  stream: StreamSpec & { readonly childOf?: ChildOf; readonly childTables?: readonly string[] },
  options: ResolvedOptions,
): TablePlan {
  if (stream.versionColumn !== undefined && stream.scope !== undefined) {
    throw new EtlError({
      code: 'STREAM_VERSION_WITH_SCOPE',
      kind: 'config',
      message: `Stream ${stream.name} has both versions of its own and scopes.`,
      hint: 'Leave one of them out: what vanishes from a scope has no version that could be compared with the stream’s.',
    });
  }
  const names = columnNames(stream);
  requireFreeNames(stream, names, options.systemPrefix);
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
    publicName:
      stream.childOf === undefined
        ? publicName(options.dataset, options.separator, stream.name)
        : childName(
            { ...options, publicName: publicName(options.dataset, options.separator, stream.childOf.stream) },
            stream.childOf.path,
          ),
    columns: [...columns, ...SYSTEM_COLUMNS, ...(hasRowId(stream) ? [ROW_ID_COLUMN] : [])],
    orderBy: hasRowId(stream) ? [...keyNames, ROW_ID_COLUMN.name] : keyNames,
    ...(day === undefined ? {} : { partitionBy: `toYYYYMM(${identifier(names.get(day) ?? day)})` }),
    systemPrefix: options.systemPrefix,
    nestedSeparator: options.nestedSeparator,
    ...(stream.scope === undefined ? {} : { isScoped: true }),
    ...(stream.childTables === undefined ? {} : { childTables: stream.childTables }),
    ...(stream.childOf === undefined ? {} : { childOf: stream.childOf }),
  };
}

/**
 * The views have columns of the loader's own, whose prefix can be chosen: a source that was loaded by another
 * tool may have columns of these names, and a view that cannot be made would be found out too late.
 */
function requireFreeNames(
  stream: Parameters<typeof planTable>[0],
  names: ReadonlyMap<string, string>,
  prefix: string,
): void {
  const own = [`${prefix}_load_id`];
  const ofObjects = ['list_idx', 'parent_id', 'root_id', 'id'].map((name) => `${prefix}_${name}`);
  const nested = stream.columns.filter(({ type }) => type === 'nested');
  if (nested.length > 0 || stream.childTables !== undefined) own.push(`${prefix}_id`);
  if (stream.childOf !== undefined) own.push(...ofObjects);
  const isReserved = (name: string): boolean => own.includes(name) && name !== LIST_INDEX_COLUMN;
  const taken =
    [...names].find(([, name]) => isReserved(name))?.[0] ??
    nested.flatMap(({ fields = [] }) => fields).find(({ name }) => ofObjects.includes(columnPath(name)))?.name;
  if (taken === undefined) return;
  throw new EtlError({
    code: 'CLICKHOUSE_NAME_RESERVED',
    kind: 'schema',
    message: `Column ${taken} of ${stream.name} would be named as a column that the loader adds to its view.`,
    hint: 'Leave it out or rename it at the source, or choose another prefix of system columns (systemPrefix).',
    context: { stream: stream.name, column: taken },
  });
}

/** Name of the table of a nested column, whether it is a view of the parent or has rows of its own. */
export function childName(
  parent: { readonly publicName: string; readonly nestedSeparator: string },
  path: string,
): string {
  return shortName(`${parent.publicName}${parent.nestedSeparator}${path}`);
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
    if (other !== undefined || (normal.startsWith('_etl_') && name !== LIST_INDEX_COLUMN)) {
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
