import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { usePostgres, type TestDatabase } from './support/postgres.ts';
import { Replica } from './support/replica.ts';

const postgres = usePostgres();

/** Columns with pairs of values that differ as little as two values can, and the fields that both are made of. */
const KINDS: readonly (readonly [type: string, one: string, other: string, fields: readonly [string, string]])[] = [
  ['bool', 'true', 'false', ['t|', 'f|']],
  ['int2', '1', '-1', ['1|', '-1|']],
  ['int8', '9007199254740993', '9007199254740992', ['9007199254740993|', '9007199254740992|']],
  ['numeric(10, 4)', '1.5', '1.5001', ['1.5000|', '1.5001|']],
  ['numeric(10, 0)', '7', 'NULL', ['7|', '|']],
  ['numeric', '1.50', '1.5', ['4:1.50|', '3:1.5|']],
  ['float4', '0.1', '0.100000009', ['3dcccccd|', '3dccccce|']],
  ['float8', '0', "'-0'", ['0000000000000000|', '8000000000000000|']],
  ['float8', "'NaN'", "'Infinity'", ['NaN|', '7ff0000000000000|']],
  ['text', "''", 'NULL', ['0:|', ':|']],
  ['text', "'a|b'", "'a|'", ['3:a|b|', '2:a||']],
  ['text', "'ü'", "'u'", ['2:ü|', '1:u|']],
  ['char(4)', "'a'", "'b'", ['4:a   |', '4:b   |']],
  ['json', `'{"a": 1}'`, `'{"a":1}'`, ['{"a": 1}|', '{"a":1}|']],
  ['jsonb', "'null'", 'NULL', ['null|', '|']],
  ['date', "'1900-01-01'", "'2299-12-31'", ['1900-01-01|', '2299-12-31|']],
  ['time', "'10:00'", "'10:00:00.5'", ['10:00:00|', '10:00:00.5|']],
  [
    'timestamp',
    "'2026-01-01 10:00:00'",
    "'2026-01-01 10:00:00.000001'",
    ['2026-01-01 10:00:00|', '2026-01-01 10:00:00.000001|'],
  ],
  [
    'timestamptz',
    "'2026-01-01 10:00:00.5+02'",
    "'2026-01-01 10:00:00.51+02'",
    ['2026-01-01 08:00:00.5|', '2026-01-01 08:00:00.51|'],
  ],
  ['uuid', "'00000000-0000-0000-0000-00000000000a'", 'NULL', ['00000000-0000-0000-0000-00000000000a|', '|']],
  ['bytea', String.raw`'\x00ff'`, "''", ['4:00ff|', '0:|']],
  ['inet', "'10.0.0.1'", "'10.0.0.1/24'", ['8:10.0.0.1|', '11:10.0.0.1/24|']],
  ['int[]', "'{1,NULL}'", "'{1}'", ['6:2[1||]|', '5:1[1|]|']],
  ['text[]', `'{"a,b"}'`, "'{a,b}'", ['9:1[3:a,b|]|', '11:2[1:a|1:b|]|']],
  ['text[]', "'{}'", "'{NULL}'", ['3:0[]|', '5:1[:|]|']],
];

function md5(text: string): Buffer {
  return createHash('md5').update(text).digest();
}

function bucketOfInteger(id: bigint, bits: number): number {
  return Number(BigInt.asUintN(32, (id % 2147483629n) * 2654435769n) >> BigInt(32 - bits));
}

async function openContent(database: TestDatabase) {
  return new Replica(database).source().openContent();
}

describe('the digests of a table', () => {
  test.each(KINDS)('see the smallest change of %s: %s or %s', async (type, one, other, [field, changed]) => {
    await using database = await postgres.database(
      `CREATE TABLE items (id int PRIMARY KEY, value ${type}); INSERT INTO items VALUES (5, ${one})`,
    );
    const bucket = bucketOfInteger(5n, 4);
    const read = async (text: string): Promise<void> => {
      await using content = await openContent(database);
      const [stream] = content.streams;
      if (stream === undefined) throw new Error('no stream');
      const row = md5(`5|${text}`).readBigInt64BE(0).toString();
      expect(await content.readBuckets(stream, 4)).toEqual(new Map([[bucket, { rows: 1, digest: row }]]));
      const sum = md5(text).readInt32BE(0).toString();
      expect((await content.readColumns(stream)).get('value')).toBe(sum);
      const digests = [md5('5|'), md5(text)].map((digest) => digest.toString('hex'));
      expect(await content.readRows(stream, [bucket], 4)).toEqual([{ key: ['5'], digests }]);
      expect(await content.readRows(stream, [bucket ^ 1], 4)).toEqual([]);
    };
    await read(field);
    await database.sql(`UPDATE items SET value = ${other}`);
    await read(changed);
  });

  test('put rows into buckets by a hash of the key, which is another one for one integer', async () => {
    await using database = await postgres.database(
      `CREATE TABLE numbers (id bigint PRIMARY KEY); INSERT INTO numbers VALUES (-1), (35), (-9223372036854775808), (9223372036854775807);
       CREATE TABLE pairs (a text, b int, PRIMARY KEY (b, a)); INSERT INTO pairs VALUES ('x', 1), ('y', 2)`,
    );
    await using content = await openContent(database);
    const [numbers, pairs] = content.streams;
    if (numbers === undefined || pairs === undefined) throw new Error('no streams');
    const integers = [-1n, 35n, -(2n ** 63n), 2n ** 63n - 1n].map((id) => bucketOfInteger(id, 16));
    expect([...(await content.readBuckets(numbers, 16)).keys()].toSorted((one, two) => one - two)).toEqual(
      integers.toSorted((one, two) => one - two),
    );
    const bucketOf = (key: string): number => md5(key).readUInt16BE(0) >> 6;
    const expected = [bucketOf('1|1:x|'), bucketOf('2|1:y|')].toSorted((one, two) => one - two);
    expect([...(await content.readBuckets(pairs, 10)).keys()].toSorted((one, two) => one - two)).toEqual(expected);
    expect((await content.readRows(pairs, expected, 10)).map(({ key }) => key.join(' ')).toSorted()).toEqual([
      '1 x',
      '2 y',
    ]);
  });

  test.each([4096, 65_536, 2 ** 22, -(2 ** 40)])(
    'spread ids that come in steps of %s over all buckets',
    async (step) => {
      await using database = await postgres.database(
        `CREATE TABLE numbers (id bigint PRIMARY KEY); INSERT INTO numbers SELECT g::bigint * ${step} FROM generate_series(1, 20000) g`,
      );
      await using content = await openContent(database);
      const buckets = await content.readBuckets(content.streams[0]!, 7);
      expect(buckets.size).toBe(128);
      expect(Math.max(...[...buckets.values()].map(({ rows }) => rows))).toBeLessThan(2 * (20_000 / 128));
    },
  );

  test('are those of one moment, also of a wide table, and see no row that the publication leaves out', async () => {
    const columns = Array.from({ length: 150 }, (_, at) => `c${at} int`).join(', ');
    await using database = await postgres.database(
      `CREATE TABLE wide (id int PRIMARY KEY, ${columns}); INSERT INTO wide (id, c149) SELECT g, g FROM generate_series(1, 50) g`,
    );
    await using content = await openContent(database);
    await database.sql('DELETE FROM wide WHERE id > 10');
    const [wide] = content.streams;
    if (wide === undefined) throw new Error('no stream');
    const rows = async (from: typeof content): Promise<number> =>
      [...(await from.readBuckets(wide, 4)).values()].reduce((sum, bucket) => sum + bucket.rows, 0);
    expect(await rows(content)).toBe(50);
    await using later = await openContent(database);
    expect(await rows(later)).toBe(10);
    if ((await postgres.version()) < 15) return;
    await database.sql(`CREATE PUBLICATION ${database.name} FOR TABLE wide WHERE (id < 4)`);
    await using filtered = await openContent(database);
    expect(await rows(filtered)).toBe(3);
  });

  test('of a table that was truncated since are refused, not taken for those of an empty one', async () => {
    await using database = await postgres.database(
      `CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1); CREATE TABLE other (id int PRIMARY KEY)`,
    );
    await using content = await openContent(database);
    await database.sql('TRUNCATE items');
    const [items, other] = content.streams;
    if (items === undefined || other === undefined) throw new Error('no streams');
    await expect(content.readBuckets(items, 4)).rejects.toMatchObject({ code: 'PG_TABLE_KEEPS_CHANGING' });
    expect(await content.readBuckets(other, 4)).toEqual(new Map());
    // A table that is not being read is not locked.
    await database.sql(`SET lock_timeout = '2s'; TRUNCATE items`);
  });
});
