import { readdirSync } from 'node:fs';
import type { Row, StreamSpec, TextBatch } from '@etl/core';
import { rowsOfText, textBatchOf } from '@etl/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OPEN } from '../src/encoded-table.ts';
import { PlainText } from '../src/plain-text.ts';
import { embeddedFixture, httpFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';
import { randomRow, RANDOM } from './random-rows.ts';

const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 1_000_000);
const WITHOUT_FORM = new Set(['binary', 'array', 'nested']);
const STREAM: StreamSpec = {
  ...RANDOM,
  columns: [
    ...RANDOM.columns.filter(({ type }) => !WITHOUT_FORM.has(type)),
    { name: 'required', type: 'string', nullable: false },
  ],
  versionColumn: 'version',
  deletedColumn: 'gone',
};

const day = fc
  .date({ min: new Date('1900-01-01T00:00:00Z'), max: new Date('2299-12-31T23:59:59.999Z'), noInvalidDate: true })
  .map((date) => date.toISOString());
const edge = (bits: bigint): fc.Arbitrary<bigint> =>
  fc.oneof(
    fc.constantFrom(-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n, 0n),
    fc.bigInt({ min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n }),
  );
/** Every character that text can have but NUL, which PostgreSQL has not either. */
const characters = fc.oneof(
  fc.string({ unit: fc.integer({ min: 1, max: 0x2ff }).map((code) => String.fromCodePoint(code)), maxLength: 30 }),
  fc.constantFrom('', String.raw`\N`, String.raw`\.`, 'NULL', '\uFEFFid', '\r', '"', '1\u0085\u2028'),
);
/** Values of each type in the one form that is plain. */
const PLAIN: readonly (readonly [Omit<StreamSpec['columns'][number], 'name' | 'nullable'>, fc.Arbitrary<unknown>])[] = [
  [{ type: 'boolean' }, fc.boolean()],
  [{ type: 'int16' }, edge(16n)],
  [{ type: 'int32' }, edge(32n)],
  [{ type: 'int64' }, edge(64n)],
  [{ type: 'uint32' }, fc.bigInt({ min: 0n, max: 2n ** 32n - 1n })],
  [{ type: 'uint64' }, fc.oneof(fc.constant(2n ** 64n - 1n), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))],
  [{ type: 'float32' }, fc.float({ noNaN: true, noDefaultInfinity: true })],
  [
    { type: 'float64' },
    fc.oneof(fc.constantFrom(5e-324, -1.7976931348623157e308), fc.double({ noNaN: true, noDefaultInfinity: true })),
  ],
  [
    { type: 'decimal', precision: 18, scale: 6 },
    fc
      .tuple(fc.bigInt({ min: -(10n ** 12n) + 1n, max: 10n ** 12n - 1n }), fc.stringMatching(/^\d{1,6}$/))
      .map(([whole, part]) => `${whole}.${part}`),
  ],
  [{ type: 'decimal', precision: 76, scale: 38 }, fc.constantFrom('-0.5', `${'9'.repeat(38)}.${'9'.repeat(38)}`)],
  [{ type: 'string' }, characters],
  [{ type: 'string', lowCardinality: true }, characters],
  [{ type: 'json' }, fc.json()],
  [{ type: 'uuid' }, fc.uuid()],
  [{ type: 'date' }, day.map((iso) => iso.slice(0, 10))],
  [{ type: 'time' }, fc.constantFrom('00:00:00', '24:00:00', '23:59:59.999999', '12:34:56.1')],
  [
    { type: 'timestamp' },
    fc
      .tuple(day, fc.stringMatching(/^(\.\d{1,6})?$/))
      .map(([iso, part]) => `${iso.slice(0, 10)} ${iso.slice(11, 19)}${part}`),
  ],
];
const PLAIN_STREAM: StreamSpec = {
  ...STREAM,
  name: 'random',
  columns: [
    { name: 'id', type: 'int64', nullable: false },
    ...PLAIN.map(([spec], index) => ({ ...spec, name: `c${index}`, nullable: true })),
    { name: 'required', type: 'string', nullable: false },
  ],
};
const plainRow = fc
  .tuple(fc.tuple(...PLAIN.map(([, values]) => fc.option(values, { freq: 8 }))), characters, fc.nat(9))
  .map(([values, required, dice]): Row => {
    if (dice === 0) return { gone: true };
    return { ...Object.fromEntries(values.map((value, index) => [`c${index}`, value])), required, gone: false };
  });

async function load(
  fixture: ClickHouseFixture,
  batches: readonly (readonly Row[] | TextBatch)[],
  stream = STREAM,
): Promise<void> {
  await using session = await fixture.destination.open('p');
  await using opened = await session.beginLoad();
  await opened.prepare(stream);
  for (const batch of batches) {
    if ('bytes' in batch) await opened.writeText?.(stream.name, batch);
    else await opened.write(stream.name, batch);
  }
  await opened.commit([]);
}

const stored = (fixture: ClickHouseFixture): Promise<readonly unknown[]> =>
  fixture.query(
    `SELECT * EXCEPT (_etl_load_id), _etl_load_id != '' AS has_load FROM ${fixture.options.database}._raw_shop___random_g0 FINAL ORDER BY id`,
  );

describe.each([
  ['an embedded engine', embeddedFixture],
  ['a server', httpFixture],
])('text that %s reads itself', (_end, make) => {
  it(`makes the rows that rows make, other text between it, deleted rows and updates too (seed ${seed})`, async () => {
    const record = fc.record({
      row: randomRow,
      version: fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
      gone: fc.boolean(),
    });
    const rows = fc.sample(record, { numRuns: 600, seed }).map(({ row, version: random, gone }, index): Row => {
      const id = BigInt(index % 450);
      // Of two rows of a key that have the same version either may stay.
      const version = (random & ~1023n) | BigInt(index);
      return gone && index % 5 === 0
        ? { id, version, gone }
        : { ...row, id, required: `é\t\\${index}`, version, gone: false };
    });
    await using ofRows = await make();
    await load(ofRows, [rows]);
    await using ofText = await make({ chunkRows: 70 });
    const pages = [rows.slice(0, 200), rows.slice(200, 201), rows.slice(201)];
    await load(
      ofText,
      pages.map((page) => textBatchOf(STREAM, page)),
    );
    expect(await stored(ofText)).toEqual(await stored(ofRows));
  });

  it(`makes the rows that rows make of batches that say that they are plain, whatever their lane (seed ${seed})`, async () => {
    const rows = fc
      .sample(plainRow, { numRuns: 700, seed })
      .map((row, index): Row => ({ ...row, id: BigInt(index % 500), version: (1n << 112n) + BigInt(index) }));
    await using ofRows = await make();
    await load(ofRows, [rows], PLAIN_STREAM);
    await using ofText = await make({ chunkRows: 90 });
    const batches = Array.from({ length: 7 }, (_, index): TextBatch => {
      const batch = textBatchOf(PLAIN_STREAM, rows.slice(index * 100, index * 100 + 100));
      return { ...batch, isPlain: true, lane: index % 3 };
    });
    // The batches are what they say.
    for (const batch of batches) rowsOfText(PLAIN_STREAM, batch);
    await load(ofText, batches, PLAIN_STREAM);
    expect(await stored(ofText)).toEqual(await stored(ofRows));
  });

  it('makes of a row that is gone what rows make of it, whatever has no NULL', async () => {
    const stream: StreamSpec = {
      ...PLAIN_STREAM,
      columns: [
        { name: 'id', type: 'int64', nullable: false },
        ...PLAIN.map(([spec], index) => ({ ...spec, name: `c${index}`, nullable: false })),
      ],
    };
    const rows: Row[] = [1, 2].map((id) => ({ id, version: BigInt(id), gone: true }));
    await using ofRows = await embeddedFixture();
    await load(ofRows, [rows], stream);
    await using ofText = await make();
    await load(ofText, [{ ...textBatchOf(stream, rows), isPlain: true }], stream);
    const everything = (fixture: ClickHouseFixture): Promise<readonly unknown[]> =>
      fixture.query(
        `SELECT * EXCEPT (_etl_load_id) FROM ${fixture.options.database}._raw_shop___random_g0 ORDER BY id`,
      );
    expect(await everything(ofText)).toEqual(await everything(ofRows));
    expect(await everything(ofText)).toHaveLength(2);
  });

  it('keeps every row until it is counted, also where one insert has a key twice', async () => {
    await using fixture = await make();
    const batch = (ids: readonly number[], version: bigint): TextBatch => {
      const rows = ids.map((id, place) => ({ id, required: `from ${version}, ${place}`, version }));
      const { columns, bytes } = textBatchOf(PLAIN_STREAM, rows);
      return { columns, bytes, rowCount: ids.length, isPlain: true };
    };
    await load(fixture, [batch([1, 2], 1n), batch([3, 3, 1], 2n)], PLAIN_STREAM);
    const rows = await fixture.query<{ readonly id: number }>(
      `SELECT id, required FROM ${fixture.options.database}.shop___random ORDER BY id`,
    );
    expect(rows).toMatchObject([
      { id: 1, required: 'from 2, 2' },
      { id: 2, required: 'from 1, 1' },
      { id: 3, required: expect.stringMatching(/^from 2, [01]$/) },
    ]);
  });

  it('is not believed to be plain where it is not UTF-8, or not whole lines', async () => {
    await using fixture = await make();
    const batch = textBatchOf(STREAM, [{ id: 1, required: 'x', version: 1n }]);
    const broken = Buffer.from(batch.bytes);
    broken[broken.length - 2] = 0xff;
    for (const bytes of [broken, batch.bytes.subarray(0, -1)])
      await expect(load(fixture, [{ ...batch, bytes, isPlain: true }])).rejects.toMatchObject({ kind: 'data' });
  });

  it('takes the version of a batch, and of another batch of the same load', async () => {
    await using fixture = await make();
    const batch = (id: number, version: bigint): TextBatch => {
      const { columns, bytes } = textBatchOf(STREAM, [{ id, required: 'x' }]);
      const fields = Buffer.from(bytes).toString('utf8').split('\t').slice(2);
      return { columns: columns.slice(2), bytes: Buffer.from(fields.join('\t')), rowCount: 1, version };
    };
    await load(fixture, [batch(1, 5n << 64n), batch(2, 2n ** 128n - 1n), batch(3, 5n << 64n)]);
    expect(
      await fixture.query(
        `SELECT id, toString(_etl_version) AS version, _etl_deleted AS deleted FROM ${fixture.options.database}._raw_shop___random_g0 ORDER BY id`,
      ),
    ).toEqual([
      { id: 1, version: String(5n << 64n), deleted: 0 },
      { id: 2, version: String(2n ** 128n - 1n), deleted: 0 },
      { id: 3, version: String(5n << 64n), deleted: 0 },
    ]);
  });

  it('is refused when it does not have as many lines as it says', async () => {
    await using fixture = await make();
    const batch = textBatchOf(STREAM, [{ id: 1, required: 'x', version: 1n }]);
    for (const rowCount of [0, 2])
      await expect(load(fixture, [{ ...batch, rowCount }])).rejects.toMatchObject({ code: 'TEXT_BATCH_INVALID' });
    await expect(load(fixture, [{ ...batch, bytes: batch.bytes.subarray(0, -1) }])).rejects.toMatchObject({
      code: 'TEXT_BATCH_INVALID',
    });
  });
});

describe('text that an embedded engine reads from files', () => {
  it('takes as few inserts as it can, also where every other line at the end of a lane is not plain', async () => {
    await using fixture = await embeddedFixture({ mergeBytes: 0 });
    const rows = Array.from({ length: 40 }, (_, id) => ({
      id,
      c7: id % 2 === 0 ? 0.5 : Number.NaN,
      required: 'x',
      version: 1n,
    }));
    await load(fixture, [{ ...textBatchOf(PLAIN_STREAM, rows), isLaneEnd: true }], PLAIN_STREAM);
    const [found] = await fixture.query<{ readonly parts: number; readonly total: number }>(
      `SELECT toInt32(count()) AS parts, toInt32(sum(rows)) AS total FROM system.parts WHERE active AND database = '${fixture.options.database}' AND table = '_raw_shop___random_g0'`,
    );
    expect(found).toEqual({ parts: 2, total: 40 });
  });

  it('ends a load when one of several inserts fails, leaves no rows in files, and is loaded by the next', async () => {
    await using fixture = await embeddedFixture({ mergeBytes: 0, chunkRows: 1 });
    const batches = (wrong: number): TextBatch[] =>
      Array.from({ length: 7 }, (_, id) => {
        const { columns, bytes } = textBatchOf(PLAIN_STREAM, [{ id, required: 'x', version: 1n }]);
        const text = Buffer.from(bytes).toString('utf8');
        return {
          columns,
          bytes: Buffer.from(id === wrong ? `not a number\t${text}` : text),
          rowCount: 1,
          isPlain: true,
        };
      });
    for (const wrong of [0, 3, 6])
      await expect(load(fixture, batches(wrong), PLAIN_STREAM)).rejects.toMatchObject({ name: 'EtlError' });
    const left = (): readonly string[] =>
      readdirSync(fixture.options.path ?? '').filter((name) => name.startsWith('etl-insert-'));
    // A few are kept to be written anew, as long as the connection is open.
    expect(left().length).toBeLessThanOrEqual(4);
    await load(fixture, batches(-1), PLAIN_STREAM);
    const [found] = await fixture.query<{ readonly total: number }>(
      `SELECT toInt32(count()) AS total FROM ${fixture.options.database}.shop___random`,
    );
    expect(found).toEqual({ total: 7 });
    await fixture.destination[Symbol.asyncDispose]();
    expect(left()).toEqual([]);
  });

  it('is known for lines that bring their version along', () => {
    const versions = PlainText.of(STREAM, OPEN, ['version', 'gone', ...STREAM.columns.map(({ name }) => name)]);
    expect(versions?.hasVersions).toBe(true);
    const none = PlainText.of(
      STREAM,
      OPEN,
      STREAM.columns.map(({ name }) => name),
    );
    expect(none?.hasVersions).toBe(false);
  });
});
