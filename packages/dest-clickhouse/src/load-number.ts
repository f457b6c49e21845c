import type { OperationOptions } from '@etl/core';
import { serverCode, TABLE_EXISTS, UNKNOWN_TABLE } from './clickhouse-error.ts';
import type { Database } from './database.ts';
import { literal } from './identifier.ts';
import { LOAD_NUMBER_OF_ROW } from './load-id.ts';
import { RAW_PREFIX } from './raw-table.ts';

const COUNTER = '_etl_number_';
/** Tables whose name says which load they belong to. */
const NUMBERED = ['_etl_prepared_', '_etl_published_', '_etl_manifest_', '_etl_staging_', '_etl_lock_'];
/** How the load number stands in tables that have versions of their own. */
const NUMBER_OF: Readonly<Record<string, string>> = {
  _etl_memory: 'bitShiftRight(version, 64)',
  _etl_scopes: 'intDiv(version, 2)',
};
const UNBORN = '_etl_counter_init';
/** There is an end to the length of a statement. */
const TABLES_AT_ONCE = 100;

/** The newest number that a database was seen to have. Most often nobody has claimed another since. */
const seen = new WeakMap<Database, bigint>();

/**
 * Claims the next load number of the database.
 *
 * The counter is the name of one empty table, and claiming is renaming it: of any number of
 * processes exactly one can take a given name away, and no name ever comes back. It does not depend
 * on `_etl_loads`; where the counter itself is lost, it starts above every number in the raw tables.
 */
export async function claimLoadNumber(database: Database, options?: OperationOptions): Promise<bigint> {
  for (;;) {
    options?.signal?.throwIfAborted();
    // Where it is a look that brings a replica up to date, none may be left out.
    const known = database.flavour.beforeListing(database.name).length > 0 ? undefined : seen.get(database);
    seen.delete(database);
    const current = known ?? (await counters(database, options)).at(-1);
    if (current === undefined) {
      await createCounter(database, options);
      continue;
    }
    const claimed = current + 1n;
    if (!(await renamed(database, COUNTER + current, COUNTER + claimed, options))) continue;
    // Two counters can exist only around the very first claim; the greater one is the true one.
    const all = await counters(database, options);
    const greatest = all.at(-1) ?? claimed;
    seen.set(database, greatest);
    if (all.length <= 1) return claimed;
    for (const stale of all.slice(0, -1)) await database.drop(COUNTER + stale, options);
    if (greatest === claimed) return claimed;
  }
}

// `system.tables` looks twice, for the names and then for the tables of these names, and shows neither
// the old nor the new name of a table that is renamed in between. `system.columns` looks once.
async function counters(database: Database, options?: OperationOptions): Promise<bigint[]> {
  const tables = await database.look<{ name: string }>(
    `SELECT DISTINCT table AS name FROM system.columns WHERE database = ${literal(database.name)} ` +
      `AND startsWith(table, ${literal(COUNTER)})`,
    options,
  );
  return tables.map(({ name }) => BigInt(name.slice(COUNTER.length))).sort((a, b) => (a < b ? -1 : 1));
}

async function createCounter(database: Database, options?: OperationOptions): Promise<void> {
  const start = await greatestUsedNumber(database, options);
  await database.command(
    `CREATE TABLE IF NOT EXISTS ${database.table(UNBORN)} (number UInt64) ENGINE = Null COMMENT 'names the newest load number'`,
    options,
  );
  if ((await counters(database, options)).length > 0) await database.drop(UNBORN, options);
  else await renamed(database, UNBORN, COUNTER + start, options);
}

async function greatestUsedNumber(database: Database, options?: OperationOptions): Promise<bigint> {
  const tables = await database.tables(
    [RAW_PREFIX, '_etl_loads', '_etl_state', '_etl_slices', ...Object.keys(NUMBER_OF), ...NUMBERED],
    options,
  );
  let greatest = 0n;
  const read: string[] = [];
  for (const { name, engine } of tables) {
    if (engine === 'View') continue;
    const named = numberInName(name);
    if (named > greatest) greatest = named;
    if (!NUMBERED.some((prefix) => name.startsWith(prefix))) read.push(name);
  }
  while (read.length > 0) {
    // Behind a load balancer all that goes before a statement has to reach one replica: as little as can be.
    const isAlone = database.flavour.beforeReading(read).length > 0;
    const names = read.splice(0, isAlone ? 1 : TABLES_AT_ONCE);
    const [row] = await database.rows<{ _etl_number: string }>(
      `SELECT toString(max(number)) AS _etl_number FROM (${names.map((name) => greatestIn(database, name)).join(' UNION ALL ')})`,
      options,
      names,
    );
    const stored = BigInt(row?._etl_number ?? '0');
    if (stored > greatest) greatest = stored;
  }
  return greatest;
}

function greatestIn(database: Database, name: string): string {
  const expression = name.startsWith(RAW_PREFIX) ? LOAD_NUMBER_OF_ROW : (NUMBER_OF[name] ?? 'load_number');
  return `SELECT toUInt128(max(${expression})) AS number FROM ${database.table(name)}`;
}

/** The load number in the name of a generation, a lock, or a table of a load; 0 without one. */
function numberInName(name: string): bigint {
  const number = name.startsWith(RAW_PREFIX)
    ? /_g(\d+)$/.exec(name)
    : name.startsWith('_etl_staging_')
      ? /_(\d+)_\d+(?:_[a-z]+)*$/.exec(name)
      : /_(\d+)$/.exec(name);
  return BigInt(number?.[1] ?? 0);
}

/** Whether this call took the name away; false when another process did. */
export async function renamed(
  database: Database,
  from: string,
  to: string,
  options?: OperationOptions,
): Promise<boolean> {
  try {
    await database.command(`RENAME TABLE ${database.table(from)} TO ${database.table(to)}`, options);
    return true;
  } catch (error) {
    const code = serverCode(error);
    if (code === TABLE_EXISTS || code === UNKNOWN_TABLE) return false;
    throw error;
  }
}
