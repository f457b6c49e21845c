import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openClickHouse } from '@etl/dest-clickhouse';
import { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import { runEtl, temporaryDirectory } from './etl-process.ts';
import { useShops } from './shop.ts';

/** Every type of the type table, with the values that two engines are most likely to print differently. */
const TYPES = /* sql */ `
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN price AS numeric(12, 3);
CREATE TYPE pair AS (a int, b text);
CREATE TABLE kinds (
  id uuid PRIMARY KEY, i2 int2, i4 int4, i8 int8, o oid, n numeric(20, 4), n0 numeric(10, 0), big numeric(60, 20),
  free numeric, f4 float4, f8 float8, b bool, t text, v varchar(40), c char(8), j json, jb jsonb, d date, ti time,
  ts timestamp, tz timestamptz, ts0 timestamptz(0), by bytea, e mood, dom price, inet inet, iv interval, r int4range,
  p pair, m money, x xml, "bit" bit(5), ai int[], at text[], an numeric(8, 2)[], ats timestamptz[], ae mood[],
  aj jsonb[], af float8[], ab bytea[], "Mixed Case" text, "weird?" int);
INSERT INTO kinds SELECT ('00000000-0000-0000-0000-' || lpad(to_hex(g), 12, '0'))::uuid, -g, g, g * 10000000000, g, g / 7.0, g, g / 3.0,
  g / 9.0, g / 3.0, g / 3.0, g % 2 = 0, repeat('ä|:"\\' || g, g % 5), E'tab\\tnew\\nline' || g, 'pad' || g % 7,
  json_build_object('a', g, 'b', 12345678901234567890), jsonb_build_object('b', g, 'a', 'é'), date '1900-01-01' + g * 100,
  time '00:00' + g * interval '1 min', timestamp '2026-01-01' + g * interval '1.000001 s',
  timestamptz '1999-12-31 23:59:59.5Z' + g * interval '1 h', now(), decode(md5(g::text), 'hex'),
  (ARRAY['sad', 'ok', 'happy'])[1 + g % 3]::mood, g / 8.0, '10.0.0.1', g * interval '1 h 3 s', int4range(g, g + 5),
  ('(' || g || ',x)')::pair, g, '<a>1</a>', B'10101', ARRAY[g, NULL, -g], ARRAY['a,b', NULL, '', '"q"\\'], ARRAY[g / 4.0, 1.5],
  ARRAY[now(), NULL], ARRAY['ok', 'sad']::mood[], ARRAY['{"a": 1}'::jsonb], ARRAY[1e308, 'NaN'], ARRAY['\\x00ff'::bytea], 'M', g
FROM generate_series(1, 300) g;
INSERT INTO kinds (id) VALUES ('ffffffff-0000-0000-0000-000000000000');
INSERT INTO kinds (id, f4, f8, t, n, free, ai, at, tz, ts, by) VALUES
  ('ffffffff-0000-0000-0000-000000000001', 'NaN', '-Infinity', '', 0, 'NaN', '{}', '{}', '2200-01-01 00:00:00.100000Z', '2026-01-01 10:00:00', ''),
  ('ffffffff-0000-0000-0000-000000000002', '-0', '-0', '\\N', -0.0001, 1.500, '{NULL}', '{""}', '1900-01-01 00:00:00Z', '2026-01-01 00:00:00.000100', '\\x5c');
`;

const SHOP = /* sql */ `
CREATE TABLE orders (id bigint PRIMARY KEY, status text, total numeric(12, 2), placed_at timestamptz);
CREATE TABLE lines (order_id bigint, place int, product text COLLATE "C", amount int, PRIMARY KEY (order_id, place, product));
CREATE TABLE empty (id int PRIMARY KEY);
CREATE TABLE parts (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
INSERT INTO orders SELECT g, 'paid', g / 4.0, '2026-11-01Z' FROM generate_series(-50, 5000) g;
INSERT INTO lines SELECT g, p, 'Zoë|' || p, g FROM generate_series(1, 400) g, generate_series(1, 3) p;
INSERT INTO parts SELECT g, date '2026-01-01' + g FROM generate_series(1, 300) g;
`;

describe('etl verify', () => {
  const makeShop = useShops();

  async function shop(sql: string, group: Record<string, unknown> = {}) {
    const made = await makeShop(group, sql);
    return { ...made, etl: (...args: readonly string[]) => made.etl(args) };
  }

  /** Puts something into a table of the destination that no run would put there. */
  async function corrupt(path: string, statement: (raw: string) => string, table: string): Promise<void> {
    const reader = await openClickHouse({ path, database: 'travel' });
    const read = async (sql: string): Promise<string> => {
      const parts: Uint8Array[] = [];
      for await (const part of reader.query(sql, { format: 'TSV' })) parts.push(part);
      return Buffer.concat(parts).toString();
    };
    try {
      const raw = (
        await read(
          `SELECT name FROM system.tables WHERE database = 'travel' AND name LIKE '_raw_shop___${table}%' AND engine LIKE '%MergeTree' ORDER BY name DESC LIMIT 1`,
        )
      ).trim();
      await read(statement(`travel.${raw}`));
    } finally {
      await reader[Symbol.asyncDispose]();
    }
  }

  test('finds every type equal, after the snapshot and after changes', async () => {
    const { etl, query: change } = await shop(TYPES);
    const first = await etl('verify', 'pg', 'shop', '--json');
    expect(first.exitCode, first.output).toBe(0);
    expect(JSON.parse(first.stdout)).toMatchObject({
      status: 'equal',
      streams: [{ stream: 'kinds', sourceRows: 303, destinationRows: 303, isEqual: true }],
    });
    await change(`UPDATE kinds SET i4 = 7, f8 = 1e-300, at = ARRAY['changed', NULL], tz = tz + interval '1 us' WHERE i2 > -100;
      DELETE FROM kinds WHERE i2 = -5; INSERT INTO kinds SELECT gen_random_uuid(), i2, i4, i8, o, n, n0, big, free, f4, f8, b, t FROM kinds`);
    const second = await etl('verify', 'pg', 'shop');
    expect(second.exitCode, second.output).toBe(0);
    expect(second.stdout).toMatch(/✓ kinds +604 = +604/);
    expect(second.stderr).toMatch(/pg shop {3}1 table equal {3}604 rows {3}at LSN [0-9A-F]+\/[0-9A-F]+/);
  });

  test('takes for equal what was loaded as NULL because no destination can hold it', async () => {
    const values = (from: number): string =>
      `INSERT INTO edges VALUES (${from + 1}, 'infinity', 'infinity', '-infinity', 'NaN', 'infinity', 'NaN', '{{1,2},{3,4}}', '{infinity,2026-01-01,NULL}', '{NaN,1.5}', '{-infinity}', '[0:1]={1,2}'),
         (${from + 2}, '1899-12-31', '0044-03-15 BC', '2300-01-01Z', 1, '1899-12-31', 1, '{}', '{}', '{}', '{}', '{}'),
         (${from + 3}, '12026-01-01', '2300-01-01', '0001-01-01 BC', 2, '2300-01-01', 2, NULL, NULL, NULL, NULL, NULL),
         (${from + 4}, '1900-01-01', '1900-01-01', '2299-12-31 23:59:59.999999Z', 0, '2299-12-31', 0, '{1}', '{2299-12-31}', '{0}', '{1900-01-01 00:00Z}', '{3}')`;
    const { etl, query: change } = await shop(
      `CREATE DOMAIN day AS date; CREATE DOMAIN amount AS numeric(8, 2);
       CREATE TABLE edges (id bigint PRIMARY KEY, d date, ts timestamp, tz timestamptz, n numeric(8, 2), dd day, dn amount,
         a int[], ad date[], an numeric(4, 1)[], atz timestamptz[], bounds int[]);
       ${values(0)}`,
      { out_of_range: 'null' },
    );
    const first = await etl('verify', 'pg', 'shop');
    expect(first.exitCode, first.output).toBe(0);
    await change(values(10));
    const second = await etl('verify', 'pg', 'shop');
    expect(second.exitCode, second.output).toBe(0);
  });

  test('puts the same integers into the same buckets on both sides', async () => {
    const { etl } = await shop(
      `CREATE TABLE far (id bigint PRIMARY KEY); INSERT INTO far VALUES (-9223372036854775808), (9223372036854775807), (0), (-1);
       INSERT INTO far SELECT (random() * 1e18)::bigint * (g % 2 * 2 - 1) FROM generate_series(1, 5000) g ON CONFLICT DO NOTHING;
       CREATE TABLE small (id int2 PRIMARY KEY); INSERT INTO small SELECT generate_series(-32768, 32767)`,
    );
    const { exitCode, output } = await etl('verify', 'pg', 'shop');
    expect(exitCode, output).toBe(0);
  });

  test('compares whole tables, composite keys, partitions and empty ones, and only those that are asked for', async () => {
    const { etl } = await shop(SHOP);
    const all = await etl('verify', 'pg', 'shop');
    expect(all.exitCode, all.output).toBe(0);
    expect(all.stdout.match(/✓/g)).toHaveLength(4);
    expect(all.stderr).toContain('4 tables equal');
    const some = await etl('verify', 'pg', 'shop', '--table', 'lines', 'empty', '--json');
    expect(JSON.parse(some.stdout).streams.map(({ stream }: { stream: string }) => stream)).toEqual(['empty', 'lines']);
    const none = await etl('verify', 'pg', 'shop', '--table', 'line');
    expect(none.exitCode).toBe(2);
    expect(none.stderr).toContain('did you mean lines?');
  });

  test('names the rows that differ, their columns, and what repairs it', async () => {
    const { etl, path } = await shop(SHOP);
    await etl('run', 'pg', 'shop');
    const version = 'toUInt128(bitShiftLeft(toUInt128(60000), 112))';
    await corrupt(
      path,
      (raw) =>
        `INSERT INTO ${raw} (id, status, total, _etl_version, _etl_deleted, _etl_load_id) SELECT n.1, n.2, n.3, ${version}, n.4, '' FROM
         (SELECT arrayJoin([(7, 'paid', 1.74, 0), (8, 'stolen', 2., 0), (9, '', 0., 1), (99999, 'made up', 1., 0)]) AS n)`,
      'orders',
    );
    const found = await etl('verify', 'pg', 'shop', '--json');
    expect(found.exitCode, found.output).toBe(65);
    const { streams } = JSON.parse(found.stdout) as { streams: { stream: string; isEqual: boolean }[] };
    const orders = streams.find(({ stream }) => stream === 'orders');
    expect(orders).toMatchObject({
      isEqual: false,
      sourceRows: 5051,
      destinationRows: 5051,
      columns: ['status', 'total', 'placed_at'],
      moreDifferences: 0,
      isIncomplete: false,
    });
    expect((orders as unknown as { differences: unknown[] }).differences).toEqual(
      expect.arrayContaining([
        { key: { id: '7' }, kind: 'changed', columns: ['total', 'placed_at'] },
        { key: { id: '8' }, kind: 'changed', columns: ['status', 'placed_at'] },
        { key: { id: '9' }, kind: 'missing', columns: [] },
        { key: { id: '99999' }, kind: 'surplus', columns: [] },
      ]),
    );
    expect(streams.filter(({ isEqual }) => isEqual)).toHaveLength(3);

    const shown = await etl('verify', 'pg', 'shop', '--table', 'orders', '--limit', '2');
    expect(shown.exitCode).toBe(65);
    expect(shown.stdout).toMatch(/✗ orders +5,051 = +5,051/);
    expect(shown.stdout).toContain('and 2 more rows');
    expect(shown.stderr).toContain('1 of 1 table differ');
    expect(shown.stderr).toContain('etl run pg shop --full-refresh --stream orders');
    expect((await etl('run', 'pg', 'shop', '--full-refresh', '--stream', 'orders')).exitCode).toBe(0);
    expect((await etl('verify', 'pg', 'shop')).exitCode).toBe(0);
  });

  test('says so when a whole table is off, without reading all of it row by row', async () => {
    const { etl, path } = await shop(
      `CREATE TABLE wide (id text PRIMARY KEY, n int); INSERT INTO wide SELECT 'key ' || g, g FROM generate_series(1, 120000) g`,
    );
    await etl('run', 'pg', 'shop');
    await corrupt(
      path,
      (raw) =>
        `INSERT INTO ${raw} (id, n, _etl_version, _etl_deleted, _etl_load_id) SELECT id, n + 1, _etl_version + 1, 0, '' FROM ${raw}`,
      'wide',
    );
    const found = await etl('verify', 'pg', 'shop');
    expect(found.exitCode, found.output).toBe(65);
    expect(found.stdout).toContain('columns that differ: n');
    expect(found.stdout).toMatch(/key \d+: n$/m);
    expect(found.stdout).toContain('other parts of the table differ as well');
  });

  test('compares at one position while a writer never stops', async () => {
    const { name, etl, connectionString } = await shop(SHOP);
    await etl('run', 'pg', 'shop');
    const writer = new Client({ connectionString });
    writer.on('error', () => undefined);
    await writer.connect();
    const stop = new AbortController();
    const writing = (async () => {
      for (let at = 0; !stop.signal.aborted; at += 1) {
        await writer.query(`UPDATE orders SET total = total + 1, status = 'v${at}' WHERE id % 97 = ${at % 97};
          INSERT INTO lines VALUES (${10_000 + at}, 1, 'new', 1); DELETE FROM lines WHERE order_id = ${at % 400}`);
      }
    })();
    try {
      const { exitCode, output } = await etl('verify', 'pg', 'shop');
      expect(exitCode, output).toBe(0);
    } finally {
      stop.abort();
      await writing;
    }
    // It leaves no slot behind, and has moved the pipeline on as a run does.
    const { rows } = await writer.query<{ slot_name: string }>(
      `SELECT slot_name FROM pg_replication_slots WHERE database = current_database()`,
    );
    await writer.end();
    expect(rows).toEqual([{ slot_name: name }]);
    await etl('run', 'pg', 'shop');
    expect((await etl('run', 'pg', 'shop')).stderr).toContain('0 rows, nothing changed');
  });

  test('is not for platforms without a content of their own', async () => {
    await using directory = await temporaryDirectory();
    const secret = randomBytes(8).toString('hex');
    const { exitCode, stderr } = await runEtl(['verify', 'facebook', 'd1'], {
      cwd: directory.path,
      withFixture: true,
      env: {
        ETL_DATA_DIR: join(directory.path, 'none'),
        ETL_GROUPS_FACEBOOK: JSON.stringify({ d1: { url: 'http://127.0.0.1:1', token: secret, accounts: [] } }),
      },
    });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('facebook cannot be compared');
  });
});
