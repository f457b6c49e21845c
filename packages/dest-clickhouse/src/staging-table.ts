import { EtlError, type OperationOptions } from '@etl/core';
import { MANY_PARTITIONS } from './connection.ts';
import type { Database } from './database.ts';
import { identifier, literal } from './identifier.ts';
import { layout } from './raw-table.ts';
import { MERGES_OF_STAGING } from './server-flavour.ts';
import { stagedCount } from './staged-slice.ts';
import type { PlannedColumn, TablePlan } from './table-plan.ts';

/** What rows do not say that go to the engine as they are: it is the same for all of them. */
export interface StagingDefaults {
  readonly loadId: string;
  /** Absent where every row has its own. */
  readonly version?: bigint | undefined;
}

/** Inserts into a staging table from which on it is merged: beyond a thousand parts an engine slows inserts down. */
export const MANY_INSERTS = 500;

/** Takes the mark that a row is gone as text has it, a letter. Never stored. */
export const IS_DELETED_INPUT = '_etl_is_deleted';

/** Creates a staging table with the columns that its raw table will have at the moment of attaching. */
export async function createStagingTable(
  database: Database,
  name: string,
  plan: TablePlan,
  encoded: ReadonlyMap<string, string>,
  /** Absent where no such rows come. */
  defaults: StagingDefaults | undefined,
  options?: OperationOptions,
): Promise<void> {
  const values = defaults === undefined ? new Map<string, string>() : defaultValues(defaults);
  const columns = plan.columns.map((column) => {
    const source = encoded.get(column.name);
    if (source !== undefined) return base64Column(column, source).join(', ');
    const value = values.get(column.name);
    return `${identifier(column.name)} ${column.type}${value === undefined ? '' : ` DEFAULT ${value}`}`;
  });
  if (defaults !== undefined) columns.push(`${IS_DELETED_INPUT} Bool EPHEMERAL`);
  await database.command(
    `CREATE TABLE IF NOT EXISTS ${database.table(name)} (${columns.join(', ')}) ` +
      `ENGINE = ${database.flavour.engine('MergeTree')}${layout(plan)} SETTINGS ${database.flavour.tableSettings('staging')} ` +
      `COMMENT ${literal(`rows on their way into ${plan.publicName}`)}`,
    options,
  );
}

function defaultValues({ loadId, version }: StagingDefaults): ReadonlyMap<string, string> {
  return new Map([
    ['_etl_load_id', literal(loadId)],
    ['_etl_deleted', IS_DELETED_INPUT],
    ...(version === undefined ? [] : ([['_etl_version', `toUInt128('${version}')`]] as const)),
  ]);
}

/** Lets an embedded engine merge a staging table of {@link MANY_INSERTS}; a server does so from the first. */
export async function allowMerges(database: Database, name: string, options?: OperationOptions): Promise<void> {
  if (!database.connection.isEmbedded) return;
  await database.command(`ALTER TABLE ${database.table(name)} MODIFY SETTING ${MERGES_OF_STAGING}`, options);
}

/** Adds a column to a staging table that rows are already in. */
export async function addStagingColumn(
  database: Database,
  name: string,
  column: PlannedColumn,
  /** The column that its bytes are decoded from, or what it is in rows that have no value for it. */
  { source, definition: rest = '' }: { readonly source?: string | undefined; readonly definition?: string | undefined },
  options?: OperationOptions,
): Promise<void> {
  const definitions =
    source === undefined
      ? [`${identifier(column.name)} ${column.type} ${rest}`]
      : base64Column(column, source).toReversed();
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
function base64Column(column: PlannedColumn, source: string): readonly [string, string] {
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
