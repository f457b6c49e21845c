import type { Row, StreamSpec, ValueSpec } from '@etl/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowEncoder } from '../src/row-encoder.ts';
import { WireBuffer } from '../src/wire-buffer.ts';
import { randomRow, RANDOM } from './random-rows.ts';

const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 1_000_000);
const LOAD = { number: 7n, loadId: '20261101-0000-7' };

/** How a value is written, said as simply as possible; the values below are all valid. */
function reference(spec: ValueSpec, given: unknown): string {
  const value = given as string | number | bigint | boolean | null | undefined | Date | Uint8Array | unknown[];
  if (spec.type === 'array')
    return `[${((value ?? []) as unknown[]).map((item) => reference(spec.items as ValueSpec, item)).join(',')}]`;
  if (value === null || value === undefined) return 'null';
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString('base64')}"`;
  if (value instanceof Date) return `"${value.toISOString().replace('T', ' ').slice(0, -1)}"`;
  switch (spec.type) {
    case 'timestamp':
      return `"${String(value)
        .replace('T', ' ')
        .replace(/(?:Z|[+-]00(?::?00)?)$/, '')}"`;
    case 'float64':
      if (Number.isNaN(Number(value))) return '"nan"';
      if (Number(value) === Infinity) return '"inf"';
      if (Number(value) === -Infinity) return '"-inf"';
      return Object.is(value, -0) ? '-0' : String(value);
    case 'boolean':
      return String(value);
    case 'decimal':
    case 'date':
    case 'time':
    case 'uuid':
      return `"${String(value)}"`;
    case 'string':
    case 'json':
      return JSON.stringify(value);
    default:
      return String(BigInt(value as string));
  }
}

function referenceLine(stream: StreamSpec, row: Row, ordinal: number): string {
  const values = stream.columns.flatMap((column) =>
    column.type === 'nested'
      ? (column.fields ?? []).map(
          (field) =>
            `[${((row[column.name] ?? []) as Row[]).map((item) => reference(field, item[field.name])).join(',')}]`,
        )
      : [reference(column, row[column.name])],
  );
  const version = (LOAD.number << 64n) | BigInt(ordinal);
  return `[${values.join(',')},"${version}",0,"${LOAD.loadId}"]\n`;
}

it(`writes the same bytes as the simplest encoder (seed ${seed})`, () => {
  const encoder = new RowEncoder(RANDOM, LOAD);
  const out = new WireBuffer();
  let ordinal = 0;
  fc.assert(
    fc.property(fc.array(randomRow, { minLength: 1, maxLength: 5 }), (batch) => {
      let expected = '';
      for (const row of batch) {
        expected += referenceLine(RANDOM, row, ordinal);
        encoder.encode(row, ordinal, out);
        ordinal += 1;
      }
      expect(out.take().toString('utf8')).toBe(expected);
    }),
    { seed, numRuns: 500 },
  );
});

/** What no text of these types may look like; ClickHouse takes most of it for something else. */
const BROKEN: readonly (readonly [ValueSpec['type'], RegExp])[] = [
  ['int64', /^-?\d+$/],
  ['uint32', /^(\d+|-0+)$/],
  ['float64', /^(-?\d+(\.\d+)?([eE][+-]?\d+)?|NaN|-?Infinity)$/],
  ['decimal', /^-?\d+(\.\d*)?$/],
  ['date', /^\d{4}-\d{2}-\d{2}$/],
  ['time', /^\d{2}:\d{2}:\d{2}(\.\d{1,6})?$/],
  ['timestamp', /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}(:?\d{2})?)?$/],
  ['uuid', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i],
];

it.each(BROKEN)(`lets no text into a %s that has another shape (seed ${seed})`, (type, shape) => {
  const stream: StreamSpec = { ...RANDOM, columns: [{ name: 'c', type, nullable: false }], primaryKey: ['c'] };
  const encoder = new RowEncoder(stream, LOAD);
  const out = new WireBuffer();
  const valid = fc.constantFrom('2026-11-01T10:20:30.5+01:00', '12:34:56.789', '-12.5e7', '2026-11-01', '00123', '5');
  const broken = fc.oneof(
    fc.string({ unit: fc.constantFrom(...Array.from('0123456789-+.:TZeE ')), maxLength: 30 }),
    fc.string(),
    fc
      .tuple(
        valid,
        fc.nat(30),
        fc.string({ unit: fc.constantFrom('0', '9', '-', '.', ' ', '\u0131', '\0'), maxLength: 2 }),
      )
      .map(([base, at, put]) => base.slice(0, at) + put + base.slice(at + 1)),
  );
  fc.assert(
    fc.property(broken, (value) => {
      let isTaken = true;
      try {
        encoder.encode({ c: value }, 0, out);
      } catch {
        isTaken = false;
      }
      expect(out.take().length > 0, value).toBe(isTaken);
      if (isTaken) expect(value).toMatch(shape);
    }),
    { seed, numRuns: 3000 },
  );
});

describe('a row that cannot be written', () => {
  const out = new WireBuffer();
  const stream: StreamSpec = {
    name: 'orders',
    columns: [
      { name: 'id', type: 'int64', nullable: false },
      { name: 'note', type: 'string', nullable: true },
      { name: 'amount', type: 'decimal', precision: 4, scale: 2, nullable: true },
      { name: 'days', type: 'array', nullable: false, items: { type: 'date', nullable: false } },
    ],
    primaryKey: ['id'],
    writeDisposition: 'append',
  };
  const good: Row = { id: 1, note: 'a long enough note, with "quotes"', amount: '1.5', days: ['2026-11-01'] };
  const bad: Row = { ...good, amount: '123', days: ['2026-11-01', '2026-02-30'] };
  const lines = (): readonly unknown[] =>
    out
      .take()
      .toString('utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as unknown);

  it('leaves nothing of itself behind when it fails the load', () => {
    const encoder = new RowEncoder(stream, LOAD);
    encoder.encode(good, 0, out);
    expect(() => encoder.encode(bad, 1, out)).toThrow(
      expect.objectContaining({ code: 'ROW_VALUE_INVALID', context: { stream: 'orders', column: 'amount', row: 2 } }),
    );
    encoder.encode(good, 2, out);
    expect(lines()).toHaveLength(2);
  });

  it('leaves nothing of itself behind when it is rejected', () => {
    const encoder = new RowEncoder({ ...stream, schemaContract: { dataType: 'discard-row' } }, LOAD);
    encoder.encode(good, 0, out);
    expect(encoder.encode(bad, 1, out)).toMatchObject({ reason: expect.stringContaining('amount') as string });
    encoder.encode(good, 2, out);
    expect(lines()).toHaveLength(2);
  });

  it('keeps its other values when the wrong ones are discarded', () => {
    const encoder = new RowEncoder({ ...stream, schemaContract: { dataType: 'discard-value' } }, LOAD);
    encoder.encode(bad, 0, out);
    const rowId = String(LOAD.number << 64n);
    expect(lines()).toEqual([[1, bad['note'], null, [], rowId, 0, LOAD.loadId, rowId]]);
  });
});

it('never writes again to bytes that were handed over', () => {
  const out = new WireBuffer();
  out.writeAscii('first');
  const first = out.take();
  out.writeAscii('other text, and more of it than before');
  expect(first.toString('utf8')).toBe('first');
  expect(out.take().buffer).not.toBe(first.buffer);
});
