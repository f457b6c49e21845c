import { EtlError, type OperationOptions } from '@etl/core';
import { MANY_PARTITIONS } from './connection.ts';
import type { Database } from './database.ts';
import { identifier, literal } from './identifier.ts';
import { layout } from './raw-table.ts';
import { stagedCount } from './staged-slice.ts';
import type { PlannedColumn, TablePlan } from './table-plan.ts';

/** Creates a staging table with the columns that its raw table will have at the moment of attaching. */
export async function createStagingTable(
  database: Database,
  name: string,
  plan: TablePlan,
  encoded: ReadonlyMap<string, string>,
  options?: OperationOptions,
): Promise<void> {
  const columns = plan.columns.map((column) => {
    const source = encoded.get(column.name);
    return source === undefined ? `${identifier(column.name)} ${column.type}` : binaryColumn(column, source).join(', ');
  });
  await database.command(
    `CREATE TABLE IF NOT EXISTS ${database.table(name)} (${columns.join(', ')}) ` +
      `ENGINE = ${database.flavour.engine('MergeTree')}${layout(plan)} SETTINGS ${database.flavour.tableSettings('staging')} ` +
      `COMMENT ${literal(`rows on their way into ${plan.publicName}`)}`,
    options,
  );
}

/** Adds a column to a staging table that rows are already in. */
export async function addStagingColumn(
  database: Database,
  name: string,
  column: PlannedColumn,
  /** The column that its bytes are decoded from, or what it is in rows that have no value for it. */
  { source, definition = '' }: { readonly source?: string | undefined; readonly definition?: string | undefined },
  options?: OperationOptions,
): Promise<void> {
  const definitions =
    source === undefined
      ? [`${identifier(column.name)} ${column.type} ${definition}`]
      : binaryColumn(column, source).toReversed();
  for (const added of definitions) {
    await database.command(`ALTER TABLE ${database.table(name)} ADD COLUMN IF NOT EXISTS ${added}`, options);
  }
}

/** Copies the rows where `condition` holds; sent again it copies what is still missing. */
export async function copyStaged(
  database: Database,
  { from, to }: { readonly from: string; readonly to: string },
  plan: TablePlan,
  condition: string,
  options?: OperationOptions,
): Promise<void> {
  const columns = plan.columns.map(({ name }) => identifier(name)).join(', ');
  const key = plan.orderBy.map(identifier).join(', ');
  await database.command(
    `INSERT INTO ${database.table(to)} (${columns}) SELECT ${columns} FROM ${database.table(from)} ` +
      `WHERE (${condition}) AND (${key}) NOT IN (SELECT ${key} FROM ${database.table(to)}) SETTINGS ${MANY_PARTITIONS}`,
    options,
    [from, to],
  );
}

// Bytes have no place in JSON: they arrive as base64 in a column that is never stored.
function binaryColumn(column: PlannedColumn, source: string): readonly [string, string] {
  const decoded = column.type.startsWith('Array')
    ? `arrayMap(item -> base64Decode(item), ${identifier(source)})`
    : `base64Decode(${identifier(source)})`;
  return [
    `${identifier(column.name)} ${column.type} DEFAULT ${decoded}`,
    `${identifier(source)} ${column.type} EPHEMERAL`,
  ];
}

/** @throws `CLICKHOUSE_COUNT_MISMATCH` (internal) unless staging holds exactly the rows that were sent. */
export async function verifyCount(
  database: Database,
  staging: string,
  expected: number,
  options?: OperationOptions,
): Promise<void> {
  const actual = await stagedCount(database, staging, options);
  if (actual === expected) return;
  throw new EtlError({
    code: 'CLICKHOUSE_COUNT_MISMATCH',
    kind: 'internal',
    message: `Staging table ${staging} holds ${actual} rows where ${expected} were sent.`,
    hint: 'Run again: the load was given up and its rows stay due. Report it if it repeats.',
  });
}
