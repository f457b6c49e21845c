import fc from 'fast-check';
import { tableStream } from '../../src/table-stream.ts';
import type { TypeRow } from '../../src/value-type.ts';
import { catalogTable } from './catalog-table.ts';

/** A table with every kind of text that is handed on in its own way, and the values that its columns may have. */
const arrays = ([oid, element, delimiter = ',']: readonly [number, number, string?]): readonly [number, TypeRow][] => [
  [oid, { oid, kind: 'b', base: 0, baseModifier: -1, element, delimiter: ',' }],
  [element, { oid: element, kind: 'b', base: 0, baseModifier: -1, element: 0, delimiter }],
];
const TYPES: ReadonlyMap<number, TypeRow> = new Map(
  (
    [
      [1009, 25],
      [1115, 1114],
      [1020, 603, ';'],
    ] as const
  ).flatMap((type) => arrays(type)),
);
export const COLUMNS = [
  ['id', 23],
  ['note', 25],
  ['code', 25],
  ['body', 25],
  ['at', 1184],
  ['day', 1082],
  ['total', 1700],
  ['flag', 16],
  ['bytes', 17],
  ['list', 1009],
  ['moments', 1115],
  ['boxes', 1020],
  ['score', 701],
] as const;
const NUMERIC_18_4 = (18 << 16) + 4 + 4;
export const STREAM = tableStream(
  catalogTable(
    COLUMNS.map(([name, type]) => (type === 1700 ? [name, type, NUMERIC_18_4] : [name, type])),
    ['code', 'id'],
  ),
  TYPES,
);
/** Places of the columns of its key. */
export const KEY_PLACES: readonly number[] = [0, 2];

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('\\', '\t', '\n', '\r', '\b', '\f', '\v', 'N', 'a', '"', '{', ','), maxLength: 8 }),
);
const quoted = (item: string): string => `"${item.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
/** PostgreSQL's texts, by column. */
export const VALUES: readonly fc.Arbitrary<string>[] = [
  fc.integer({ min: 1, max: 4 }).map(String),
  anyText,
  fc.constantFrom('a', '\t', '\\N', ''),
  fc.oneof(anyText, fc.constantFrom('x'.repeat(3000), '\\'.repeat(3000))),
  fc.constantFrom('2026-11-01 12:00:00.123456+00', '1900-01-01 00:00:00+00', '2299-12-31 23:59:59.999999+00'),
  fc.constantFrom('1900-01-01', '2024-02-29', '2299-12-31'),
  fc.constantFrom('0.0000', '-12345678901234.5678', '7.1000'),
  fc.constantFrom('t', 'f'),
  fc.uint8Array({ maxLength: 6 }).map((bytes) => `\\x${Buffer.from(bytes).toString('hex')}`),
  fc.oneof(
    fc
      .array(fc.option(anyText), { maxLength: 4 })
      .map((items) => `{${items.map((item) => (item === null ? 'NULL' : quoted(item))).join(',')}}`),
    fc.constant('[0:1]={a,b}'),
  ),
  fc.constantFrom('{}', '{"2026-11-01 12:00:00",NULL}'),
  fc.constantFrom('{}', '{(2,2),(1,1);(4,4),(3,3)}'),
  fc.constantFrom('0.1', '-0', '1e-07', '-1.7976931348623157e+308', '5e-324', 'NaN', '-Infinity'),
];
