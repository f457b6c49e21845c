import type { ColumnSpec, Row, StreamSpec } from '@etl/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { anyCharacter } from './any-character.ts';
import { embeddedFixture } from './clickhouse-fixture.ts';

const key: ColumnSpec = { name: 'id', type: 'int32', nullable: false };

/** Every column type, the values that are hard, and the text that ClickHouse must give back. */
const COLUMNS: readonly (ColumnSpec & { readonly values: fc.Arbitrary<unknown>; readonly sql?: string })[] = [
  { name: 'a_boolean', type: 'boolean', nullable: true, values: fc.boolean() },
  { name: 'an_int16', type: 'int16', nullable: true, values: fc.integer({ min: -32_768, max: 32_767 }).map(String) },
  { name: 'an_int32', type: 'int32', nullable: true, values: fc.integer().map(String) },
  {
    name: 'an_int64',
    type: 'int64',
    nullable: true,
    values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  },
  { name: 'a_uint32', type: 'uint32', nullable: true, values: fc.nat().map(String) },
  { name: 'a_uint64', type: 'uint64', nullable: true, values: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String) },
  {
    name: 'a_decimal',
    type: 'decimal',
    precision: 38,
    scale: 9,
    nullable: true,
    values: fc
      .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.integer({ min: 1, max: 999_999_999 }))
      .map(([whole, part]) => `${whole}.${String(part).padStart(9, '0')}`.replace(/0+$/, '')),
  },
  {
    name: 'a_float64',
    type: 'float64',
    nullable: true,
    values: fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
  },
  {
    name: 'a_string',
    type: 'string',
    nullable: true,
    values: fc.string({ unit: anyCharacter }).filter((text) => !text.includes('\0')),
  },
  {
    name: 'a_word',
    type: 'string',
    lowCardinality: true,
    nullable: true,
    values: fc.constantFrom('new', 'paid', "o'clock"),
  },
  { name: 'a_uuid', type: 'uuid', nullable: true, values: fc.uuid() },
  {
    name: 'a_date',
    type: 'date',
    nullable: true,
    values: fc
      .date({ min: new Date('1900-01-01'), max: new Date('2299-12-31'), noInvalidDate: true })
      .map((d) => d.toISOString().slice(0, 10)),
  },
  { name: 'a_time', type: 'time', nullable: true, values: fc.constantFrom('00:00:00', '24:00:00', '12:34:56.123456') },
  {
    name: 'a_timestamp',
    type: 'timestamp',
    nullable: true,
    values: fc
      .tuple(
        fc.date({ min: new Date('1900-01-01'), max: new Date('2299-12-31'), noInvalidDate: true }),
        fc.nat(999_999),
      )
      .map(([d, micros]) => `${d.toISOString().slice(0, 19).replace('T', ' ')}.${String(micros).padStart(6, '0')}`),
  },
  { name: 'some_json', type: 'json', nullable: true, values: fc.json() },
  { name: 'some_bytes', type: 'binary', nullable: true, values: fc.uint8Array(), sql: 'lower(hex(some_bytes))' },
  {
    name: 'an_array',
    type: 'array',
    nullable: false,
    items: { type: 'string', nullable: true },
    values: fc.array(fc.option(fc.string())),
  },
  {
    name: 'byte_array',
    type: 'array',
    nullable: false,
    items: { type: 'binary', nullable: true },
    values: fc.array(fc.uint8Array()),
    sql: 'arrayMap(item -> lower(hex(item)), byte_array)',
  },
];

const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 1_000_000);

it(`gives back exactly what was written, for every type (seed ${seed})`, async () => {
  await using fixture = await embeddedFixture();
  const spec: StreamSpec = {
    name: 'types',
    columns: [key, ...COLUMNS.map(({ values: _, sql: __, ...column }) => column)],
    primaryKey: ['id'],
    writeDisposition: 'merge',
  };
  const record = fc.record(
    Object.fromEntries(
      COLUMNS.map((column) => [column.name, column.nullable ? fc.option(column.values) : column.values]),
    ),
  );
  const rows: readonly Row[] = fc.sample(record, { numRuns: 400, seed }).map((row, id) => ({ id, ...row }));
  await using session = await fixture.destination.open('p');
  await using load = await session.beginLoad();
  await load.prepare(spec);
  await load.write('types', rows);
  await load.commit([]);
  const selected = COLUMNS.map(({ name, sql }) => `${sql ?? name} AS value_${name}`).join(', ');
  const stored = await fixture.query(
    `SELECT ${selected} FROM ${fixture.options.database}.shop___types ORDER BY id SETTINGS output_format_json_quote_64bit_integers = 1, output_format_json_quote_decimals = 1`,
  );
  expect(stored).toHaveLength(rows.length);
  for (const [index, row] of rows.entries()) {
    for (const { name } of COLUMNS)
      expect(plain(stored[index]?.[`value_${name}`]), `${name} of row ${index}, seed ${seed}`).toEqual(
        plain(row[name]),
      );
  }
});

/** Bytes as hex; integers as text, whichever way the format wrote them. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'number') return String(value);
  return value;
}
