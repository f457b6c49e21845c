import type { BinaryBatch, ColumnSpec, Row, StreamSpec } from '@etl/core';
import { binaryBatchOf, rowsOfBinary as rowsByDescription, textBatchOf } from '@etl/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowsOfBinary } from '../src/binary-rows.ts';
import { clickhouse } from '../src/index.ts';
import { anyCharacter } from './any-character.ts';
import { embeddedFixture, httpFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';
import { startStatementFront } from './statement-front.ts';

const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 1_000_000);
type Typed = Omit<ColumnSpec, 'name' | 'nullable'>;

const integer = (bits: bigint, isSigned: boolean): fc.Arbitrary<bigint> => {
  const [min, max] = isSigned ? [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n] : [0n, 2n ** bits - 1n];
  return fc.oneof(fc.constantFrom(min, max, 0n), fc.bigInt({ min, max }));
};
const decimal = (precision: number, scale: number): fc.Arbitrary<string> =>
  fc.bigInt({ min: -(10n ** BigInt(precision)) + 1n, max: 10n ** BigInt(precision) - 1n }).map((whole) => {
    const digits = String(whole < 0n ? -whole : whole).padStart(scale + 1, '0');
    const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
    return whole < 0n ? `-${text}` : text;
  });
const text = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 40 }),
  fc.constantFrom('', '\\N', '\t\n\r', '\uFEFFx', 'x'.repeat(127), 'é'.repeat(64), 'y'.repeat(16_384)),
);
const moment = fc
  .tuple(
    fc.date({ min: new Date('1900-01-01T00:00:00Z'), max: new Date('2299-12-31T23:59:59Z'), noInvalidDate: true }),
    fc.stringMatching(/^(\.\d{0,5}[1-9])?$/),
  )
  .map(([date, part]) => `${date.toISOString().slice(0, 19)}${part}Z`);
const day = moment.map((iso) => iso.slice(0, 10));
const bytes = fc.uint8Array({ maxLength: 200 });

const VALUES: readonly (readonly [Typed, fc.Arbitrary<unknown>])[] = [
  [{ type: 'boolean' }, fc.boolean()],
  [{ type: 'int16' }, integer(16n, true)],
  [{ type: 'int32' }, integer(32n, true)],
  [{ type: 'int64' }, integer(64n, true)],
  [{ type: 'uint32' }, integer(32n, false)],
  [{ type: 'uint64' }, integer(64n, false)],
  [{ type: 'float32' }, fc.float()],
  [{ type: 'float64' }, fc.double()],
  [{ type: 'decimal', precision: 9, scale: 2 }, decimal(9, 2)],
  [{ type: 'decimal', precision: 18, scale: 6 }, decimal(18, 6)],
  [{ type: 'decimal', precision: 38, scale: 0 }, decimal(38, 0)],
  [{ type: 'decimal', precision: 76, scale: 38 }, decimal(76, 38)],
  [{ type: 'string' }, text],
  [{ type: 'string', lowCardinality: true }, fc.constantFrom('new', 'paid', '')],
  [{ type: 'json' }, fc.json()],
  [{ type: 'uuid' }, fc.uuid()],
  [{ type: 'date' }, day],
  [{ type: 'time' }, fc.constantFrom('00:00:00', '24:00:00', '12:34:56.1')],
  [{ type: 'timestamp' }, moment],
  [{ type: 'binary' }, bytes],
  [{ type: 'array', items: { type: 'int64', nullable: true } }, fc.array(fc.option(integer(64n, true)))],
  [{ type: 'array', items: { type: 'string', nullable: true } }, fc.array(fc.option(text))],
  [{ type: 'array', items: { type: 'binary', nullable: true } }, fc.array(fc.option(bytes))],
  [{ type: 'array', items: { type: 'date', nullable: false } }, fc.array(day, { maxLength: 300 })],
];
const STREAM: StreamSpec = {
  name: 'random',
  columns: [
    { name: 'id', type: 'int64', nullable: false },
    ...VALUES.map(([spec], index) => ({ ...spec, name: `c${index}`, nullable: true })),
    { name: 'required', type: 'string', nullable: false },
  ],
  primaryKey: ['id'],
  writeDisposition: 'merge',
  versionColumn: 'version',
};
const VERSION = (7n << 64n) + 1n;
const row = fc
  .tuple(fc.tuple(...VALUES.map(([, values]) => fc.option(values, { freq: 8 }))), text)
  .map(([values, required]): Row => ({
    ...Object.fromEntries(values.map((value, index) => [`c${index}`, value])),
    required,
    version: VERSION,
  }));
const sample = (count: number): readonly Row[] =>
  fc.sample(row, { numRuns: count, seed }).map((values, index) => ({ ...values, id: BigInt(index) }));

async function load(
  fixture: ClickHouseFixture,
  stream: StreamSpec,
  batches: readonly (readonly Row[] | BinaryBatch)[],
): Promise<void> {
  await using session = await fixture.destination.open('p');
  await using opened = await session.beginLoad();
  await opened.prepare(stream);
  for (const batch of batches) {
    if ('bytes' in batch) await opened.writeBinary?.(stream.name, batch);
    else await opened.write(stream.name, batch);
  }
  await opened.commit([]);
}

const stored = (fixture: ClickHouseFixture, stream = STREAM): Promise<readonly unknown[]> =>
  fixture.query(
    `SELECT * EXCEPT (_etl_load_id), _etl_load_id != '' AS has_load FROM ${fixture.options.database}._raw_shop___${stream.name}_g0 FINAL ORDER BY id`,
  );

it('reads every value back from its bytes, as its description says', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 4 }), (values) => {
      const rows = values.map((each, index): Row => ({ ...each, id: BigInt(index) }));
      const batch = { ...binaryBatchOf(STREAM, rows), version: VERSION };
      const plain = (found: readonly Row[]): unknown =>
        found.map((each) =>
          STREAM.columns.map(({ name, type }) =>
            comparable(type === 'float32' && each[name] !== null ? Math.fround(Number(each[name])) : each[name]),
          ),
        );
      expect(plain(rowsOfBinary(STREAM, batch))).toEqual(plain(rowsByDescription(STREAM, batch)));
    }),
  );
});

/** Numbers, moments and bytes in one form. */
function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  return typeof value === 'string' ? value.replace(/^(\d{4}-\d\d-\d\dT\S{8})\.?(\d*?)0*Z$/, '$1.$2Z') : value;
}

describe.each([
  ['an embedded engine', embeddedFixture],
  ['a server', httpFixture],
])('bytes that %s reads itself', (_end, make) => {
  it(`make the rows that rows make, also where rows and text come between them (seed ${seed})`, async () => {
    const rows = sample(400);
    await using ofRows = await make();
    await load(ofRows, STREAM, [rows]);
    await using ofBytes = await make({ chunkRows: 90 });
    await using session = await ofBytes.destination.open('p');
    await using opened = await session.beginLoad();
    await opened.prepare(STREAM);
    for (let from = 0; from < 400; from += 50) {
      const page = rows.slice(from, from + 50);
      if (from === 100) await opened.write('random', page);
      else if (from === 200) await opened.writeText?.('random', textBatchOf(STREAM, page));
      else await opened.writeBinary?.('random', { ...binaryBatchOf(STREAM, page), lane: (from / 50) % 3 });
    }
    await opened.commit([]);
    expect(await stored(ofBytes)).toEqual(await stored(ofRows));
  });

  it.each([
    ['text of floats', { type: 'string' }, { type: 'float32' }, ['a', 0.1]],
    ['a narrower column', { type: 'int16' }, { type: 'int32' }, [5, -5]],
    ['a wider column', { type: 'int64' }, { type: 'int32' }, [5, -5]],
    ['a column of another type', { type: 'string' }, { type: 'timestamp' }, ['a', '2024-01-01T00:00:00Z']],
    [
      'a column of fewer digits',
      { type: 'decimal', precision: 9, scale: 2 },
      { type: 'decimal', precision: 12, scale: 4 },
      ['1.50', '7.1234'],
    ],
  ] as const)('make the rows that rows make of a table with %s', async (_, before, after, [first, second]) => {
    const stream = (spec: Typed): StreamSpec => ({
      ...STREAM,
      columns: [
        { name: 'id', type: 'int64', nullable: false },
        { ...spec, name: 'value', nullable: true },
      ],
    });
    const made: (readonly unknown[])[] = [];
    for (const form of ['rows', 'bytes']) {
      await using fixture = await make();
      await load(fixture, stream(before), [[{ id: 1, value: first, version: 1n }]]);
      const rows = [
        { id: 2, value: second, version: 2n },
        { id: 3, value: null, version: 2n },
      ];
      await load(fixture, stream(after), [form === 'rows' ? rows : binaryBatchOf(stream(after), rows)]);
      made.push(await stored(fixture));
    }
    expect(made[1]).toEqual(made[0]);
    expect(made[1]).toHaveLength(3);
  });

  it('leave out what the schema contract keeps out of the table', async () => {
    await using fixture = await make();
    const columns: readonly ColumnSpec[] = [
      { name: 'id', type: 'int64', nullable: false },
      { name: 'kept', type: 'string', nullable: true },
      { name: 'more', type: 'string', nullable: true },
    ];
    const stream: StreamSpec = { ...STREAM, schemaContract: { columns: 'discard-value' } };
    await load(fixture, { ...stream, columns: columns.slice(0, 2) }, [[{ id: 1, kept: 'a', version: 1n }]]);
    const wider = { ...stream, columns };
    await load(fixture, wider, [binaryBatchOf(wider, [{ id: 2, kept: 'b', more: 'c', version: 2n }])]);
    const rows = await fixture.query(
      `SELECT * EXCEPT (_etl_load_id) FROM ${fixture.options.database}.shop___random ORDER BY id`,
    );
    expect(rows).toEqual([
      { id: expect.anything(), kept: 'a' },
      { id: expect.anything(), kept: 'b' },
    ]);
  });

  it('have NULL in a column that the source does not have any more', async () => {
    await using fixture = await make();
    await load(fixture, STREAM, [sample(1)]);
    const narrower = { ...STREAM, columns: STREAM.columns.filter(({ name }) => name === 'id' || name === 'required') };
    await load(fixture, narrower, [binaryBatchOf(narrower, [{ id: 5, required: 'x', version: VERSION + 1n }])]);
    const [found] = await fixture.query(
      `SELECT c0, c12, required FROM ${fixture.options.database}.shop___random WHERE id = 5`,
    );
    expect(found).toEqual({ c0: null, c12: null, required: 'x' });
  });
});

/** The formats of inserts into staging, in their order. */
const formatsOf = (queries: readonly string[]): readonly string[] =>
  queries.flatMap((query) => /INSERT INTO \S*_staging_.* FORMAT (\w+)\s*$/.exec(query)?.[1] ?? []);

describe('bytes', () => {
  it('go to the engine as they are where the table is as the stream declares it, and else as rows', async () => {
    await using fixture = await httpFixture();
    const formats = (): readonly string[] => formatsOf(fixture.queries);
    const [rows, more] = [sample(6).slice(0, 3), sample(6).slice(3)];
    await load(fixture, STREAM, [binaryBatchOf(STREAM, rows), binaryBatchOf(STREAM, more)]);
    expect(formats()).toEqual(['RowBinary']);
    const narrowed = {
      ...STREAM,
      columns: STREAM.columns.map((column) => (column.name === 'c3' ? { ...column, type: 'int32' as const } : column)),
    };
    await load(fixture, narrowed, [
      binaryBatchOf(
        narrowed,
        rows.map((each) => ({ ...each, c3: 5 })),
      ),
    ]);
    expect(formats()).toEqual(['RowBinary', 'JSONCompactEachRow']);
  });

  it('go to a server as they are that reads text in another way, and the text behind them does not', async () => {
    await using fixture = await httpFixture();
    await using front = await startStatementFront(fixture.options.url ?? '', {
      rewrite: (query) => (query.includes('format(TabSeparated') ? "SELECT '1' AS others FORMAT JSONEachRow" : query),
    });
    await using destination = clickhouse({ ...fixture.options, url: front.url });
    const stream: StreamSpec = {
      ...STREAM,
      columns: [
        { name: 'id', type: 'int64', nullable: false },
        { name: 'note', type: 'string', nullable: true },
      ],
    };
    const rows = [1, 2, 3].map((id): Row => ({ id, note: `${id}`, version: VERSION }));
    {
      await using session = await destination.open('p');
      await using opened = await session.beginLoad();
      await opened.prepare(stream);
      await opened.writeBinary?.('random', binaryBatchOf(stream, rows.slice(0, 2)));
      await opened.writeText?.('random', textBatchOf(stream, rows.slice(2)));
      await opened.commit([]);
    }
    expect(formatsOf(fixture.queries).toSorted()).toEqual(['JSONCompactEachRow', 'RowBinary']);
    expect(await fixture.query(`SELECT note FROM ${fixture.options.database}.shop___random ORDER BY id`)).toEqual(
      rows.map(({ note }) => ({ note })),
    );
  });

  it('that are looked at and are not rows fail the load', async () => {
    await using fixture = await embeddedFixture();
    const wide = {
      ...STREAM,
      columns: STREAM.columns.map((column) => (column.name === 'c2' ? { ...column, type: 'int64' as const } : column)),
    };
    await load(fixture, wide, [[{ id: 1, required: 'x', version: 1n }]]);
    const batch = binaryBatchOf(STREAM, sample(2));
    for (const wrong of [{ bytes: batch.bytes.subarray(0, -1) }, { rowCount: 3 }]) {
      await expect(load(fixture, STREAM, [{ ...batch, ...wrong }])).rejects.toMatchObject({
        code: 'BINARY_BATCH_INVALID',
        kind: 'data',
      });
    }
    const one = binaryBatchOf(STREAM, [{ id: 7, required: 'xyz', version: 1n }]);
    const bad = Buffer.from(one.bytes);
    bad[bad.length - 1] = 0xff;
    await expect(load(fixture, STREAM, [{ ...one, bytes: bad }])).rejects.toMatchObject({
      code: 'BINARY_BATCH_INVALID',
    });
    await expect(load(fixture, STREAM, [{ ...batch, version: -1n }])).rejects.toMatchObject({
      code: 'ROW_VALUE_INVALID',
    });
    expect(await fixture.query(`SELECT id FROM ${fixture.options.database}.shop___random`)).toHaveLength(1);
  });
});
