import { EtlError, type OperationOptions, type Scope, type StreamSpec } from '@etl/core';
import { MANY_PARTITIONS } from './connection.ts';
import type { Database } from './database.ts';
import { identifier } from './identifier.ts';
import { scopeCondition } from './scope-condition.ts';
import type { TablePlan } from './table-plan.ts';

/**
 * @throws `PRIMARY_KEY_NOT_UNIQUE` (data) when two staged rows have one key: the key lacks a
 * dimension of the grain, and one of the rows would silently win.
 */
export async function requireUniqueKey(
  database: Database,
  staging: string,
  stream: StreamSpec,
  plan: TablePlan,
  options: OperationOptions,
): Promise<void> {
  const key = plan.orderBy.map(identifier).join(', ');
  const [row] = await database.rows<{ _etl_doubled: string }>(
    `SELECT toString(count() - uniqExact(${key})) AS _etl_doubled FROM ${database.table(staging)}`,
    options,
    [staging],
  );
  const doubled = Number(row?._etl_doubled ?? 0);
  if (doubled === 0) return;
  throw new EtlError({
    code: 'PRIMARY_KEY_NOT_UNIQUE',
    kind: 'data',
    message: `${doubled} rows of ${stream.name} have a primary key (${stream.primaryKey.join(', ')}) that another row of the same slice has.`,
    hint: 'Add the missing dimension to the primary key of the stream.',
    context: { stream: stream.name, rows: doubled },
  });
}

export interface Tombstones {
  readonly version: string;
  readonly loadId: string;
}

/**
 * Stages a tombstone for every row that the raw table has where `condition` holds and staging has not; returns
 * how many. `parent` is a further staging table that the condition reads.
 */
export async function stageTombstones(
  database: Database,
  tables: { readonly raw: string; readonly staging: string; readonly parent?: string },
  plan: TablePlan,
  condition: string,
  tombstones: Tombstones,
  options: OperationOptions,
): Promise<number> {
  const key = plan.orderBy.map(identifier).join(', ');
  const staging = database.table(tables.staging);
  // Sent again it selects what is still missing, so it needs no token: with one, its new first block
  // would be taken for the old one.
  const before = await stagedCount(database, tables.staging, options);
  await database.command(
    `INSERT INTO ${staging} (${key}, _etl_version, _etl_deleted, _etl_load_id) ` +
      `SELECT ${key}, toUInt128('${tombstones.version}'), 1, '${tombstones.loadId}' ` +
      `FROM ${database.table(tables.raw)} FINAL WHERE (${condition}) ` +
      `AND (${key}) NOT IN (SELECT ${key} FROM ${staging}) SETTINGS ${MANY_PARTITIONS}`,
    options,
    [tables.raw, tables.staging, ...(tables.parent === undefined ? [] : [tables.parent])],
  );
  return (await stagedCount(database, tables.staging, options)) - before;
}

export async function stagedCount(database: Database, staging: string, options?: OperationOptions): Promise<number> {
  const [row] = await database.rows<{ _etl_count: string }>(
    `SELECT toString(count()) AS _etl_count FROM ${database.table(staging)}`,
    options,
    [staging],
  );
  return Number(row?._etl_count ?? 'NaN');
}

/** @throws `SLICE_ROW_OUTSIDE_SCOPE` (data) when a staged row belongs to none of the closed slices. */
export async function requireInScopes(
  database: Database,
  staging: string,
  stream: StreamSpec,
  scopes: readonly Scope[],
  options: OperationOptions,
): Promise<void> {
  const inside = scopes.map((scope) => `(${scopeCondition(stream, scope)})`).join(' OR ');
  const [row] = await database.rows<{ _etl_outside: string }>(
    `SELECT toString(countIf(NOT (${inside}))) AS _etl_outside FROM ${database.table(staging)}`,
    options,
    [staging],
  );
  const outside = Number(row?._etl_outside ?? 0);
  if (outside === 0) return;
  throw new EtlError({
    code: 'SLICE_ROW_OUTSIDE_SCOPE',
    kind: 'data',
    message: `${outside} rows of ${stream.name} lie outside the scope of the slice that brought them.`,
    hint: 'They may belong to another account or day: mend the stream that reads them.',
    context: { stream: stream.name, rows: outside },
  });
}
