import type { StreamSpec } from '@etl/core';
import { describe, expect, it } from 'vitest';
import { OPEN } from '../src/encoded-table.ts';
import { PlainText } from '../src/plain-text.ts';
import { RANDOM } from './random-rows.ts';

const field = (name: string, spec: Omit<StreamSpec['columns'][number], 'name'>): StreamSpec => ({
  name: 'one',
  columns: [
    { name: 'id', type: 'int64', nullable: false },
    { name, ...spec },
  ],
  primaryKey: ['id'],
  writeDisposition: 'merge',
  versionColumn: 'version',
});

describe('a line is left to ClickHouse', () => {
  const isPlain = (spec: Omit<StreamSpec['columns'][number], 'name'>, text: string | Uint8Array): boolean => {
    const stream = field('value', spec);
    const bytes = Buffer.concat([Buffer.from('1\t'), Buffer.from(text), Buffer.from('\n')]);
    const runs = PlainText.of(stream, OPEN, ['id', 'value'])?.runs({ columns: ['id', 'value'], bytes, rowCount: 1 });
    return [...(runs ?? [])].every((run) => run.isPlain);
  };
  const nullable = true;
  it.each([
    ['int64', ['0', '-5', '922337203685477580'], ['9223372036854775808', '', '007', '-0', '+1', '1a', '1 ']],
    ['int16', ['9999', '-9999'], ['40000', '32768']],
    ['uint32', ['999999999'], ['-1', '4294967296']],
    ['boolean', ['t', 'f', String.raw`\N`], ['true', '1', '', 'T']],
    ['float64', ['0.5', '-1e10', '1.5E-7', '12'], ['NaN', 'Infinity', '1e400', '.5', '5.', '', '1e', '0x1']],
    ['float32', ['0.5', '-12.25'], ['1e39', 'NaN', '1'.repeat(39)]],
    ['decimal', ['1.5', '-0.25', '99999999999999.9999'], ['NaN', '1.23456', '100000000000000', '1e3', '.5', '']],
    [
      'date',
      ['2024-02-29', '1900-01-01', '2299-12-31'],
      ['2026-02-30', '1899-12-31', '2300-01-01', '2026-1-01', 'infinity'],
    ],
    [
      'timestamp',
      ['2026-01-01 00:00:00', '2026-01-01 23:59:59.123456'],
      [
        '2026-01-01T00:00:00',
        '2026-01-01 24:00:00',
        '2026-01-01 00:60:00',
        '2026-01-01 00:00:61',
        '2026-01-01 00:00:00+00',
        '2026-01-01 00:00:00+01',
        '2026-01-01 00:00:00.1234567',
        '2026-01-01 00:00:00.',
        '2026-01-01 00:00:00+00:00',
      ],
    ],
    ['time', ['24:00:00', '12:34:56.123456'], ['12:34', '12:34:56+00', '12:34:56.1234567']],
    ['uuid', ['6f1c9c1e-0000-4000-8000-00000000000A'], ['6f1c9c1e-0000-4000-8000-00000000000', 'x'.repeat(36)]],
    [
      'string',
      ['', 'é', String.raw`a\tb\\`, String.raw`\\N`],
      [String.raw`\x41`, 'a\r', '\u0000', String.raw`\Na`, 'a\\'],
    ],
  ] as const)('if its %s is the same in both', (type, plain, others) => {
    const spec = { type, nullable, ...(type === 'decimal' ? { precision: 18, scale: 4 } : {}) };
    for (const text of plain) expect(isPlain(spec, text), text).toBe(true);
    for (const text of others) expect(isPlain(spec, text), text).toBe(false);
  });

  it('not if it is NULL where none may be, or half a character', () => {
    expect(isPlain({ type: 'string', nullable: false }, String.raw`\N`)).toBe(false);
    expect(isPlain({ type: 'string', nullable }, new Uint8Array([0x61, 0xc3]))).toBe(false);
  });

  it('not if the stream has columns of another form, or versions of the load', () => {
    const array = field('value', { type: 'array', nullable, items: { type: 'int64', nullable } });
    expect(PlainText.of(array, OPEN, ['id', 'value'])).toBeUndefined();
    const stream: StreamSpec = { ...RANDOM, columns: field('value', { type: 'string', nullable }).columns };
    expect(PlainText.of(stream, OPEN, ['id', 'value'])).toBeUndefined();
  });
});
