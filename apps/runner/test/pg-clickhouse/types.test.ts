import { expect, test } from 'vitest';
import { useReplicas } from './replica.ts';

const replicaOf = useReplicas();

/** How ClickHouse prints it. */
const NULL = 'ᴺᵁᴸᴸ';

/** Column, type, and values as SQL. */
const VALUES: readonly (readonly [string, string, ...string[]])[] = [
  ['numerics', 'numeric(76, 38)', `${'9'.repeat(38)}.${'1'.repeat(38)}`, '-0.5', '0'],
  ['too_wide', 'numeric(77, 1)', `${'9'.repeat(76)}.5`, "'NaN'"],
  ['unbounded', 'numeric', "'NaN'", "'-Infinity'", `${'9'.repeat(100)}.${'1'.repeat(50)}`, '1.50'],
  ['rounded', 'numeric(5, -2)', '1234567', '-99'],
  ['eight', 'int8', '-9223372036854775808', '9223372036854775807'],
  ['ids', 'oid', '4294967295'],
  ['single', 'float4', '1.1', "'NaN'", "'-0'", '3.4028235e38', '1e-45'],
  ['double', 'float8', '1e308', "'-Infinity'", "'-0'", '5e-324', '0.1'],
  ['days', 'date', "'1900-01-01'", "'2299-12-31'", "'2000-02-29'"],
  ['at', 'timestamp', "'1900-01-01'", "'2299-12-31 23:59:59.999999'", "'2026-11-01 12:00:00.123456'"],
  [
    'at_zone',
    'timestamptz',
    "'1900-01-01 00:00:00+00'",
    "'2026-03-29 02:30:00.1 Europe/Kyiv'",
    "'2026-11-01 12:00+05:30'",
  ],
  ['clock', 'time', "'24:00:00'", "'23:59:59.999999'"],
  ['zoned_clock', 'timetz', "'12:00:00+02'"],
  ['span', 'interval', "'1 year 2 mons -3 days 04:05:06.7'"],
  [
    'words',
    'text',
    `(SELECT string_agg(chr(c), '') FROM generate_series(1, 127) c)`,
    String.raw`E'\\N'`,
    "''",
    "'é€😀'",
    String.raw`E'a\nb\\c\r\t'`,
  ],
  ['padded', 'char(5)', "'ab'"],
  ['raw_json', 'json', `'{"b": 12345678901234567890, "a": 1, "a": 2}'`, "'null'", `'"\\ud800"'`],
  ['doc', 'jsonb', `'{"n": 12345678901234567890.10, "t": "\\u0041\\n"}'`, "'null'", "'[]'"],
  ['bytes', 'bytea', String.raw`'\x00ff5c0a27'`, String.raw`'\x'`],
  ['unique_id', 'uuid', "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"],
  ['flag', 'bool', 'true', 'false'],
  ['addresses', 'inet', "'10.0.0.1/8'", "'::1'"],
  ['network', 'cidr', "'2001:db8::/32'"],
  ['period', 'tstzrange', "'[2026-01-01 00:00+00,infinity]'", "'empty'"],
  ['spans', 'int4multirange', "'{[1,3),[7,9)}'"],
  ['attributes', 'hstore', String.raw`'a=>"1,2", b=>NULL, "c d"=>"\"q\""'`],
  ['feeling', 'mood', "'it''s'"],
  ['cash', 'money', "'-12.34'"],
  ['mail', 'email', "'a@b'"],
  ['pairs', 'pair', `ROW(1, 'a"b,')::pair`],
  ['search', 'tsvector', "'fat:1 cat:2'"],
  ['markup', 'xml', '\'<a b="1">&amp;</a>\''],
  ['bits', 'bit varying(8)', "B'1010'"],
  ['some_ints', 'int4[]', "'{1,NULL,3}'", "'{}'", "'[0:1]={7,8}'"],
  ['some_words', 'text[]', String.raw`ARRAY['a,b', '"q"', 'NULL', NULL, '', E'\\', '{x}', E'\t\n\b', 'é😀']`],
  ['some_moments', 'timestamptz[]', "ARRAY['2026-11-01 12:00:00.1+05'::timestamptz, NULL]"],
  ['some_numerics', 'numeric(10, 2)[]', "'{1.5,NULL,-0.01}'"],
  ['some_bytes', 'bytea[]', String.raw`ARRAY['\x00ff5c'::bytea, NULL]`],
  ['some_docs', 'jsonb[]', `ARRAY['{"a": [1, "x\\"y"]}'::jsonb, 'null']`],
  ['some_floats', 'float8[]', "'{-0,NaN,Infinity,1e-308,NULL}'"],
  ['some_flags', 'bool[]', "'{t,f,NULL}'"],
  ['some_ids', 'uuid[]', "ARRAY[NULL, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid]"],
  ['some_feelings', 'mood[]', "ARRAY['sad', NULL, 'it''s']::mood[]"],
  ['some_boxes', 'box[]', "'{(2,2),(1,1);(4,4),(3,3)}'"],
];

function insert(from: number): string {
  const count = Math.max(...VALUES.map(([, , ...values]) => values.length));
  const rows = Array.from(
    { length: count },
    (_, index) => `(${[from + index, ...VALUES.map(([, , ...values]) => values[index] ?? 'NULL')].join(', ')})`,
  );
  return `INSERT INTO everything VALUES ${rows.join(', ')}`;
}

test('every type is in ClickHouse what it is at the source, from the snapshot and from the stream', async () => {
  await using replica = await replicaOf(
    `CREATE EXTENSION hstore; CREATE TYPE mood AS ENUM ('sad', 'it''s'); CREATE TYPE pair AS (a int, b text);
     CREATE DOMAIN base_email AS text CHECK (value LIKE '%@%'); CREATE DOMAIN email AS base_email;
     CREATE TABLE everything (id int PRIMARY KEY, ${VALUES.map(([name, type]) => `${name} ${type}`).join(', ')}); ${insert(0)}`,
  );
  await replica.run();
  expect(await replica.unequalColumns('everything')).toEqual([]);
  await replica.sql(insert(100));
  await replica.run();
  expect(await replica.unequalColumns('everything')).toEqual([]);
  const columns = VALUES.map(([name]) => name).join(', ');
  const rows = async (condition: string): Promise<unknown> =>
    replica.here(`SELECT ${columns} FROM $shop___everything WHERE ${condition} ORDER BY id`);
  expect(await rows('id >= 100')).toEqual(await rows('id < 100'));
});

test('out_of_range: the table fails by name, and with null it loads, what ClickHouse cannot hold being NULL', async () => {
  await using replica = await replicaOf(
    `CREATE TABLE good (id int PRIMARY KEY); INSERT INTO good VALUES (1);
     CREATE TABLE odd (id int PRIMARY KEY, day date, at timestamptz, amount numeric(10, 2), days date[]);
     INSERT INTO odd VALUES (1, 'infinity', '2400-01-01', 'NaN', '{1800-01-01,2026-01-01}')`,
  );
  const failed = await replica.attempt();
  expect(failed.failures.map(({ stream, error }) => [stream, error.code])).toEqual([['odd', 'PG_VALUE_OUT_OF_RANGE']]);
  expect(await replica.here('SELECT id FROM $shop___good')).toHaveLength(1);
  const report = await replica.attempt({ options: { outOfRange: 'null' } });
  await replica.sql(`INSERT INTO odd VALUES (2, '-infinity', '0044-03-15 BC', 'NaN', NULL)`);
  const next = await replica.attempt({ options: { outOfRange: 'null' } });
  for (const { failures, schemaChanges } of [report, next]) {
    expect(failures).toEqual([]);
    expect(schemaChanges).toContainEqual(
      expect.objectContaining({ stream: 'odd', property: 'values of day out of range', actual: '1 became NULL' }),
    );
  }
  expect(await replica.here('SELECT id, day, at, amount, toString(days) AS days FROM $shop___odd ORDER BY id')).toEqual(
    [
      { id: '1', day: NULL, at: NULL, amount: NULL, days: "[NULL,'2026-01-01']" },
      { id: '2', day: NULL, at: NULL, amount: NULL, days: '[]' },
    ],
  );
});
