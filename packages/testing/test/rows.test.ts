import type { ColumnSpec, StreamSpec } from '@etl/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalRow, canonicalValue, rowsFor, rowsOfText, suiteSeed, textBatchOf } from '../src/index.ts';
import { valueProblem } from '../src/source/value-problem.ts';

const SCALARS: readonly Omit<ColumnSpec, 'name' | 'nullable'>[] = [
  { type: 'boolean' },
  { type: 'int16' },
  { type: 'int32' },
  { type: 'int64' },
  { type: 'uint32' },
  { type: 'uint64' },
  { type: 'float32' },
  { type: 'float64' },
  { type: 'decimal', precision: 18, scale: 6 },
  { type: 'decimal', precision: 76, scale: 0 },
  { type: 'decimal', precision: 4, scale: 4 },
  { type: 'string' },
  { type: 'string', lowCardinality: true },
  { type: 'uuid' },
  { type: 'date' },
  { type: 'time' },
  { type: 'timestamp' },
  { type: 'json' },
  { type: 'binary' },
  { type: 'array', items: { type: 'string', nullable: true } },
  { type: 'array', items: { type: 'int64', nullable: false } },
  { type: 'array', items: { type: 'binary', nullable: true } },
];
const STREAM: StreamSpec = {
  name: 'every_type',
  columns: [
    { name: 'account', type: 'int32', nullable: false },
    { name: 'id', type: 'int64', nullable: false },
    ...SCALARS.map((column, index) => ({ ...column, name: `c${index}`, nullable: column.type !== 'array' })),
  ],
  primaryKey: ['account', 'id'],
  writeDisposition: 'merge',
};
const NESTED: ColumnSpec = {
  name: 'actions',
  type: 'nested',
  nullable: false,
  fields: [
    { name: 'kind', type: 'string', nullable: false },
    { name: 'value', type: 'decimal', precision: 18, scale: 6, nullable: true },
  ],
};
const seed = suiteSeed();

it(`rows fit their columns, and no two have one key (ETL_SEED=${seed})`, () => {
  const stream = { ...STREAM, columns: [...STREAM.columns, NESTED] };
  fc.assert(
    fc.property(rowsFor(stream, { fixed: { account: 7 } }), (rows) => {
      const keys = new Set(rows.map((row) => String(canonicalValue({ type: 'int64', nullable: false }, row['id']))));
      expect(keys.size).toBe(rows.length);
      for (const row of rows) {
        expect(row['account']).toBe(7);
        for (const column of stream.columns)
          expect(`${column.type} ${valueProblem(column, row[column.name])}`).toBe(`${column.type} undefined`);
      }
    }),
    { seed, numRuns: 50 },
  );
});

it(`text says the same as rows, and one form is the form of itself (ETL_SEED=${seed})`, () => {
  fc.assert(
    fc.property(rowsFor(STREAM, { maxLength: 10 }), (rows) => {
      const written = rows.map((row) => canonicalRow(STREAM, row));
      expect(rowsOfText(STREAM, textBatchOf(STREAM, rows)).map((row) => canonicalRow(STREAM, row))).toEqual(written);
      for (const row of rows) {
        for (const column of STREAM.columns) {
          if (column.type === 'binary' || column.type === 'json' || column.type === 'array') continue;
          const once = canonicalValue(column, row[column.name]);
          expect(canonicalValue(column, once)).toEqual(once);
        }
      }
    }),
    { seed, numRuns: 100 },
  );
});
