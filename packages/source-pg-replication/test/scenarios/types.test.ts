import type { PipelineReport } from '@etl/core';
import { expect, test } from 'vitest';
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
  ['c_too_wide', 'numeric(77,1)', [`${'9'.repeat(76)}.5`, "'NaN'"]],
  ['c_rounded', 'numeric(5,-2)', ['1234567', '-99']],
  ['c_tiny', 'numeric(3,5)', ['0.00123']],
  ['c_name', 'name', ["'a_name'"]],
  ['c_letter', '"char"', ["'x'"]],
  ['c_bit', 'bit(4)', ["B'0101'"]],
  ['c_midnight', 'time', ["'24:00:00'", "'00:00:00.000001'"]],
  ['c_short_time', 'timestamptz(0)', ["'2026-11-01 12:00:00.6Z'"]],
  ['c_spans', 'interval[]', ["ARRAY['1 day 2 hours'::interval, NULL]"]],
  ['c_cidr', 'cidr', ["'10.1.0.0/16'", "'2001:db8::/32'"]],
  ['c_mac8', 'macaddr8', ["'08:00:2b:01:02:03:04:05'"]],
  ['c_period', 'tstzrange', ["'[2026-01-01 00:00+00,2026-02-01 00:00+00)'", "'(,infinity]'"]],
  ['c_attributes', 'hstore', [String.raw`'a=>"1,2", b=>NULL, "c d"=>"\"q\""'`]],
  ['c_uuids', 'uuid[]', ["ARRAY[NULL, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid]"]],
  ['c_flags', 'bool[]', ["'{t,f,NULL}'"]],
  ['c_floats', 'float8[]', ["'{-0,NaN,Infinity,1e-308}'"]],
  ['c_emails', 'email[]', ["ARRAY['a@b', NULL]::email[]"]],
  ['c_pairs', 'pair[]', [`ARRAY[ROW(1, 'x,"y')::pair]`]],
  ['c_blank', 'text[]', [`ARRAY['', ' ', 'null', E'\t']`, 'NULL']],
  ['c_padded', 'bpchar', ["'ab  '"]],
  ['c_path', 'jsonpath', ["'$.a[*] ? (@ > 1)'"]],
  ['c_lsn', 'pg_lsn', ["'16/B374D848'"]],
  ['c_word', 'citext', ["'Ab'"]],
  ['c_label', 'ltree', ["'top.science'"]],
];

// Before 15 a scale was neither negative nor greater than the precision; these are the same columns without.
const BEFORE_15 = new Map<string, readonly [string, readonly string[]]>([
  ['c_rounded', ['numeric(7)', ['1234600', '-100']]],
  ['c_tiny', ['numeric(5,5)', ['0.00123']]],
]);

type Columns = typeof COLUMNS;

async function columnsOfServer(): Promise<Columns> {
  if ((await postgres.version()) >= 15) return COLUMNS;
  return COLUMNS.map((column) => [column[0], ...(BEFORE_15.get(column[0]) ?? [column[1], column[2]])] as const);
}

const setup = (
  columns: Columns,
): string => `CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree; CREATE TYPE mood AS ENUM ('sad', 'it''s'); CREATE DOMAIN base_email AS text CHECK (value LIKE '%@%');
  CREATE DOMAIN email AS base_email; CREATE DOMAIN amount AS numeric(10,2); CREATE TYPE pair AS (a int, b text);
  CREATE TABLE everything (id int PRIMARY KEY, ${columns.map(([name, type]) => `${name} ${type}`).join(', ')})`;

function insert(columns: Columns, from: number): string {
  const count = Math.max(...columns.map(([, , values]) => values.length));
  const rows = Array.from(
    { length: count },
    (_, index) => `(${[from + index, ...columns.map(([, , values]) => values[index] ?? 'NULL')].join(', ')})`,
  );
  return `INSERT INTO everything VALUES ${rows.join(', ')}`;
}

test('domain_over_domain, microseconds_preserved: snapshot_and_cdc_equal: every type, whatever the defaults of the database are', async () => {
  const columns = await columnsOfServer();
  await using database = await postgres.database(`${setup(columns)}; ${insert(columns, 0)}`);
  await database.sql(
    `ALTER DATABASE ${database.name} SET timezone = 'Asia/Kolkata'; ALTER DATABASE ${database.name} SET datestyle = 'German';
     ALTER DATABASE ${database.name} SET intervalstyle = 'iso_8601'; ALTER DATABASE ${database.name} SET bytea_output = 'escape';
     ALTER DATABASE ${database.name} SET extra_float_digits = -2`,
  );
  const replica = new Replica(database);
  await replica.run();
  await database.sql(insert(columns, 100));
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
  await using database = await postgres.database(setup(await columnsOfServer()));
  await using source = new Replica(database).source();
  const [spec] = await source.discover();
  expect(
    spec?.columns.map(
      ({ name: _, nullable, ...value }) => `${_} ${JSON.stringify(value)}${nullable ? '' : ' required'}`,
    ),
  ).toMatchSnapshot();
});

test('a value that cannot be stored fails its table by name, in the stream and in the snapshot, while others go on', async () => {
  const cases = [
    ['date', "'infinity'", 'PG_VALUE_OUT_OF_RANGE'],
    ['date', "'1800-01-01'", 'PG_VALUE_OUT_OF_RANGE'],
    ['timestamptz', "'-infinity'", 'PG_VALUE_OUT_OF_RANGE'],
    ['timestamptz', "'2400-01-01'", 'PG_VALUE_OUT_OF_RANGE'],
    ['timestamptz', "'2300-01-01 01:00+00'", 'PG_VALUE_OUT_OF_RANGE'],
    ['timestamptz', "'1899-12-31 23:00+00'", 'PG_VALUE_OUT_OF_RANGE'],
    ['timestamp', "'0044-03-15 BC'", 'PG_VALUE_OUT_OF_RANGE'],
    ['timestamp', "'1950-03-15 BC'", 'PG_VALUE_OUT_OF_RANGE'],
    ['timestamp', "'12000-01-01'", 'PG_VALUE_OUT_OF_RANGE'],
    ['numeric(10,2)', "'NaN'", 'PG_VALUE_OUT_OF_RANGE'],
    ['date[]', "'{-infinity}'", 'PG_VALUE_OUT_OF_RANGE'],
    ['int4[]', "'{{1,2},{3,4}}'", 'PG_VALUE_UNSUPPORTED'],
  ] as const;
  const each = (sql: (table: string, type: string, value: string) => string): string =>
    cases.map(([type, value], index) => sql(`bad_${index}`, type, value)).join(';');
  await using database = await postgres.database(
    `CREATE TABLE good (id int PRIMARY KEY); INSERT INTO good VALUES (1);
     ${each((table, type) => `CREATE TABLE ${table} (id int PRIMARY KEY, secret_value ${type}); INSERT INTO ${table} VALUES (1, NULL)`)}`,
  );
  const replica = new Replica(database);
  await replica.run();
  await database.sql(
    `INSERT INTO good VALUES (2); ${each((table, _, value) => `INSERT INTO ${table} VALUES (2, NULL), (3, ${value})`)}`,
  );
  for (const phase of ['stream', 'snapshot']) {
    const { failures, status } = await replica.attempt();
    expect([phase, status]).toEqual([phase, 'partial']);
    expect(failures.map(({ stream, error }) => `${stream} ${error.code} ${error.kind}`).toSorted()).toEqual(
      cases.map(([, , code], index) => `bad_${index} ${code} data`).toSorted(),
    );
    for (const { error } of failures) {
      expect(error.message).toContain('secret_value');
      const [rows = ''] = /SELECT \* FROM .*(?=;)/.exec(error.hint ?? '') ?? [];
      // Whoever asks may live anywhere.
      for (const zone of ['America/New_York', 'Asia/Tokyo']) {
        await database.sql(`SET timezone = '${zone}'`);
        expect(await database.value(`SELECT array_agg(id) FROM (${rows}) bad`)).toBe('{3}');
      }
    }
    expect(replica.rows('good')).toHaveLength(2);
    for (const index of cases.keys()) expect(replica.rows(`bad_${index}`)).toEqual([{ id: 1, secret_value: null }]);
  }
  await database.sql(each((table) => `UPDATE ${table} SET secret_value = NULL`));
  await replica.run();
  for (const index of cases.keys()) expect(replica.rows(`bad_${index}`)).toHaveLength(3);
});

test('out_of_range null: what no destination holds is NULL, in the snapshot and in the stream, and counted per column', async () => {
  const rows = (from: number): string =>
    `INSERT INTO odd VALUES (${from}, 'infinity', '0044-03-15 BC', 'NaN', '{-infinity,2026-01-01}', '{{1},{2}}'), (${from + 1}, '2026-01-01', '2400-01-01', 1.5, NULL, '{3}')`;
  await using database = await postgres.database(
    `CREATE TABLE odd (id int PRIMARY KEY, day date, at timestamptz, amount numeric(10,2), days date[], grid int[]); ${rows(0)}`,
  );
  const replica = new Replica(database, { outOfRange: 'null' });
  const drift = ({ schemaChanges }: PipelineReport): string[] =>
    schemaChanges.flatMap((change) => (change.type === 'drift-found' ? `${change.property}: ${change.actual}` : []));
  const counted = [
    'values of amount out of range: 1 became NULL',
    'values of at out of range: 2 became NULL',
    'values of day out of range: 1 became NULL',
    'values of days out of range: 1 became NULL',
    'values of grid out of range: 1 became NULL',
  ];
  expect(drift(await replica.run()).toSorted()).toEqual(counted);
  await database.sql(rows(10));
  expect(drift(await replica.run()).toSorted()).toEqual(counted);
  for (const from of [0, 10]) {
    expect(replica.rows('odd').filter(({ id }) => Number(id) >= from && Number(id) < from + 2)).toEqual([
      { id: from, day: null, at: null, amount: null, days: [null, '2026-01-01'], grid: null },
      { id: from + 1, day: '2026-01-01', at: null, amount: '1.50', days: null, grid: [3] },
    ]);
  }
  expect(replica.warnings.join()).toContain('values out of range became NULL');
  expect(drift(await replica.run())).toEqual([]);
});

test('out_of_range null: in a key it stays an error, for nothing else tells the rows apart', async () => {
  await using database = await postgres.database(
    `CREATE TABLE days (day date PRIMARY KEY); INSERT INTO days VALUES ('infinity')`,
  );
  const { failures } = await new Replica(database, { outOfRange: 'null' }).attempt();
  expect(failures.map(({ error }) => error.code)).toEqual(['PG_VALUE_OUT_OF_RANGE']);
});
