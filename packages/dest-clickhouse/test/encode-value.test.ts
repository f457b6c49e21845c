import type { ValueSpec } from '@etl/core';
import { describe, expect, it } from 'vitest';
import { jsonEncoderFor } from '../src/encode-value.ts';
import { ValueError } from '../src/value-error.ts';

const of = (type: ValueSpec['type'], more: Partial<ValueSpec> = {}): ReturnType<typeof jsonEncoderFor> =>
  jsonEncoderFor({ type, nullable: false, ...more });

/** Everything here ClickHouse would wrap, clamp, cut or take for something else without a word. */
const REFUSED: readonly (readonly [string, ReturnType<typeof jsonEncoderFor>, unknown])[] = [
  ['2^63 in an int64', of('int64'), 9_223_372_036_854_775_808n],
  ['-2^63-1 in an int64', of('int64'), '-9223372036854775809'],
  ['-1 in a uint64', of('uint64'), '-1'],
  ['2^64 in a uint64', of('uint64'), 18_446_744_073_709_551_616n],
  ['40000 in an int16', of('int16'), 40_000],
  ['2^31 in an int32', of('int32'), '2147483648'],
  ['an unsafe number in an int64', of('int64'), 2 ** 53],
  ['1.5 in an int64', of('int64'), 1.5],
  ['empty text in an int64', of('int64'), ''],
  ['empty text in a decimal', of('decimal', { precision: 18, scale: 6 }), ''],
  ['NULL where none may be', of('int64'), null],
  ['true in an int64', of('int64'), true],
  ['"true" in a boolean', of('boolean'), 'true'],
  ['one fraction digit too many', of('decimal', { precision: 18, scale: 6 }), '1.1234567'],
  ['one whole digit too many', of('decimal', { precision: 4, scale: 2 }), '123'],
  ['the name of an inherited property in a float', of('float64'), 'constructor'],
  ['NaN in a decimal', of('decimal'), 'NaN'],
  ['a number that lost digits in a decimal', of('decimal'), 0.1 + 0.2],
  ['a day before 1900', of('date'), '1899-12-31'],
  ['a day after 2299', of('date'), '2300-01-01'],
  ['the 30th of February', of('date'), '2026-02-30'],
  ['the 29th of February 2100', of('date'), '2100-02-29'],
  ['month 13', of('date'), '2026-13-01'],
  ['day 0', of('timestamp'), '2026-01-00T00:00:00Z'],
  ['an infinite day', of('date'), 'infinity'],
  ['seconds instead of a timestamp', of('timestamp'), 1_767_607_872],
  ['nanoseconds in a timestamp', of('timestamp'), '2026-01-01T00:00:00.123456789Z'],
  ['hour 24 in a timestamp', of('timestamp'), '2026-01-01T24:00:00Z'],
  ['the 30th of February ahead of UTC', of('timestamp'), '2026-02-30T00:00:00+01:00'],
  ['hour 24 ahead of UTC', of('timestamp'), '2026-01-01T24:00:00+01:00'],
  ['a year of two digits ahead of UTC', of('timestamp'), '0099-01-01T00:00:00+01:00'],
  ['a number beyond a float32', of('float32'), 1e39],
  ['text beyond a float64', of('float64'), '1e400'],
  ['many digits beyond a float32', of('float32'), '9'.repeat(40)],
  ['a letter that ends in the byte of a digit', of('int64'), '\u0131'],
  ['half a surrogate pair in a long text', of('string'), `${'a'.repeat(40)}\ud800`],
  ['half a surrogate pair', of('string'), '\ud800'],
  ['an object in a string', of('string'), {}],
  ['text in an array', of('array', { items: { type: 'int64', nullable: true } }), '1'],
  ['a wrong item in an array', of('array', { items: { type: 'int16', nullable: true } }), [40_000]],
  ['text as bytes', of('binary'), 'ff'],
  ['a wrong UUID', of('uuid'), 'not-a-uuid'],
];

const KEPT: readonly (readonly [string, ReturnType<typeof jsonEncoderFor>, unknown, string])[] = [
  ['the greatest int64', of('int64'), '9223372036854775807', '9223372036854775807'],
  ['the least int64', of('int64'), -9_223_372_036_854_775_808n, '-9223372036854775808'],
  ['the greatest uint64', of('uint64'), 18_446_744_073_709_551_615n, '18446744073709551615'],
  ['leading zeros of an integer', of('int64'), '007', '7'],
  ['a decimal with zeros behind', of('decimal', { precision: 4, scale: 2 }), '12.3400', '"12.3400"'],
  ['a short number in a decimal', of('decimal', { precision: 18, scale: 6 }), 12.7, '"12.7"'],
  ['NaN in a float', of('float64'), 'NaN', '"nan"'],
  ['infinity in a float', of('float64'), -Infinity, '"-inf"'],
  ['minus zero in a float', of('float64'), -0, '-0'],
  ['NULL in a nullable column', of('int64', { nullable: true }), undefined, 'null'],
  ['NULL in an array column', of('array', { nullable: true, items: { type: 'int64', nullable: true } }), null, '[]'],
  ['NULL in an array', of('array', { items: { type: 'int64', nullable: true } }), [1, null], '[1,null]'],
  ['blank lines in text', of('string'), 'a\n\nDROP TABLE x', '"a\\n\\nDROP TABLE x"'],
  ['microseconds', of('timestamp'), '2026-01-01T00:00:00.123456Z', '"2026-01-01 00:00:00.123456"'],
  ['an offset with minutes', of('timestamp'), '2026-01-01 00:30:00.5+05:30', '"2025-12-31 19:00:00.5"'],
  ['a Date', of('timestamp'), new Date(0), '"1970-01-01 00:00:00.000"'],
  ['the 29th of February 2000', of('date'), '2000-02-29', '"2000-02-29"'],
  ['the first day', of('date'), '1900-01-01', '"1900-01-01"'],
  ['bytes', of('binary'), new Uint8Array([255, 0]), '"/wA="'],
];

describe('a value', () => {
  it.each(REFUSED)('is refused: %s', (_, encode, value) => {
    expect(() => encode(value)).toThrow(ValueError);
  });

  it.each(KEPT)('is kept exactly: %s', (_, encode, value, expected) => {
    expect(encode(value)).toBe(expected);
  });

  it('is never part of the message that refuses it', () => {
    expect(() => of('int64')('hunter2')).toThrow(/^(?!.*hunter2)/);
  });
});
