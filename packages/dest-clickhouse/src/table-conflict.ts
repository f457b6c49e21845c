import { EtlError, type SchemaChange } from '@etl/core';
import type { ColumnInfo, TableInfo } from './database.ts';
import { nestedGroups } from './nested-columns.ts';
import { RAW_PREFIX } from './raw-table.ts';
import { childName, type PlannedColumn, type TablePlan } from './table-plan.ts';

/**
 * The key column of a table has another type than the stream declares: nothing can widen a key.
 */
export function keyConflict(plan: TablePlan, declared: PlannedColumn, actual: readonly ColumnInfo[]): EtlError {
  const type = actual.find(({ name }) => name === declared.name)?.type ?? 'unknown';
  return new EtlError({
    code: 'CLICKHOUSE_TYPE_CONFLICT',
    kind: 'schema',
    message: `Key column ${declared.name} of ${plan.publicName} is ${type}, but the source now declares ${declared.type}.`,
    hint: remakeHint(plan, 'type'),
    context: { stream: plan.stream, column: declared.name },
  });
}

/**
 * The table is sorted or divided otherwise than the stream declares; `undefined` when it is not. Parts can
 * only be attached to a table with their own keys, and another key would merge other rows.
 */
export function layoutConflict(plan: TablePlan, drift: readonly SchemaChange[]): EtlError | undefined {
  const found = drift.find((change) => change.type === 'drift-found' && change.property !== 'engine');
  if (found?.type !== 'drift-found') return undefined;
  return new EtlError({
    code: 'CLICKHOUSE_KEY_CONFLICT',
    kind: 'schema',
    message: `The ${found.property} of ${plan.publicName} is (${found.actual}), but the stream now declares (${found.declared}).`,
    hint: remakeHint(plan, 'key'),
    context: { stream: plan.stream },
  });
}

/** The column that a stream declares stands in the table for older values of another one. */
export function nameConflict(plan: TablePlan, { name }: PlannedColumn): EtlError {
  return new EtlError({
    code: 'CLICKHOUSE_COLUMNS_COLLIDE',
    kind: 'schema',
    message: `${plan.publicName} has a column ${name} already: it holds another column's values of another type.`,
    hint: remakeHint(plan, 'columns'),
    context: { stream: plan.stream, column: name },
  });
}

/** One name for an array of objects in the table and for a plain value in the stream, or the other way round. */
export function nestingConflict(plan: TablePlan, actual: readonly ColumnInfo[]): EtlError | undefined {
  const plain = (columns: readonly PlannedColumn[]): ReadonlySet<string> => new Set(columns.map(({ name }) => name));
  const [inTable, inStream] = [plain(actual), plain(plan.columns)];
  const name =
    [...nestedGroups(actual).keys()].find((path) => inStream.has(path)) ??
    [...nestedGroups(plan.columns).keys()].find((path) => inTable.has(path));
  if (name === undefined) return undefined;
  const [is, declared] = inStream.has(name) ? ['objects', 'a plain value'] : ['a plain value', 'objects'];
  return new EtlError({
    code: 'CLICKHOUSE_TYPE_CONFLICT',
    kind: 'schema',
    message: `Column ${name} of ${plan.publicName} holds ${is}, but the stream now declares ${declared}.`,
    hint: remakeHint(plan, 'columns'),
    context: { stream: plan.stream, column: name },
  });
}

/** The objects of a nested column are stored in another way than the stream declares; `undefined` when they are not. */
export function storageConflict(
  plan: TablePlan,
  actual: readonly ColumnInfo[],
  present: ReadonlyMap<string, TableInfo>,
): EtlError | undefined {
  const inRows = nestedGroups(actual);
  const hasRows = (path: string): boolean => {
    const prefix = `${RAW_PREFIX}${childName(plan, path)}_g`;
    return [...present.keys()].some((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)));
  };
  const apart = [...nestedGroups(plan.columns).keys()].find(hasRows);
  if (apart !== undefined) return movedIn(plan, apart);
  const path = plan.childTables?.find((name) => inRows.has(name));
  if (path === undefined) return undefined;
  return new EtlError({
    code: 'CLICKHOUSE_STORAGE_CONFLICT',
    kind: 'schema',
    message: `The objects of ${path} are in the rows of ${plan.publicName}, but the stream now declares a table of their own.`,
    hint: remakeHint(plan, 'storage'),
    context: { stream: plan.stream },
  });
}

function movedIn(plan: TablePlan, path: string): EtlError {
  return new EtlError({
    code: 'CLICKHOUSE_STORAGE_CONFLICT',
    kind: 'schema',
    message: `The objects of ${path} have a table of their own, but the stream ${plan.stream} now declares them in its rows.`,
    hint: `Keep storage: 'table', or drop the tables ${RAW_PREFIX}${childName(plan, path)}_g… and load the stream anew with --full-refresh.`,
    context: { stream: plan.stream },
  });
}

/** What helps against a conflict: a stream without scopes is replaced as a whole, another one has to be cleared away. */
function remakeHint(plan: TablePlan, what: string): string {
  if (plan.isScoped !== true)
    return `Load the stream anew with --full-refresh: it gets a new table with the new ${what}.`;
  return (
    `Its slices cannot change it one by one. Choose another dataset; or drop the tables ${RAW_PREFIX}${plan.publicName}_g… ` +
    'and the views over them, and load the stream anew with --full-refresh.'
  );
}
