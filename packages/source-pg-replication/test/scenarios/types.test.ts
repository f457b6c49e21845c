import { describe, expect, test } from 'vitest';
import { usePostgres } from '../support/postgres.ts';
import { Replica } from '../support/replica.ts';

const postgres = usePostgres();

const everything = String.raw`SELECT string_agg(chr(c), '') FROM generate_series(1, 127) c`;

/** Column, type, and values as SQL. */
const COLUMNS: readonly (readonly [string, string, readonly string[]])[] = [
  ['c_bool', 'bool', ['true', 'false']],
  ['c_int2', 'int2', ['-32768', '32767']],
  ['c_int4', 'int4', ['-2147483648', '2147483647']],
  ['c_int8', 'int8', ['-9223372036854775808', '9223372036854775807']],
  ['c_oid', 'oid', ['0', '4294967295']],
  ['c_money_exact', 'numeric(20,6)', ['12345678901234.123456', '-0.000001']],
  ['c_wide', 'numeric(76,10)', [`${'9'.repeat(66)}.0123456789`, '-1']],
  ['c_free', 'numeric', ["'NaN'", `${'9'.repeat(100)}.${'1'.repeat(50)}`]],
  ['c_infinite', 'numeric', ["'Infinity'", "'-Infinity'"]],
  ['c_real', 'float4', ['1.1', "'NaN'", "'-0'"]],
  ['c_double', 'float8', ['1e308', "'-Infinity'", '0.1', "'-0'"]],
  ['c_text', 'text', [`(${everything})`, String.raw`E'\\N'`, "''", "'é€😀 \t tab'", String.raw`E'a\nb\\c\r'`]],
  ['c_varchar', 'varchar(20)', ["'x'"]],
  ['c_char', 'char(5)', ["'ab'"]],
  ['c_json', 'json', [`'{"b": 12345678901234567890, "a": 1, "a": 2}'`, "'null'", `'"\\ud800"'`]],
  ['c_jsonb', 'jsonb', [`'{"n": 12345678901234567890.10}'`, "'null'", "'[]'"]],
  ['c_uuid', 'uuid', ["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"]],
  ['c_date', 'date', ["'1900-01-01'", "'2299-12-31'"]],
  ['c_time', 'time', ["'00:00:00'", "'23:59:59.999999'"]],
  ['c_timetz', 'timetz', ["'12:00:00+02'"]],
  ['c_ts', 'timestamp', ["'2026-11-01 12:00:00.123456'", "'1900-01-01'"]],
  ['c_tstz', 'timestamptz', ["'2026-11-01 12:00:00.1+05:30'", "'2299-12-31 23:59:59.999999Z'"]],
  ['c_interval', 'interval', ["'1 year 2 mons -3 days 04:05:06.7'"]],
  ['c_bytes', 'bytea', [String.raw`'\x00ff5c0a'`, String.raw`'\x'`]],
  ['c_mood', 'mood', ["'sad'", "'it''s'"]],
  ['c_moods', 'mood[]', ["ARRAY['sad', NULL, 'it''s']::mood[]"]],
  ['c_email', 'email', ["'a@b'"]],
  ['c_amount', 'amount', ['1.50']],
  ['c_ints', 'int4[]', ["'{1,NULL,3}'", "'{}'", "'[0:1]={7,8}'"]],
  ['c_texts', 'text[]', [`ARRAY['a,b', '"q"', 'NULL', NULL, '', E'\\\\', '{x}']`]],
  ['c_dates', 'timestamptz[]', ["ARRAY['2026-11-01 12:00:00.1+05'::timestamptz]"]],
  ['c_numerics', 'numeric(10,2)[]', ["'{1.5,NULL}'"]],
  ['c_jsons', 'jsonb[]', [`ARRAY['{"a": [1, "x"]}'::jsonb, 'null']`]],
  ['c_byteas', 'bytea[]', [String.raw`ARRAY['\x00ff'::bytea]`]],
  ['c_inet', 'inet', ["'10.0.0.1/8'", "'::1'"]],
  ['c_mac', 'macaddr', ["'08:00:2b:01:02:03'"]],
  ['c_cash', 'money', ["'12.34'"]],
  ['c_bits', 'bit varying(8)', ["B'1010'"]],
  ['c_xml', 'xml', ["'<a>1</a>'"]],
  ['c_search', 'tsvector', ["'fat:1 cat:2'"]],
  ['c_range', 'int4range', ["'[1,5)'", "'empty'"]],
  ['c_ranges', 'int4multirange', ["'{[1,3),[7,9)}'"]],
  ['c_point', 'point', ["'(1.5,2)'"]],
  ['c_boxes', 'box[]', ["'{(2,2),(1,1);(4,4),(3,3)}'"]],
  ['c_pair', 'pair', [`ROW(1, 'a"b')::pair`]],
  ['c_bigint_array', 'int8[]', ["'{9223372036854775807}'"]],
];

const SETUP = `CREATE TYPE mood AS ENUM ('sad', 'it''s'); CREATE DOMAIN base_email AS text CHECK (value LIKE '%@%');
  CREATE DOMAIN email AS base_email; CREATE DOMAIN amount AS numeric(10,2); CREATE TYPE pair AS (a int, b text);
  CREATE TABLE everything (id int PRIMARY KEY, ${COLUMNS.map(([name, type]) => `${name} ${type}`).join(', ')})`;

function insert(from: number): string {
  const count = Math.max(...COLUMNS.map(([, , values]) => values.length));
  const rows = Array.from(
    { length: count },
    (_, index) => `(${[from + index, ...COLUMNS.map(([, , values]) => values[index] ?? 'NULL')].join(', ')})`,
  );
  return `INSERT INTO everything VALUES ${rows.join(', ')}`;
}

test('snapshot_and_cdc_equal: every type, whatever the defaults of the database are', async () => {
  await using database = await postgres.database(`${SETUP}; ${insert(0)}`);
  await database.sql(
    `ALTER DATABASE ${database.name} SET timezone = 'Asia/Kolkata'; ALTER DATABASE ${database.name} SET datestyle = 'German';
     ALTER DATABASE ${database.name} SET intervalstyle = 'iso_8601'; ALTER DATABASE ${database.name} SET bytea_output = 'escape';
     ALTER DATABASE ${database.name} SET extra_float_digits = -2`,
  );
  const replica = new Replica(database);
  await replica.run();
  await database.sql(insert(100));
  await replica.run();
  const rows = new Map(replica.rows('everything').map((row) => [row['id'] as number, row]));
  const count = rows.size / 2;
  expect(count).toBe(5);
  for (let index = 0; index < count; index += 1) {
    expect({ ...rows.get(100 + index), id: index }).toEqual(rows.get(index));
  }
  expect({ ...rows.get(0), c_text: undefined }).toMatchSnapshot();
  expect(rows.get(0)?.['c_text']).toBe(String.fromCharCode(...Array.from({ length: 127 }, (_, code) => code + 1)));
  expect(rows.get(1)).toMatchObject({
    c_text: String.raw`\N`,
    c_jsonb: 'null',
    c_json: 'null',
    c_infinite: '-Infinity',
    c_ints: [],
  });
  expect(rows.get(2)).toMatchObject({ c_text: '', c_json: String.raw`"\ud800"`, c_ints: [7, 8] });
  expect(Object.is(rows.get(3)?.['c_double'], -0)).toBe(true);
});

test('declares every type', async () => {
  await using database = await postgres.database(SETUP);
  await using source = new Replica(database).source();
  const [spec] = await source.discover();
  expect(
    spec?.columns.map(
      ({ name: _, nullable, ...value }) => `${_} ${JSON.stringify(value)}${nullable ? '' : ' required'}`,
    ),
  ).toMatchSnapshot();
});

describe('a value that cannot be stored fails its table by name while others go on', () => {
  test.each([
    ['date', "'infinity'", 'PG_VALUE_OUT_OF_RANGE'],
    ['timestamptz', "'-infinity'", 'PG_VALUE_OUT_OF_RANGE'],
    ['timestamp', "'0044-03-15 BC'", 'PG_VALUE_OUT_OF_RANGE'],
    ['numeric(10,2)', "'NaN'", 'PG_VALUE_OUT_OF_RANGE'],
    ['int4[]', "'{{1,2},{3,4}}'", 'PG_VALUE_UNSUPPORTED'],
  ])('%s %s, in the snapshot and in the stream', async (type, value, code) => {
    await using database = await postgres.database(
      `CREATE TABLE bad (id int PRIMARY KEY, secret_value ${type}); CREATE TABLE good (id int PRIMARY KEY); INSERT INTO bad VALUES (1, NULL); INSERT INTO good VALUES (1)`,
    );
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`INSERT INTO bad VALUES (2, NULL), (3, ${value}); INSERT INTO good VALUES (2)`);
    for (const run of ['stream', 'snapshot']) {
      const { failures, status } = await replica.attempt();
      expect([run, status, failures.map(({ stream, error }) => [stream, error.code, error.kind])]).toEqual([
        run,
        'partial',
        [['bad', code, 'data']],
      ]);
      expect(failures[0]?.error.message).toContain('secret_value');
      expect(replica.rows('good')).toHaveLength(2);
      expect(replica.rows('bad')).toEqual([{ id: 1, secret_value: null }]);
    }
    await database.sql(`UPDATE bad SET secret_value = NULL`);
    await replica.run();
    expect(replica.rows('bad')).toHaveLength(3);
  });
});
