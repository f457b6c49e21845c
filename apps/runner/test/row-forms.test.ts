import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runPipeline, type Destination } from '@etl/core';
import { clickhouse, openClickHouse } from '@etl/dest-clickhouse';
import { pgReplication } from '@etl/source-pg-replication';
import { startPostgres, type PostgresServer } from '@etl/testing/postgres';
import fc from 'fast-check';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** Column, type, and values as SQL. */
const COLUMNS: readonly (readonly [string, string, readonly string[]])[] = [
  ['c_bool', 'bool', ['true', 'false']],
  ['c_int2', 'int2', ['-32768', '32767']],
  ['c_int4', 'int4', ['-2147483648', '2147483647']],
  ['c_int8', 'int8', ['-9223372036854775808', '9223372036854775807']],
  ['c_exact', 'numeric(20,6)', ['12345678901234.123456', '-0.000001']],
  ['c_free', 'numeric', ["'NaN'", '1.10']],
  ['c_real', 'float4', ['1.1', "'NaN'", "-'NaN'::float4"]],
  ['c_double', 'float8', ['1e308', "'-Infinity'", '5e-324', "'Infinity'::float8 - 'Infinity'::float8"]],
  [
    'c_text',
    'text',
    [
      String.raw`E'\\N'`,
      "''",
      "'é€😀'",
      String.raw`E'a\nb\\c\r\t\v\f\b"'`,
      `(SELECT string_agg(chr(c), '') FROM generate_series(1, 127) c)`,
    ],
  ],
  ['c_jsonb', 'jsonb', [`'{"n": 12345678901234567890.10}'`, "'null'"]],
  ['c_uuid', 'uuid', ["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"]],
  ['c_date', 'date', ["'1900-01-01'", "'2299-12-31'"]],
  ['c_time', 'time', ["'24:00:00'", "'23:59:59.999999'"]],
  ['c_ts', 'timestamp', ["'2026-11-01 12:00:00.123456'"]],
  ['c_tstz', 'timestamptz', ["'2026-11-01 12:00:00.1+05:30'", "'2299-12-31 23:59:59.999999Z'"]],
  ['c_bytes', 'bytea', [String.raw`'\x00ff5c0a09'`, String.raw`'\x'`]],
  ['c_ints', 'int4[]', ["'{1,NULL,3}'", "'{}'", "'[0:1]={7,8}'"]],
  ['c_texts', 'text[]', [`ARRAY['a,b', '"q"', 'NULL', NULL, '', E'\\\\', '{x}', E'\\t']`]],
  ['c_dates', 'timestamptz[]', ["ARRAY['2026-11-01 12:00:00.1+05'::timestamptz, NULL]"]],
  ['c_byteas', 'bytea[]', [String.raw`ARRAY['\x00ff'::bytea]`]],
  ['c_bools', 'bool[]', ["'{t,f,NULL}'"]],
  ['c_boxes', 'box[]', ["'{(2,2),(1,1);(4,4),(3,3)}'"]],
  ['c_range', 'int4range', ["'[1,5)'"]],
  ['c_big', 'text', ["repeat('x', 9000)", "repeat('y', 5000)"]],
];
const TABLES = ['plain', 'whole'];
const FORMS = ['rows', 'text', 'bytes'] as const;
type Form = (typeof FORMS)[number];
/** Of such values only the server knows the text, so a table that has any is never copied as bytes. */
const PRINTED_ONLY = new Set(['box[]', 'int4range']);
const columnsOf = (table: string): typeof COLUMNS =>
  table === 'plain' ? COLUMNS : COLUMNS.filter(([, type]) => !PRINTED_ONLY.has(type));

const SEED = Number(process.env['ETL_TEST_SEED'] ?? Date.now() % 100_000);
const ROUNDS = 3;

let postgres: PostgresServer;
let database: Client;
let directory: string;

beforeAll(async () => {
  postgres = await startPostgres();
  database = new Client({ connectionString: postgres.connectionString('postgres') });
  await database.connect();
  directory = mkdtempSync(join(tmpdir(), 'etl-text-'));
});
afterAll(async () => {
  await database.end();
  await postgres[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

/** Random statements on one of the tables, the same for the same seed. */
function statements(seed: number): readonly string[] {
  const literal = (values: readonly string[]): fc.Arbitrary<string> => fc.constantFrom('NULL', ...values);
  const row = (name: string): fc.Arbitrary<string[]> =>
    fc.tuple(...columnsOf(name).map(([, , values]) => literal(values)));
  const id = fc.integer({ min: 1, max: 60 });
  const table = fc.constantFrom(...TABLES);
  const list = (name: string): string =>
    columnsOf(name)
      .map(([column]) => column)
      .join(', ');
  const set = (name: string): fc.Arbitrary<string> =>
    fc
      .tuple(fc.constantFrom(...columnsOf(name)), fc.nat({ max: 4 }))
      .map(([[column, , values], value]) => `${column} = ${values[value] ?? 'NULL'}`);
  const statement = fc.oneof(
    {
      weight: 4,
      arbitrary: table.chain((name) =>
        fc
          .tuple(id, row(name))
          .map(
            ([key, values]) =>
              `INSERT INTO ${name} (id, code, ${list(name)}) VALUES (${key}, 'k', ${values.join(', ')}) ON CONFLICT DO NOTHING`,
          ),
      ),
    },
    {
      weight: 4,
      arbitrary: table.chain((name) =>
        fc
          .tuple(id, set(name))
          .map(([key, change]) => `UPDATE ${name} SET ${change} WHERE id BETWEEN ${key} AND ${key + 5}`),
      ),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(table, id)
        .map(([name, key]) => `UPDATE ${name} SET code = code || E'\\t' WHERE id = ${key} AND length(code) < 4`),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(table, id, id)
        .map(
          ([name, from, to]) =>
            `UPDATE ${name} SET id = ${to} WHERE id = ${from} AND NOT EXISTS (SELECT FROM ${name} WHERE id = ${to})`,
        ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(table, id).map(([name, key]) => `DELETE FROM ${name} WHERE id BETWEEN ${key} AND ${key + 2}`),
    },
  );
  return fc.sample(statement, { numRuns: 150, seed });
}

/** What would make two rows of one key is left out. */
async function attempt(statement: string): Promise<void> {
  try {
    await database.query(statement);
  } catch (error) {
    if ((error as { code?: string }).code !== '23505') throw error;
  }
}

async function load(form: Form, destination: Destination): Promise<void> {
  await using source = pgReplication({
    connectionString: postgres.connectionString('postgres'),
    slot: `as_${form}`,
    tables: TABLES,
    pageRows: 20,
  });
  const capabilities = { ...destination.capabilities, text: form !== 'rows', binary: form === 'bytes' };
  const report = await runPipeline({
    name: `as_${form}`,
    source,
    destination: { ...bound(destination), capabilities },
    commitEveryRows: 50,
  });
  expect(report.failures.map(({ error }) => error)).toEqual([]);
}

/** The same destination, to be taken apart. */
function bound(destination: Destination): Destination {
  return {
    specificationVersion: 'v1',
    name: destination.name,
    capabilities: destination.capabilities,
    check: (options) => destination.check(options),
    open: (pipeline, options) => destination.open(pipeline, options),
    inspect: (options) => destination.inspect(options),
    [Symbol.asyncDispose]: () => destination[Symbol.asyncDispose](),
  };
}

test(`tables are identical, whatever form their rows came in (seed ${SEED})`, { timeout: 120_000 }, async () => {
  for (const name of TABLES) {
    const columns = columnsOf(name)
      .map(([column, type]) => `${column} ${type}`)
      .join(', ');
    await database.query(
      `CREATE TABLE ${name} (${columns}, id int, code text, PRIMARY KEY (id, code)); ALTER TABLE ${name} ALTER c_big SET STORAGE EXTERNAL`,
    );
  }
  await database.query('ALTER TABLE whole REPLICA IDENTITY FULL');
  const path = join(directory, 'engine');
  const run = async (): Promise<void> => {
    for (const form of FORMS) {
      await using destination = clickhouse({ path, database: 'travel', dataset: form });
      await load(form, destination);
    }
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const statement of statements(SEED + round)) await attempt(statement);
    await run();
  }
  await using reader = await openClickHouse({ path, database: 'travel' });
  const answer = async (sql: string): Promise<string> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of reader.query(sql, { format: 'TSV' })) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8').trim();
  };
  for (const name of TABLES) {
    const list = [...columnsOf(name).map(([column]) => column), 'id', 'code'].join(', ');
    const { rows } = await database.query<{ count: string }>(`SELECT count(*) FROM ${name}`);
    const [{ count } = { count: '' }] = rows;
    expect(Number(count)).toBeGreaterThan(10);
    for (const form of FORMS) {
      expect(await answer(`SELECT count() FROM travel.${form}___${name}`)).toBe(count);
      for (const other of FORMS) {
        // The bytes that are stored: one NaN is not another, and printed they look the same.
        const bytes = `formatRow('RowBinary', ${list})`;
        const surplus = `SELECT count() FROM (SELECT ${bytes} AS row FROM travel.${form}___${name} EXCEPT SELECT ${bytes} AS row FROM travel.${other}___${name})`;
        expect(await answer(surplus)).toBe('0');
      }
    }
  }
});
