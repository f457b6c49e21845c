import type { OperationOptions } from '@etl/core';
import type { Database } from './database.ts';
import { identifier, literal } from './identifier.ts';
import type { TablePlan } from './table-plan.ts';

export const RAW_PREFIX = '_raw_';
/** Of the rows of a key it keeps the newest. */
export const REPLACING = 'ReplacingMergeTree(_etl_version, _etl_deleted)';

/**
 * Name of one generation of a raw table. Generation 0 is the first one, the same for every pipeline
 * that loads into the table; a whole-table replacement makes the generation of its load's number.
 */
export function rawName(publicName: string, generation: bigint): string {
  return `${RAW_PREFIX}${publicName}_g${generation}`;
}

/** The generations that exist, oldest first. The newest one holds the table's rows. */
export async function generations(
  database: Database,
  publicName: string,
  options?: OperationOptions,
): Promise<bigint[]> {
  const prefix = `${RAW_PREFIX}${publicName}_g`;
  const tables = await database.tables([prefix], options);
  return tables
    .map(({ name }) => name.slice(prefix.length))
    .filter((rest) => /^\d+$/.test(rest))
    .map(BigInt)
    .sort((a, b) => (a < b ? -1 : 1));
}

/**
 * Drops the generations before the newest that no view reads: a run that was stopped just before
 * creating one creates it when it wakes, although the table has been replaced meanwhile.
 */
export async function dropSuperseded(database: Database, publicName: string, options: OperationOptions): Promise<void> {
  for (const generation of (await generations(database, publicName, options)).slice(0, -1)) {
    const name = rawName(publicName, generation);
    const mention = `${name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')}\\b`;
    const [row] = await database.look<{ readers: string }>(
      `SELECT toString(count()) AS readers FROM system.tables WHERE database = ${literal(database.name)} ` +
        `AND engine = 'View' AND match(as_select, ${literal(mention)})`,
      options,
    );
    if (row?.readers === '0') await database.drop(name, options);
  }
}

export function createRawTable(database: Database, plan: TablePlan, generation: bigint): string {
  const columns = plan.columns.map(({ name, type }) => `${identifier(name)} ${type}`);
  return (
    `CREATE TABLE IF NOT EXISTS ${database.table(rawName(plan.publicName, generation))} (${columns.join(', ')}) ` +
    `ENGINE = ${database.flavour.engine(REPLACING)}${layout(plan)} ` +
    `SETTINGS ${database.flavour.tableSettings('raw')} ` +
    `COMMENT ${literal(`rows of ${plan.publicName}; read the view of that name`)}`
  );
}

/** Partition and sorting key: equal for a raw table and its staging, so that parts can be attached. */
export function layout(plan: TablePlan): string {
  const partition = plan.partitionBy === undefined ? '' : ` PARTITION BY ${plan.partitionBy}`;
  return `${partition} ORDER BY (${plan.orderBy.map(identifier).join(', ')})`;
}

export function addColumn(
  database: Database,
  table: string,
  column: { readonly name: string; readonly type: string; readonly definition?: string },
): string {
  const definition = `${identifier(column.name)} ${column.type} ${column.definition ?? ''}`.trimEnd();
  return `ALTER TABLE ${database.table(table)} ADD COLUMN IF NOT EXISTS ${definition}`;
}
