import { expect, it } from 'vitest';
import { Database } from '../src/database.ts';
import { claimLoadNumber } from '../src/load-number.ts';
import { openConnection } from '../src/open-connection.ts';
import { resolveOptions } from '../src/clickhouse-destination.ts';
import { embeddedFixture, httpFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';
import { runToEnd } from './history.ts';

async function database(fixture: ClickHouseFixture): Promise<Database> {
  return new Database(await openConnection(resolveOptions(fixture.options)), fixture.options.database);
}

it('never gives one load number to two processes', async () => {
  await using fixture = await httpFixture();
  await fixture.destination.check();
  const claimants = await Promise.all(Array.from({ length: 8 }, () => database(fixture)));
  const numbers = (
    await Promise.all(
      claimants.map(async (claimant) => {
        const own: bigint[] = [];
        for (let round = 0; round < 10; round += 1) own.push(await claimLoadNumber(claimant));
        return own;
      }),
    )
  ).flat();
  await Promise.all(claimants.map(({ connection }) => connection.close()));
  expect(new Set(numbers).size).toBe(80);
});

it('always finds the counter, also while others rename it', { timeout: 120_000 }, async () => {
  await using fixture = await httpFixture();
  await fixture.destination.check();
  const claimants = await Promise.all(Array.from({ length: 6 }, () => database(fixture)));
  const [first] = claimants;
  const numbers = first === undefined ? [] : [await claimLoadNumber(first)];
  const born = fixture.queries.length;
  await Promise.all(
    claimants.map(async (claimant) => {
      for (let round = 0; round < 20; round += 1) numbers.push(await claimLoadNumber(claimant));
    }),
  );
  await Promise.all(claimants.map(({ connection }) => connection.close()));
  expect(fixture.queries.slice(born).filter((query) => query.includes('_etl_counter_init'))).toEqual([]);
  expect(numbers.toSorted((a, b) => Number(a - b))).toEqual(numbers.map((_, index) => BigInt(index + 1)));
});

it('gives rising numbers to one process', async () => {
  await using fixture = await embeddedFixture();
  await fixture.destination.check();
  const claimant = await database(fixture);
  const numbers: bigint[] = [];
  for (let round = 0; round < 5; round += 1) numbers.push(await claimLoadNumber(claimant));
  await claimant.connection.close();
  expect(numbers).toEqual([...numbers].sort((a, b) => (a < b ? -1 : 1)));
});

it('stays above every number in the raw tables when all bookkeeping is lost', async () => {
  await using fixture = await embeddedFixture();
  await runToEnd(fixture.destination);
  const { database: name } = fixture.options;
  const [before] = await fixture.query<{ version: string }>(
    `SELECT toString(max(_etl_version)) AS version FROM ${name}._raw_shop___upserted_g0`,
  );
  const tables = await fixture.query<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = '${name}' AND startsWith(name, '_etl_')`,
  );
  for (const table of tables) await fixture.query(`DROP TABLE ${name}.\`${table.name}\` SYNC`);
  const claimant = await database(fixture);
  const number = await claimLoadNumber(claimant);
  await claimant.connection.close();
  expect(number << 64n).toBeGreaterThan(BigInt(before?.version ?? 0));
});

it.each(['_etl_staging_p_12345678_43_1', '_etl_staging_p_12345678_43_1_changed'])(
  'stays above the number of a generation that has no rows, and of what a dead run left (%s)',
  async (staging) => {
    await using fixture = await embeddedFixture();
    await fixture.destination.check();
    const { database: name } = fixture.options;
    for (const table of ['_raw_shop___empty_g41', staging, '_etl_manifest_p_12345678_42']) {
      const columns = table.startsWith('_raw_') ? "_etl_load_id String DEFAULT ''" : 'number UInt64';
      await fixture.query(`CREATE TABLE ${name}.${table} (${columns}) ENGINE = MergeTree ORDER BY tuple()`);
    }
    const claimant = await database(fixture);
    const number = await claimLoadNumber(claimant);
    await claimant.connection.close();
    expect(number).toBe(44n);
  },
);
