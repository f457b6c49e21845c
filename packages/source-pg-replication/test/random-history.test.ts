import { runPipeline } from '@etl/core';
import { expect, test } from 'vitest';
import { usePostgres, type TestDatabase } from './support/postgres.ts';
import { Replica, ROW_FORMS } from './support/replica.ts';

const postgres = usePostgres();
const SEEDS = (process.env['ETL_TEST_SEEDS'] ?? '1,2').split(',').map(Number);
const ROUNDS = Number(process.env['ETL_TEST_ROUNDS'] ?? '15');

function random(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e37_79b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) % below;
  };
}

const TABLES = `
  CREATE TABLE plain (id int PRIMARY KEY, v text, big text); ALTER TABLE plain ALTER big SET STORAGE EXTERNAL;
  CREATE TABLE whole (id int PRIMARY KEY, v text, big text); ALTER TABLE whole ALTER big SET STORAGE EXTERNAL, REPLICA IDENTITY FULL;
  CREATE TABLE parts (id int PRIMARY KEY, v text, big text) PARTITION BY RANGE (id);
  CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (MINVALUE) TO (50);
  CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (50) TO (MAXVALUE);`;
const NAMES = ['plain', 'whole', 'parts'];

/** A statement of a transaction; ids are few, so that keys are vacated and taken again. */
function statement(next: (below: number) => number, table: string): string {
  const id = next(100);
  const big = `repeat('${String.fromCharCode(97 + next(26))}', ${next(3) === 0 ? 20 : 9000})`;
  switch (next(12)) {
    case 0:
    case 1:
    case 2:
      return `INSERT INTO ${table} VALUES (${id}, 'i${next(1000)}', ${big}) ON CONFLICT (id) DO UPDATE SET v = excluded.v || '!'`;
    case 3:
    case 4:
      return `UPDATE ${table} SET v = 'u${next(1000)}' WHERE id BETWEEN ${id} AND ${id + 5}`;
    case 5:
      return `UPDATE ${table} SET big = ${next(4) === 0 ? 'NULL' : big} WHERE id = ${id}`;
    case 6:
      return `UPDATE ${table} SET id = ${id + 100} WHERE id = ${id} AND NOT EXISTS (SELECT FROM ${table} WHERE id = ${id + 100})`;
    case 7:
      return `UPDATE ${table} SET id = ${id}, v = 'back' WHERE id = ${id + 100} AND NOT EXISTS (SELECT FROM ${table} WHERE id = ${id})`;
    case 8:
    case 9:
      return `DELETE FROM ${table} WHERE id BETWEEN ${id} AND ${id + 3}`;
    case 10:
      return `INSERT INTO ${table} SELECT g, 'many', NULL FROM generate_series(${200 + next(500)}, ${700 + next(300)}) g ON CONFLICT (id) DO NOTHING`;
    default:
      return next(6) === 0 ? `TRUNCATE ${table}` : `DELETE FROM ${table} WHERE id >= 200`;
  }
}

function schemaChange(next: (below: number) => number, table: string, round: number): string {
  switch (next(5)) {
    case 0:
      return `ALTER TABLE ${table} ADD COLUMN c${round} int`;
    case 1:
      return `ALTER TABLE ${table} ADD COLUMN d${round} int DEFAULT ${round}`;
    case 2:
      return `ALTER TABLE ${table} ALTER v TYPE text USING v || '~'`;
    case 3:
      return `ALTER TABLE ${table} ADD COLUMN e${round} text DEFAULT md5(random()::text)`;
    default:
      return `TRUNCATE ${table}`;
  }
}

async function write(database: TestDatabase, next: (below: number) => number, round: number): Promise<void> {
  for (let transaction = 1 + next(6); transaction > 0; transaction -= 1) {
    const statements = Array.from({ length: 1 + next(6) }, () => statement(next, NAMES[next(3)] ?? 'plain'));
    await database.sql(`BEGIN; ${statements.join('; ')}; ${next(8) === 0 ? 'ROLLBACK' : 'COMMIT'}`);
  }
  if (next(3) === 0) await database.sql(schemaChange(next, NAMES[next(3)] ?? 'plain', round));
}

test.each(SEEDS.flatMap((seed) => ROW_FORMS.map((form) => [seed, form] as const)))(
  'whatever happens at the source and wherever a run is cut off, the copy ends equal (seed %i, as %s)',
  { timeout: 120_000 },
  async (seed, form) => {
    const next = random(seed);
    await using database = await postgres.database(TABLES);
    await write(database, next, 0);
    const replica = new Replica(database, { pageRows: 1 + next(40) }, { form });
    for (let round = 1; round <= ROUNDS; round += 1) {
      const writing = write(database, next, round);
      const stop = new AbortController();
      let left = next(60);
      await using source = replica.source();
      const isKilled = next(4) !== 0;
      const run = runPipeline({
        name: 'test',
        source,
        destination: replica.destination(),
        commitEveryRows: 1 + next(60),
        signal: stop.signal,
        onEvent: (event) => {
          if (!isKilled || event.type === 'stream-progressed') return;
          left -= 1;
          if (left <= 0) stop.abort(new Error('killed'));
        },
      });
      const [outcome] = await Promise.allSettled([run, writing]);
      await writing;
      if (outcome.status === 'rejected' && String(outcome.reason) !== 'Error: killed') throw outcome.reason;
      if (isKilled) continue;
      await replica.run();
      await replica.run();
      for (const table of NAMES) {
        const columns = (
          await database.rows(`SELECT attname FROM pg_attribute WHERE attrelid = '${table}'::regclass AND attnum > 0`)
        ).map((row) => row['attname'] ?? '');
        expect([seed, round, table, await replica.difference(database, table, columns)]).toEqual([
          seed,
          round,
          table,
          [],
        ]);
      }
    }
    await replica.run();
    await replica.run();
    for (const table of NAMES)
      expect([seed, table, await replica.difference(database, table, ['id', 'v', 'big'])]).toEqual([seed, table, []]);
  },
);
