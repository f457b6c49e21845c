import process from 'node:process';
import { parseLossless } from '@etl/core/http';
import { describe, expect, it } from 'vitest';
import { DatasetColumns, type KnownColumns } from '../src/dataset-columns.ts';
import { ExactNumber } from '../src/exact-value.ts';
import type { Dataset } from '../src/manifest.ts';

const SEED = Number(process.env['ESIM_SEED'] ?? Math.floor(Math.random() * 1e9));

const VALUES = [
  'null',
  '1',
  '-9223372036854775808',
  '9223372036854775808',
  '2.50',
  '1e-7',
  '0.30000000000000004',
  '1e60',
  'true',
  '"text"',
  '"12"',
  '"2026-01-01T00:00:00Z"',
  '"2026-01-01 05:30:00.25+0530"',
  '"2026-02-30T00:00:00Z"',
  '"2026-01-01"',
  '{"b":1.50,"a":[9007199254740993]}',
  '[]',
];

function dice(seed: number): (below: number) => number {
  let state = (seed % 2_147_483_646) + 1;
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below;
}

const dataset: Dataset = {
  name: 'things',
  endpoint: 'things',
  disposition: 'merge',
  watermark: 'at',
  primaryKey: ['id'],
  limit: 10,
  version: undefined,
  options: { columns: {}, drop: [], hash: [] },
  drift: undefined,
};

const NOTHING: KnownColumns = {
  fields: [],
  types: {},
  schemaVersion: null,
  absences: { fields: [], writesNull: false },
  paths: [],
};

const rowsOf = (values: readonly string[]): readonly Record<string, unknown>[] =>
  values.map((value, id) => {
    const text = `{"id":${9007199254740993n + BigInt(id)},"at":"2026-01-01T00:00:00Z","x":${value}}`;
    return parseLossless(text, { inexact: (source) => new ExactNumber(source) }) as Record<string, unknown>;
  });

/** The type and the values of `x` after rows that came in several runs. */
function learned(runs: readonly (readonly string[])[]) {
  let known: KnownColumns = NOTHING;
  let columns = new DatasetColumns(dataset, known, undefined);
  for (const values of runs) {
    columns = new DatasetColumns(dataset, known, undefined);
    for (const row of rowsOf(values)) columns.take(row);
    const remembered = { ...NOTHING, fields: [...columns.fields], types: columns.types };
    known = JSON.parse(JSON.stringify(remembered)) as KnownColumns;
  }
  const x = columns.spec.columns.find(({ name }) => name === 'x');
  const values = rowsOf(runs.flat()).map((row) => columns.encode(columns.take(row))['x']);
  return { type: x?.precision === undefined ? x?.type : `${x.type}(${x.precision}, ${x.scale})`, values };
}

describe('the type of an undeclared column', () => {
  it.each([
    ['does not exist as long as there are only NULLs', ['null', 'null'], undefined, [undefined, undefined]],
    ['is whole numbers', ['1', 'null', '9223372036854775807'], 'int64', ['1', null, '9223372036854775807']],
    [
      'is Decimal(38, 9) with a fraction, never a double',
      ['18', '0.1', '1e-7'],
      'decimal(38, 9)',
      ['18', '0.1', '0.0000001'],
    ],
    [
      'keeps digits beyond a double',
      ['12345678901234567.123456789'],
      'decimal(38, 9)',
      ['12345678901234567.123456789'],
    ],
    ['is wider where nine places are too few', ['0.30000000000000004'], 'decimal(76, 38)', ['0.30000000000000004']],
    ['is moments of any offset', ['"2026-01-01T02:00:00.5+02:00"'], 'timestamp', ['2026-01-01T00:00:00.500000Z']],
    ['is text for days and numbers in quotes', ['"2026-01-01"', '"0012"'], 'string', ['2026-01-01', '0012']],
    [
      'is text for what is mixed',
      ['true', '1.50', '"2026-01-01T00:00:00Z"'],
      'string',
      ['true', '1.5', '2026-01-01 00:00:00.000000'],
    ],
    ['is text for days that do not exist', ['"2026-02-30T00:00:00Z"'], 'string', ['2026-02-30T00:00:00Z']],
    ['is JSON with exact numbers', ['{"a":12345678901234567890}'], 'json', ['{"a":12345678901234567890}']],
  ])('%s', (_, values, type, expected) => {
    expect(learned([values])).toEqual({ type, values: expected });
  });

  it(`is the same in whatever order the rows come, in one run or in several (ESIM_SEED=${SEED})`, () => {
    const next = dice(SEED);
    for (let trial = 0; trial < 150; trial += 1) {
      const values = Array.from({ length: 2 + next(6) }, () => VALUES[next(VALUES.length)] ?? 'null');
      const whole = learned([values]);
      for (let order = 0; order < 4; order += 1) {
        const places = values.map((_, index) => index);
        const shuffled = values.map(() => places.splice(next(places.length), 1)[0] ?? 0);
        const runs: string[][] = [[]];
        for (const place of shuffled) {
          if (next(3) === 0) runs.push([]);
          runs.at(-1)?.push(values[place] ?? 'null');
        }
        const { type, values: encoded } = learned(runs);
        expect(type, values.join(' ')).toBe(whole.type);
        expect(encoded).toEqual(shuffled.map((place) => whole.values[place]));
      }
    }
  });

  it('is text for ids, beyond what a double holds', () => {
    const columns = new DatasetColumns(dataset, NOTHING, undefined);
    expect(rowsOf(['1']).map((row) => columns.encode(columns.take(row))['id'])).toEqual(['9007199254740993']);
    expect(columns.spec.columns[0]).toEqual({ name: 'id', type: 'string', nullable: false });
  });
});
