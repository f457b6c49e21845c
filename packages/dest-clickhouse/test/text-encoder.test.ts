import type { ColumnSpec, Row, StreamSpec, ValueSpec } from '@etl/core';
import { textBatchOf } from '@etl/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OPEN, type EncodedTable } from '../src/encoded-table.ts';
import { RowEncoder } from '../src/row-encoder.ts';
import type { Reject } from '../src/schema-contract.ts';
import { TextEncoder } from '../src/text-encoder.ts';
import { WireBuffer } from '../src/wire-buffer.ts';
import { randomRow, RANDOM } from './random-rows.ts';

const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 1_000_000);
const LOAD = { number: 7n, loadId: '20261101-0000-7' };
const STREAM: StreamSpec = { ...RANDOM, columns: RANDOM.columns.filter(({ type }) => type !== 'nested') };

interface Written {
  readonly lines: string;
  readonly rejects: readonly Reject[];
}

function write(stream: StreamSpec, text: string | Uint8Array, table: EncodedTable = OPEN): Written {
  const columns = stream.columns.map(({ name }) => name);
  const bytes = Buffer.from(text);
  const batch = { columns, bytes, rowCount: bytes.filter((byte) => byte === 0x0a).length };
  const encoder = new TextEncoder(stream, LOAD, table, columns);
  const out = new WireBuffer();
  const rejects: Reject[] = [];
  encoder.begin(batch);
  for (let row = 0; ; row += 1) {
    const length = out.length;
    try {
      const reject = encoder.encodeNext(batch, row, row, out);
      if (reject === false) return { lines: out.take().toString('utf8'), rejects };
      if (reject !== undefined) rejects.push(reject);
    } catch (error) {
      expect(out.length).toBe(length);
      throw error;
    }
  }
}

it(`makes of text the bytes that it makes of rows (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.array(randomRow, { minLength: 1, maxLength: 5 }), (given) => {
      const rows = given.map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([name, value]) => [name, value instanceof Date ? value.toISOString() : value]),
        ),
      );
      const encoder = new RowEncoder(STREAM, LOAD);
      const out = new WireBuffer();
      for (const [ordinal, row] of rows.entries()) encoder.encode(row, ordinal, out);
      const batch = textBatchOf(STREAM, rows);
      expect(write(STREAM, batch.bytes).lines).toBe(out.take().toString('utf8'));
    }),
    { seed, numRuns: 500 },
  );
});

const REFUSED: readonly (readonly [string, Partial<ValueSpec> & Pick<ValueSpec, 'type'>, string | Uint8Array])[] = [
  ['2^63 in an int64', { type: 'int64' }, '9223372036854775808'],
  ['40000 in an int16', { type: 'int16' }, '40000'],
  ['an empty int64', { type: 'int64' }, ''],
  ['a NULL where none may be', { type: 'int64' }, String.raw`\N`],
  ['an escape in an int64', { type: 'int64' }, String.raw`1\t`],
  ['one fraction digit too many', { type: 'decimal', precision: 18, scale: 6 }, '1.1234567'],
  ['NaN in a decimal', { type: 'decimal', precision: 18, scale: 6 }, 'NaN'],
  ['text beyond a float64', { type: 'float64' }, '1e400'],
  ['a day before 1900', { type: 'date' }, '1899-12-31'],
  ['a day after 2299', { type: 'date' }, '2300-01-01'],
  ['the 30th of February', { type: 'date' }, '2026-02-30'],
  ['an infinite day', { type: 'date' }, 'infinity'],
  ['a day before Christ', { type: 'date' }, '0044-03-15 BC'],
  ['nanoseconds', { type: 'timestamp' }, '2026-01-01 00:00:00.123456789'],
  ['a timestamp in 1800', { type: 'timestamp' }, '1800-01-01 00:00:00'],
  ['true spelt out', { type: 'boolean' }, 'true'],
  ['a one as a boolean', { type: 'boolean' }, '1'],
  ['half a character', { type: 'string' }, new Uint8Array([0x61, 0xc3])],
  ['a surrogate in UTF-8', { type: 'string' }, new Uint8Array([0xed, 0xa0, 0x80])],
  ['half a character in an array', { type: 'array' }, new Uint8Array([0x7b, 0xc3, 0x7d])],
  ['an escape by code', { type: 'string' }, String.raw`\x41`],
  ['an escape of nothing', { type: 'string' }, 'a\\'],
  ['bytes without their mark', { type: 'binary' }, '6162'],
  ['half a byte', { type: 'binary' }, String.raw`\\x616`],
  ['bytes that are no digits', { type: 'binary' }, String.raw`\\x6z`],
  ['an array that is not closed', { type: 'array' }, '{a,b'],
  ['an array of two dimensions', { type: 'array' }, '{{a},{b}}'],
  ['an array with a lower bound', { type: 'array' }, '[0:1]={a,b}'],
  ['an array with an empty item', { type: 'array' }, '{a,,b}'],
  ['an array with something behind it', { type: 'array' }, '{a}b'],
  ['an array as JSON', { type: 'array' }, '["a"]'],
  ['a wrong UUID', { type: 'uuid' }, '8d8ac610566d4ef09c22186b2a5ed793'],
];

describe('text that is not as it was promised', () => {
  it.each(REFUSED)('is refused with its row and column, never its value: %s', (_, spec, field) => {
    const column: ColumnSpec = { name: 'c', nullable: false, ...spec };
    const stream: StreamSpec = {
      ...STREAM,
      columns: [{ name: 'id', type: 'int64', nullable: false }, column],
      primaryKey: ['id'],
    };
    const text = Buffer.concat([Buffer.from('1\t'), Buffer.from(field), Buffer.from('\n')]);
    expect(() => write(stream, text)).toThrow(
      expect.objectContaining({
        code: 'ROW_VALUE_INVALID',
        kind: 'data',
        context: { stream: 'random', column: 'c', row: 1 },
      }),
    );
  });
});

describe('the schema contract', () => {
  const stream: StreamSpec = {
    name: 'orders',
    columns: [
      { name: 'id', type: 'int64', nullable: false },
      { name: 'amount', type: 'int64', nullable: true },
      { name: 'note', type: 'string', nullable: true },
    ],
    primaryKey: ['id'],
    writeDisposition: 'merge',
  };
  const text = '1\t1\ta\n2\tmany\t\\N\n3\t\\N\t\\\\x\\t\n';
  const values = ({ lines }: Written): readonly unknown[] =>
    lines
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as unknown[]).slice(0, -3));

  it('keeps rows out of which a value does not fit', () => {
    const written = write({ ...stream, schemaContract: { dataType: 'discard-row' } }, text);
    expect(values(written)).toEqual([
      [1, 1, 'a'],
      [3, null, '\\x\t'],
    ]);
    expect(written.rejects).toEqual([
      { reason: 'text that is not an integer in column amount', row: '{"id":"2","amount":"many","note":null}' },
    ]);
  });

  it('puts NULL in the place of a value that does not fit', () => {
    const written = write({ ...stream, schemaContract: { dataType: 'discard-value' } }, text);
    expect(values(written)).toEqual([
      [1, 1, 'a'],
      [2, null, null],
      [3, null, '\\x\t'],
    ]);
  });

  it('leaves out values and rows of columns that the table does not have', () => {
    const fine = text.replace('many', '2');
    const out = (mode: 'discard-row' | 'discard-value'): Written =>
      write(stream, fine, {
        targets: new Map([['amount', 'amount__v_text']]),
        absent: new Map(),
        discarded: new Map([['note', mode]]),
      });
    expect(values(out('discard-value'))).toEqual([
      [1, 1],
      [2, 2],
      [3, null],
    ]);
    expect(values(out('discard-row'))).toEqual([[2, 2]]);
    expect(out('discard-row').rejects).toHaveLength(2);
  });
});

it('marks a row as deleted whatever stands in its other fields', () => {
  const stream: StreamSpec = {
    ...STREAM,
    columns: [
      { name: 'id', type: 'int64', nullable: false },
      { name: 'day', type: 'date', nullable: false },
    ],
    primaryKey: ['id'],
    versionColumn: 'v',
    deletedColumn: 'd',
  };
  const out = new WireBuffer();
  const rows: readonly Row[] = [{ id: '5', v: 9n, d: true }];
  const batch = textBatchOf(stream, rows);
  const encoder = new TextEncoder(stream, LOAD, OPEN, batch.columns);
  encoder.begin(batch);
  expect(encoder.encodeNext(batch, 0, 0, out)).toBeUndefined();
  expect(JSON.parse(out.take().toString('utf8'))).toEqual([5, '1970-01-01', '9', 1, LOAD.loadId]);
});

it.each(['-1', '', '1e3', '340282366920938463463374607431768211456', String.raw`\N`])(
  'refuses the version %j',
  (version) => {
    const stream: StreamSpec = { ...STREAM, columns: STREAM.columns.slice(0, 1), versionColumn: 'v' };
    const batch = { columns: ['id', 'v'], bytes: Buffer.from(`1\t${version}\n`), rowCount: 1 };
    const encoder = new TextEncoder(stream, LOAD, OPEN, batch.columns);
    encoder.begin(batch);
    expect(() => encoder.encodeNext(batch, 0, 0, new WireBuffer())).toThrow(
      expect.objectContaining({ code: 'ROW_VALUE_INVALID' }),
    );
  },
);

it.each([
  ['a column twice', ['id', 'id']],
  ['a column that the stream does not have', ['id', 'x']],
])('refuses text with %s', (_, columns) => {
  expect(() => new TextEncoder(STREAM, LOAD, OPEN, columns)).toThrow(
    expect.objectContaining({ code: 'TEXT_BATCH_INVALID', kind: 'data' }),
  );
});

it('refuses text of a stream with nested columns', () => {
  expect(() => new TextEncoder(RANDOM, LOAD, OPEN, ['id'])).toThrow(
    expect.objectContaining({ code: 'TEXT_BATCH_INVALID' }),
  );
});
