import type { ColumnSpec, Row, StreamSpec } from '@etl/core';
import { anyCharacter } from './any-character.ts';
import fc from 'fast-check';

/** Text of every length about where the writer changes its ways, with everything that JSON escapes. */
const text = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 60 }),
  fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '\u0001', 'é', '€', '😀', '\u2028'), maxLength: 40 }),
  fc.string({ unit: 'grapheme-ascii', minLength: 10, maxLength: 300 }),
);
const integer = (low: bigint, high: bigint): fc.Arbitrary<unknown> => {
  const exact = fc.oneof(fc.bigInt({ min: low, max: high }), fc.constantFrom(low, high, 0n));
  return fc.oneof(
    exact,
    exact.map(String),
    exact.map((value) => String(value).replace(/^(-?)/, '$100')),
    fc.integer({ min: low < 0n ? -32_768 : 0, max: 32_767 }),
  );
};
const day = fc
  .date({ min: new Date('1900-01-01'), max: new Date('2299-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString());
const VALUES: readonly (readonly [Omit<ColumnSpec, 'name' | 'nullable'>, fc.Arbitrary<unknown>])[] = [
  [{ type: 'boolean' }, fc.boolean()],
  [{ type: 'int16' }, integer(-(2n ** 15n), 2n ** 15n - 1n)],
  [{ type: 'int32' }, integer(-(2n ** 31n), 2n ** 31n - 1n)],
  [{ type: 'int64' }, integer(-(2n ** 63n), 2n ** 63n - 1n)],
  [{ type: 'uint32' }, integer(0n, 2n ** 32n - 1n)],
  [{ type: 'uint64' }, integer(0n, 2n ** 64n - 1n)],
  [
    { type: 'float64' },
    fc.oneof(fc.double(), fc.constantFrom('NaN', 'Infinity', '-Infinity', '1e5', '0.1', '-0', '1.5E-3')),
  ],
  [
    { type: 'decimal', precision: 18, scale: 6 },
    fc.oneof(
      fc.tuple(fc.integer(), fc.nat(999_999)).map(([whole, part]) => `${whole}.${part}`),
      fc.integer(),
      fc.bigInt({ min: -(10n ** 11n), max: 10n ** 11n }),
      fc.constantFrom('000001.50000000', '-0.1', 12.7, '7.'),
    ),
  ],
  [{ type: 'string' }, text],
  [{ type: 'json' }, fc.json()],
  [
    { type: 'uuid' },
    fc.oneof(
      fc.uuid(),
      fc.uuid().map((uuid) => uuid.toUpperCase()),
    ),
  ],
  [{ type: 'date' }, day.map((iso) => iso.slice(0, 10))],
  [{ type: 'time' }, fc.constantFrom('00:00:00', '24:00:00', '12:34:56.123456', '12:34:56.1')],
  [
    { type: 'timestamp' },
    fc.oneof(
      fc
        .tuple(day, fc.constantFrom('', '.1', '.123456'), fc.constantFrom('', 'Z', '+00', '-0000', '+00:00'))
        .map(([iso, fraction, offset]) => `${iso.slice(0, 19)}${fraction}${offset}`),
      day.map((iso) => new Date(iso)),
    ),
  ],
  [{ type: 'binary' }, fc.uint8Array({ maxLength: 100 })],
  [{ type: 'array', items: { type: 'int64', nullable: true } }, fc.array(fc.option(integer(-10n, 10n ** 15n)))],
  [{ type: 'array', items: { type: 'string', nullable: true } }, fc.array(fc.option(text))],
  [{ type: 'array', items: { type: 'binary', nullable: false } }, fc.array(fc.uint8Array())],
  [
    {
      type: 'nested',
      fields: [
        { name: 'kind', type: 'string', nullable: false },
        { name: 'value', type: 'decimal', precision: 18, scale: 6, nullable: true },
      ],
    },
    fc.array(fc.record({ kind: text, value: fc.option(fc.nat().map(String), { nil: undefined }) })),
  ],
];
const columns = VALUES.map(([spec, values], index) => ({ ...spec, name: `c${index}`, nullable: true, values }));
/** A stream with a column of every type. */
export const RANDOM: StreamSpec = {
  name: 'random',
  columns: [{ name: 'id', type: 'int64', nullable: false }, ...columns.map(({ values: _, ...column }) => column)],
  primaryKey: ['id'],
  writeDisposition: 'merge',
};
/** Valid rows of it, in every form that a row may have. */
export const randomRow = fc.record({
  id: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  ...Object.fromEntries(columns.map(({ name, values }) => [name, fc.option(values, { nil: undefined })])),
}) as fc.Arbitrary<Row>;
