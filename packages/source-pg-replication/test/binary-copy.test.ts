import type { SourceMessage } from '@etl/core';
import { rowsOfBinary } from '@etl/testing';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { pgReplication } from '../src/index.ts';
import { usePostgres, type TestDatabase } from './support/postgres.ts';
import { Replica, ROW_FORMS, type RowForm } from './support/replica.ts';
import { sameValues } from './support/same-values.ts';

const postgres = usePostgres();
const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 1_000_000);
const ROWS = 4000;

/** A random number of up to so many digits, most of them zero as often as not. */
const randomDigits = (most: number): string =>
  `(repeat('9', (random() * 3)::int) || substr(replace((random()::numeric * random()::numeric * random()::numeric)::text, '.', '') || repeat('0', ${most}), 1, 1 + (random() * ${most - 4})::int))`;
const sometimes = (value: string): string => `CASE WHEN random() < 0.1 THEN NULL ELSE ${value} END`;
const fraction = (precision: number, scale: number): string =>
  `(sign(random() - 0.5)::numeric * ${randomDigits(precision)}::numeric / 10::numeric ^ ${scale})::numeric(${precision}, ${scale})`;

/** Column, type and a random value of it. */
const COLUMNS: readonly (readonly [string, string, string])[] = [
  ['small', 'int2', '(random() * 65535 - 32768)::int::int2'],
  ['whole', 'int4', '(random() * 4294967295 - 2147483648)::int8::int4'],
  ['big', 'int8', `('x' || md5(random()::text))::bit(64)::int8`],
  ['number', 'oid', '(random() * 4294967295)::int8::oid'],
  ['single', 'float4', '((random() - 0.5) * 10 ^ (random() * 60 - 30)::int)::float4'],
  ['double', 'float8', '(random() - 0.5) * 10 ^ (random() * 400 - 200)::int'],
  ['d9', 'numeric(9, 2)', fraction(9, 2)],
  ['d18', 'numeric(18, 7)', fraction(18, 7)],
  ['d38', 'numeric(38, 19)', fraction(38, 19)],
  ['d76', 'numeric(76, 31)', fraction(76, 31)],
  ['free', 'numeric', `round((random() * 10 ^ (random() * 60 - 30)::int)::numeric, (random() * 40)::int)`],
  ['at', 'timestamptz', `timestamptz '1900-01-01Z' + random() * 399 * interval '365.24 days'`],
  ['plain', 'timestamp', `timestamp '1900-01-01' + random() * 399 * interval '365.24 days'`],
  ['day', 'date', `date '1900-01-01' + (random() * 146000)::int`],
  ['clock', 'time', `time '00:00' + random() * interval '23 hours'`],
  ['flag', 'boolean', 'random() < 0.5'],
  ['mark', 'uuid', 'md5(random()::text)::uuid'],
  ['note', 'text', `repeat('é\t\\n', (random() ^ 8 * 3000)::int)`],
  ['code', 'char(12)', 'md5(random()::text)::char(5)'],
  ['bytes', 'bytea', `decode(repeat(md5(random()::text), (random() * 9)::int), 'hex')`],
  ['doc', 'jsonb', `jsonb_build_object('n', random(), 'more', repeat('x', (random() * 300)::int))`],
  ['texts', 'text[]', `ARRAY(SELECT ${sometimes('md5(random()::text)')} FROM generate_series(1, (random() * 5)::int))`],
  ['days', 'date[]', `ARRAY[date '2000-01-01' + (random() * 1000)::int, NULL]`],
  ['sums', 'numeric(76, 2)[]', `ARRAY[${fraction(70, 2)}, NULL, 0]`],
];
const TABLE = `CREATE TABLE items (id int PRIMARY KEY, ${COLUMNS.map(([name, type]) => `${name} ${type}`).join(', ')})`;

test(`random values are the same in every form (seed ${seed})`, async () => {
  await using database = await postgres.database(
    `SELECT setseed(${(seed % 1000) / 1000}); ${TABLE};
     INSERT INTO items SELECT g, ${COLUMNS.map(([, , value]) => sometimes(value)).join(', ')} FROM generate_series(1, ${ROWS}) g`,
  );
  const [one, ...others] = await Promise.all(
    ROW_FORMS.map(async (form) => {
      const names = { slot: `${database.name}_${form}`, publication: `of_${form}` };
      const replica = new Replica(database, { ...names, pageRows: 700 }, { form });
      await replica.run();
      const spec = replica.store.specs.get('items');
      return spec === undefined ? [] : replica.rows('items').map((row) => sameValues(spec, row));
    }),
  );
  expect(one).toHaveLength(ROWS);
  for (const other of others) expect(other).toEqual(one);
});

async function formsOf(database: TestDatabase): Promise<Record<string, string>> {
  await using source = pgReplication({ connectionString: database.url, slot: database.name });
  const forms: Record<string, string> = {};
  for await (const message of source.read({ acceptsText: true, acceptsBinary: true })) {
    if ('batch' in message || message.type === 'records') forms[message.stream] = message.type;
  }
  return forms;
}

test('tables are copied as bytes, and as text where a column has values that only the server can print', async () => {
  await using database = await postgres.database(
    `${TABLE}; INSERT INTO items (id) VALUES (1);
     CREATE TABLE spans (id int PRIMARY KEY, span interval); INSERT INTO spans VALUES (1, '1 day');
     CREATE TABLE listed (ids int[] PRIMARY KEY); INSERT INTO listed VALUES ('{1,NULL}');
     CREATE TABLE computed (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED); INSERT INTO computed VALUES (4);
     CREATE TABLE parts (id int PRIMARY KEY, at timestamptz) PARTITION BY RANGE (id);
     CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10); INSERT INTO parts VALUES (1, '2024-01-01')`,
  );
  expect(await formsOf(database)).toEqual({
    items: 'binary-records',
    spans: 'text-records',
    listed: 'text-records',
    computed: 'binary-records',
    parts: 'binary-records',
  });
});

test('nothing is given as bytes that was not asked for so', async () => {
  await using database = await postgres.database(`${TABLE}; INSERT INTO items (id) VALUES (1)`);
  await using source = pgReplication({ connectionString: database.url, slot: database.name });
  const types = new Set<SourceMessage['type']>();
  for await (const { type } of source.read({ acceptsText: true })) types.add(type);
  expect(types).toContain('text-records');
  expect(types).not.toContain('binary-records');
});

test('the rows of a moment are those of the snapshot in UTC, whatever zone the server has', async () => {
  await using database = await postgres.database(
    `CREATE TABLE items (id int PRIMARY KEY, at timestamptz); INSERT INTO items VALUES (1, '2026-03-29 02:30:00.5+02')`,
  );
  await database.sql(`ALTER DATABASE ${database.name} SET timezone = 'America/New_York'`);
  await using source = pgReplication({ connectionString: database.url, slot: database.name });
  const [spec] = await source.discover();
  const found: unknown[] = [];
  for await (const message of source.read({ acceptsBinary: true })) {
    if (message.type === 'binary-records' && spec !== undefined) found.push(...rowsOfBinary(spec, message.batch));
  }
  expect(found).toMatchObject([{ id: '1', at: '2026-03-29T00:30:00.5Z' }]);
});

describe('text that is not UTF-8 fails its table alone', () => {
  const tables = (broken: string): string =>
    `CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'é'), (2, ${broken});
     CREATE TABLE other (id int PRIMARY KEY, name text); INSERT INTO other VALUES (1, 'é')`;
  const copy = async (database: TestDatabase, url: string, form: RowForm): Promise<void> => {
    const replica = new Replica(database, { connectionString: url, slot: new URL(url).pathname.slice(1) }, { form });
    const report = await replica.attempt();
    expect(report.failures).toMatchObject([{ stream: 'items', error: { code: 'PG_VALUE_UNSUPPORTED', kind: 'data' } }]);
    expect(replica.rows('other')).toMatchObject([{ name: 'é' }]);
  };

  test('that a cast has made of bytes', async () => {
    await using database = await postgres.database(
      String.raw`CREATE CAST (bytea AS text) WITHOUT FUNCTION; ${tables(String.raw`'\xff'::bytea::text`)}`,
    );
    await copy(database, database.url, 'bytes');
  });

  test.each(ROW_FORMS)('of a database without an encoding (%s)', async (form) => {
    await using database = await postgres.database();
    const name = `${database.name}_raw`;
    await database.sql(`CREATE DATABASE ${name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
    const url = new URL(database.url);
    url.pathname = `/${name}`;
    const client = new pg.Client(url.toString());
    await client.connect();
    try {
      await client.query(tables(String.raw`E'\xff'`));
      await copy(database, url.toString(), form);
      await client.query(`SELECT pg_drop_replication_slot('${name}')`);
    } finally {
      await client.end();
      await database.sql(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    }
  });
});

test('a NULL in the key of a table fails that table alone', async (context) => {
  await postgres.requireVersion(context, 18, 'NOT NULL that is not validated');
  await using database = await postgres.database(
    `CREATE TABLE items (id int, name text); INSERT INTO items VALUES (NULL, 'a'), (2, 'b');
     ALTER TABLE items ADD CONSTRAINT known NOT NULL id NOT VALID; CREATE UNIQUE INDEX items_id ON items (id);
     ALTER TABLE items REPLICA IDENTITY USING INDEX items_id;
     CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other VALUES (1)`,
  );
  const replica = new Replica(database, {}, { form: 'bytes' });
  const report = await replica.attempt();
  expect(report.failures).toMatchObject([{ stream: 'items', error: { code: 'PG_VALUE_UNSUPPORTED', kind: 'data' } }]);
  expect(replica.rows('other')).toHaveLength(1);
});
