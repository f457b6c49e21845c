import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arrayItems } from '../src/array-text.ts';
import { copyValues } from '../src/copy-text.ts';
import { literal } from '../src/identifier.ts';
import { formatLsn, parseLsn } from '../src/lsn.ts';
import { namePattern } from '../src/name-pattern.ts';
import { ValueError } from '../src/value-error.ts';
import { valueType, type TypeRow } from '../src/value-type.ts';

const numericModifier = (precision: number, scale: number): number => ((precision << 16) | (scale & 0x7ff)) + 4;

describe('LSN', () => {
  test('survives text and back exactly', () => {
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (lsn) => parseLsn(formatLsn(lsn)) === lsn));
  });

  test('refuses what is none', () => {
    expect(() => parseLsn('16')).toThrow(RangeError);
    expect(() => parseLsn('1/123456789')).toThrow(RangeError);
  });
});

describe('table patterns', () => {
  test.each([
    ['orders', 'public', 'orders', true],
    ['orders', 'sales', 'orders', true],
    ['orders', 'public', 'orders_old', false],
    ['sales.orders', 'sales', 'orders', true],
    ['sales.orders', 'public', 'orders', false],
    ['sales.*', 'sales', 'anything', true],
    ['*_log', 'public', 'server_log', true],
    ['*_log', 'public', 'server_logs', false],
    ['a.b', 'public', 'a.b', true],
    ['we(ird+', 'public', 'we(ird+', true],
  ])('%s against %s.%s: %s', (pattern, schema, table, expected) => {
    expect(namePattern(pattern).matches(schema, table)).toBe(expected);
  });
});

describe('COPY text', () => {
  test('reads every escape back', () => {
    const escaped = (value: string | null): string =>
      value === null
        ? String.raw`\N`
        : value.replaceAll(/[\\\b\f\n\r\t\v]/g, (character) => {
            const letter = { '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '\v': 'v' }[character];
            return `\\${letter}`;
          });
    const value = fc.option(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant(String.raw`\N`), fc.constant('')));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), (values) => {
        expect(copyValues(values.map(escaped).join('\t'))).toEqual(values);
      }),
    );
  });
});

describe('array text', () => {
  const parse = (text: string) => arrayItems(text, ',');

  test.each([
    ['{}', []],
    ['{1,2,NULL,3}', ['1', '2', null, '3']],
    ['{"NULL",null}', ['NULL', 'null']],
    ['{"a,b","c\\"d","e\\\\f",""}', ['a,b', 'c"d', 'e\\f', '']],
    ['[0:1]={x,y}', ['x', 'y']],
    ['{"{1}"}', ['{1}']],
  ])('%s', (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  test('refuses more than one dimension', () => {
    expect(() => parse('{{1,2},{3,4}}')).toThrow('more than one dimension');
  });
});

describe('types', () => {
  const none = new Map();

  test('numeric is exact as far as a decimal goes and text beyond', () => {
    const spec = (precision: number, scale: number): unknown =>
      valueType(1700, numericModifier(precision, scale), none).spec;
    expect(spec(10, 2)).toEqual({ type: 'decimal', precision: 10, scale: 2 });
    expect(spec(76, 0)).toEqual({ type: 'decimal', precision: 76, scale: 0 });
    expect(spec(77, 0)).toEqual({ type: 'string' });
    expect(spec(2, 5)).toEqual({ type: 'decimal', precision: 5, scale: 5 });
    expect(spec(3, -2)).toEqual({ type: 'decimal', precision: 5, scale: 0 });
    expect(valueType(1700, -1, none).spec).toEqual({ type: 'string' });
  });

  test.each([
    [1082, '2299-12-31', '2299-12-31'],
    [1082, '1900-01-01', '1900-01-01'],
    [1114, '2026-11-01 12:00:00.123456', '2026-11-01T12:00:00.123456Z'],
    [1184, '2026-11-01 12:00:00+00', '2026-11-01T12:00:00Z'],
    [20, '9223372036854775807', '9223372036854775807'],
    [701, '-0', -0],
    [701, '-Infinity', -Infinity],
    [16, 't', true],
  ])('reads %s %s', (oid, text, expected) => {
    expect(valueType(oid, -1, none).parse(text)).toBe(expected);
  });

  test.each([
    [1082, 'infinity'],
    [1082, '-infinity'],
    [1082, '0044-03-15 BC'],
    [1082, '1899-12-31'],
    [1082, '2300-01-01'],
    [1082, '10000-01-01'],
    [1114, 'infinity'],
    [1184, '-infinity'],
    [1184, '10000-01-01 00:00:00+00'],
    [1114, '0044-03-15 00:00:00 BC'],
    [1184, '1899-12-31 23:59:59.999999+00'],
  ])('refuses %s %s instead of bending it', (oid, text) => {
    expect(() => valueType(oid, -1, none).parse(text)).toThrow('outside');
  });

  test('refuses NaN in a decimal', () => {
    expect(() => valueType(1700, numericModifier(10, 2), none).parse('NaN')).toThrow('NaN');
    expect(valueType(1700, -1, none).parse('NaN')).toBe('NaN');
  });
});

describe('a value that no destination can hold', () => {
  const dates: TypeRow = { oid: 1182, kind: 'b', base: 0, baseModifier: -1, element: 1082, delimiter: ',' };
  const numerics: TypeRow = { ...dates, oid: 1231, element: 1700 };
  const texts: TypeRow = { ...dates, oid: 1009, element: 25 };
  const types = new Map([dates, numerics, texts].map((type) => [type.oid, type]));

  test.each([
    [1082, -1, 'infinity', null, 1],
    [1114, -1, '1950-01-01 00:00:00 BC', null, 1],
    [1184, -1, '2300-01-01 00:00:00+00', null, 1],
    [1700, numericModifier(10, 2), 'NaN', null, 1],
    [1182, -1, '{infinity,2026-11-01,NULL,-infinity}', [null, '2026-11-01', null, null], 2],
    [1231, numericModifier(10, 2), '{NaN,1.50}', [null, '1.50'], 1],
    [1009, -1, '{{a,b},{c,d}}', null, 1],
  ])('of type %i: %s is an error, or is replaced and counted', (oid, modifier, text, expected, replacements) => {
    const { parse } = valueType(oid, modifier, types);
    expect(() => parse(text)).toThrow(ValueError);
    let count = 0;
    expect(parse(text, () => (count += 1))).toEqual(expected);
    expect(count).toBe(replacements);
  });
});

test('literals survive quotes and backslashes', () => {
  expect(literal("it's")).toBe("'it''s'");
  expect(literal(String.raw`a\'b`)).toBe(String.raw` E'a\\''b'`);
});
