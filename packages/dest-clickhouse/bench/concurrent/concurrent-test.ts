import { join } from 'node:path';
import { openClickHouse } from '../../src/index.ts';
import { ChildProgram } from '../child-program.ts';
import { EngineFront } from '../engine-front.ts';
import { readRows } from '../read-rows.ts';
import { contentAfter, lineOf, streamOf } from './rounds.ts';

export interface ConcurrentReport {
  readonly seed: number;
  readonly loads: number;
  readonly rows: number;
  readonly seconds: number;
  readonly statements: number;
  readonly wrong: readonly string[];
}

export interface ConcurrentOptions {
  readonly pipelines: number;
  readonly rounds: number;
  readonly seed: number;
  /** Rounds after which every second pipeline adds a column; `rounds` for never. */
  readonly widensAfter: number;
  readonly onLoad?: (count: number) => void;
}

/**
 * Many processes load into one table at the same time, from its very first load on, each its own
 * account. In the end the table must be exact, and no two loads may have had one number.
 */
export async function concurrentTest(options: ConcurrentOptions): Promise<ConcurrentReport> {
  const { pipelines, rounds, seed, widensAfter } = options;
  await using front = new EngineFront();
  const doors = await Promise.all(Array.from({ length: pipelines }, () => front.openDoor()));
  const loadIds: string[] = [];
  const wrong: string[] = [];
  const begun = performance.now();
  await Promise.all(
    doors.map(async (door, account) => {
      const own: bigint[] = [];
      const args = [door.url, String(seed), String(account), String(rounds), String(widensAfter)];
      const program = new ChildProgram(join(import.meta.dirname, 'pipeline.ts'), args, ({ loadId }) => {
        loadIds.push(String(loadId));
        own.push(numberOf(String(loadId)));
        options.onLoad?.(loadIds.length);
      });
      const { code, errors } = await program.ended;
      if (code !== 0) wrong.push(`pipeline ${account} ended with ${code}: ${errors}`);
      if (own.some((number, index) => index > 0 && number <= (own[index - 1] ?? 0n)))
        wrong.push(`the load numbers of pipeline ${account} do not rise`);
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  const statements = doors.reduce((sum, { queries }) => sum + queries.length, 0);
  await using reader = await openClickHouse({ url: (await front.openDoor()).url, database: 'travel' });

  const numbers = new Set(loadIds.map(numberOf));
  if (numbers.size !== pipelines * rounds) wrong.push(`${pipelines * rounds} loads, ${numbers.size} numbers`);
  await expectCount('SELECT uniqExact(load_number) AS found FROM travel._etl_loads', pipelines * rounds);
  await expectCount('SELECT count() AS found FROM travel._etl_loads FINAL', pipelines * rounds);
  await expectCount(
    'SELECT count() AS found FROM (SELECT _etl_load_id FROM travel._raw_shop___shared_g0 GROUP BY _etl_load_id HAVING uniqExact(account) > 1)',
    0,
  );
  await expectCount('SELECT count() AS found FROM system.mutations', 0);
  await expectCount(
    "SELECT count() AS found FROM system.tables WHERE database = 'travel' AND match(name, '^_etl_(manifest|prepared|published|staging|lock)_')",
    0,
  );
  const actual = (await readRows(reader, 'SELECT * FROM travel.shop___shared')).map(lineOf).sort();
  const expected = contentAfter(seed, pipelines, rounds);
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    wrong.push(`the table has ${actual.length} rows that are not the ${expected.length} expected ones`);
  const visible = await readRows<{ name: string }>(reader, 'DESCRIBE TABLE travel.shop___shared');
  for (let account = 0; account < pipelines; account += 1) {
    for (const { name } of streamOf(account, rounds, widensAfter).columns) {
      if (!visible.some((column) => column.name === name)) wrong.push(`the view lacks column ${name}`);
    }
  }
  return { seed, loads: loadIds.length, rows: actual.length, seconds, statements, wrong: [...new Set(wrong)] };

  async function expectCount(sql: string, count: number): Promise<void> {
    const [row] = await readRows<{ found: string }>(reader, sql);
    if (Number(row?.found) !== count) wrong.push(`${row?.found} instead of ${count}: ${sql}`);
  }
}

function numberOf(loadId: string): bigint {
  return BigInt(loadId.slice(loadId.lastIndexOf('-') + 1));
}
