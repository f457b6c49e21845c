import type { ClickHouseReader } from '../../src/index.ts';
import { readRows } from '../read-rows.ts';
import { lineOf, TABLES, worldAt } from './world.ts';

/** How the tables of a database differ from the world after so many steps; a mutation is a difference, too. */
export async function differences(
  reader: ClickHouseReader,
  database: string,
  seed: number,
  position: number,
): Promise<readonly string[]> {
  const found: string[] = [];
  const expected = worldAt(seed, position);
  const listed = await readRows<{ name: string }>(
    reader,
    `SELECT name FROM system.tables WHERE database = '${database}'`,
  );
  const present = new Set(listed.map(({ name }) => name));
  for (const { name, stream, nested } of TABLES) {
    const lines = expected.get(name) ?? [];
    const table = `${database}.kill___${name}`;
    const rows = present.has(`kill___${name}`) ? await readRows(reader, `SELECT * FROM ${table}`) : [];
    const actual = rows.map((row) => lineOf(stream, row, nested)).sort();
    if (JSON.stringify(actual) !== JSON.stringify(lines))
      found.push(`${name} has ${actual.length} rows instead of the ${lines.length} expected ones`);
    if (nested === undefined || rows.length === 0) continue;
    const [orphans] = await readRows<{ count: string }>(
      reader,
      `SELECT count() AS count FROM ${table} WHERE _etl_parent_id NOT IN (SELECT _etl_id FROM ${database}.kill___${stream})`,
    );
    if (Number(orphans?.count) !== 0) found.push(`${orphans?.count} rows of ${name} have no parent`);
  }
  const mutations = await readRows(reader, `SELECT * FROM system.mutations WHERE database = '${database}'`);
  if (mutations.length > 0) found.push(`there are ${mutations.length} mutations`);
  return found;
}

/** Tables of loads, and generations of raw tables, that should be gone when no run is under way. */
export async function leftovers(reader: ClickHouseReader, database: string): Promise<readonly string[]> {
  const tables = await readRows<{ name: string }>(
    reader,
    `SELECT name FROM system.tables WHERE database = '${database}' AND match(name, '^_etl_(manifest|prepared|published|staging|lock|counter)_')`,
  );
  const raw = await readRows<{ name: string }>(
    reader,
    `SELECT arrayStringConcat(groupArray(found.name), ' beside ') AS name FROM system.tables AS found WHERE database = '${database}' AND startsWith(found.name, '_raw_') AND engine != 'View' GROUP BY replaceRegexpOne(found.name, '_g[0-9]+$', '') HAVING count() > 1`,
  );
  return [...tables, ...raw].map(({ name }) => name);
}
