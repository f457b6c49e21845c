import type { ColumnSpec, ValueSpec } from '@etl/core';
import fc from 'fast-check';
import { INTEGER_RANGES } from './integer-ranges.ts';

const SURROGATES = 0xd800;
/** Any character but NUL. fast-check's own unit `binary` counts all of them first, which takes a second. */
const character = fc
  .integer({ min: 1, max: 0x10f7ff })
  .map((index) => String.fromCodePoint(index < SURROGATES ? index : index + 0x800));

/** Text about the lengths at which writers change their ways, with everything that some format escapes. */
const text = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\\N',
    'NULL',
    'null',
    '\\',
    '"',
    "'",
    '\t',
    '\r\n',
    '\u0000x',
    '{}',
    '[1]',
    '0',
    '-',
    ';--',
  ),
  fc.string({ unit: character, maxLength: 60 }),
  fc.string({
    unit: fc.constantFrom('a', '"', '\\', '\n', '\u0001', 'é', '€', '😀', '\u2028', '\u00a0'),
    maxLength: 40,
  }),
  fc.string({ unit: 'grapheme-ascii', minLength: 10, maxLength: 300 }),
);

/** Days at the ends of what tables hold, leap days, days on which clocks change. */
const day = fc.oneof(
  fc.constantFrom('1900-01-01', '1969-12-31', '1970-01-01', '2000-02-29', '2026-03-29', '2026-10-25', '2299-12-31'),
  fc
    .date({ min: new Date('1900-01-01'), max: new Date('2299-12-31'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10)),
);
const clock = fc.constantFrom('00:00:00', '23:59:59', '02:30:00', '12:34:56');
const fraction = fc.constantFrom('', '.1', '.123456', '.000001', '.999999');

/**
 * Values of a column in every form in which a row may hold them: the ends of its range, what a double
 * cannot hold, what text formats escape. NULL comes where the column allows it.
 */
export function valuesFor(spec: ValueSpec): fc.Arbitrary<unknown> {
  const values = presentFor(spec);
  return spec.nullable ? fc.oneof({ weight: 5, arbitrary: values }, fc.constantFrom(null, undefined)) : values;
}

function presentFor(spec: ValueSpec): fc.Arbitrary<unknown> {
  const range = INTEGER_RANGES[spec.type];
  if (range !== undefined) return integersIn(range);
  switch (spec.type) {
    case 'boolean':
      return fc.boolean();
    case 'float32':
      return fc.oneof(fc.float(), fc.constantFrom<unknown>('NaN', 'Infinity', '-Infinity', '0.5'));
    case 'float64':
      return fc.oneof(
        fc.double(),
        fc.constantFrom<unknown>(
          'NaN',
          'Infinity',
          '-Infinity',
          '1e5',
          '0.1',
          '1.5E-3',
          5e-324,
          1.7976931348623157e308,
        ),
      );
    case 'decimal':
      return decimals(spec.precision ?? 18, spec.scale ?? 0);
    case 'string':
      return spec.lowCardinality === true ? fc.constantFrom('', 'new', 'paid', 'Zürich') : text;
    case 'uuid':
      return fc.uuid();
    case 'date':
      return day;
    case 'time':
      return fc.tuple(clock, fraction).map((parts) => parts.join(''));
    case 'timestamp':
      return fc.oneof(
        fc
          .tuple(day, fc.constantFrom('T', ' '), clock, fraction, fc.constantFrom('', 'Z', '+00:00'))
          .map((parts) => parts.join('')),
        fc.tuple(day, clock).map(([on, at]) => new Date(`${on}T${at}Z`)),
      );
    case 'binary':
      return fc.uint8Array({ maxLength: 100 });
    case 'json':
      return fc.json();
    case 'array':
      return fc.array(valuesFor(spec.items ?? { type: 'string', nullable: true }), { maxLength: 5 }).map(withNulls);
    case 'nested':
      return fc.array(fieldsFor(spec.fields ?? []), { maxLength: 4 });
    default:
      throw new Error(`There are no values of the type ${spec.type}.`);
  }
}

function fieldsFor(fields: readonly ColumnSpec[]): fc.Arbitrary<object> {
  return fc.record(Object.fromEntries(fields.map((field) => [field.name, valuesFor(field)])));
}

/** An array has no holes: what is missing in it is NULL. */
function withNulls(items: readonly unknown[]): readonly unknown[] {
  return items.map((item) => item ?? null);
}

function integersIn([low, high]: readonly [bigint, bigint]): fc.Arbitrary<unknown> {
  const exact = fc.oneof(fc.bigInt({ min: low, max: high }), fc.constantFrom(low, high, 0n, 1n));
  return fc.oneof(exact, exact.map(String), fc.integer({ min: low < 0n ? -32_768 : 0, max: 32_767 }));
}

function decimals(precision: number, scale: number): fc.Arbitrary<unknown> {
  const most = 10n ** BigInt(precision) - 1n;
  const unscaled = fc.oneof(fc.bigInt({ min: -most, max: most }), fc.constantFrom(0n, most, -most));
  const written = unscaled.map((value) => decimalText(value, scale));
  const small = fc.integer({ min: 0, max: 9 });
  return precision > scale ? fc.oneof({ weight: 4, arbitrary: written }, small) : written;
}

function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  return scale === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
