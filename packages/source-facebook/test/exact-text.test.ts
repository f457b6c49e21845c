import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decimalOf, scaledOf, sumOf, textOf } from '../src/exact-text.ts';

const digits = (max: number) => fc.integer({ min: 0, max }).map(String);
/** Decimal text as the platform writes it, of up to 30 digits and ten fraction digits. */
const decimals = fc
  .tuple(
    fc.boolean(),
    fc.bigInt({ min: 0n, max: 10n ** 20n }),
    fc.option(fc.bigInt({ min: 0n, max: 10n ** 10n - 1n }), { nil: undefined }),
  )
  .map(([isNegative, whole, fraction]) => {
    const sign = isNegative && (whole > 0n || (fraction ?? 0n) > 0n) ? '-' : '';
    return `${sign}${whole}${fraction === undefined ? '' : `.${String(fraction).padStart(10, '0')}`}`;
  });

describe('a number of the platform as decimal text', () => {
  test.each<[unknown, number, string | undefined]>([
    ['0', 2, '0'],
    ['12', 2, '12'],
    ['12.5', 2, '12.5'],
    ['12.50', 2, '12.50'],
    ['12.005', 2, '12.01'],
    ['12.004', 2, '12'],
    ['12.994999', 2, '12.99'],
    ['12.995', 2, '13'],
    ['-12.005', 2, '-12.01'],
    ['-0.004', 2, '0'],
    ['999999999999999999999.99', 2, '999999999999999999999.99'],
    ['0.1', 0, '0'],
    ['0.5', 0, '1'],
    ['1e3', 2, '1000'],
    ['1E-2', 2, '0.01'],
    [7, 2, '7'],
    [0.25, 2, '0.25'],
    [-3.5, 1, '-3.5'],
    ['', 2, undefined],
    [' 1', 2, undefined],
    ['1,5', 2, undefined],
    ['+1', 2, undefined],
    ['1.', 2, undefined],
    ['.5', 2, undefined],
    ['abc', 2, undefined],
    ['NaN', 2, undefined],
    ['Infinity', 2, undefined],
    [Number.NaN, 2, undefined],
    [Number.POSITIVE_INFINITY, 2, undefined],
    [null, 2, undefined],
    [undefined, 2, undefined],
    [true, 2, undefined],
    [{}, 2, undefined],
    [['1'], 2, undefined],
    ['0x10', 2, undefined],
    ['1e', 2, undefined],
    ['--1', 2, undefined],
  ])('%j with %i places is %j', (value, scale, text) => {
    expect(decimalOf(value, scale)).toBe(text);
  });

  test.each([2 ** 53 + 2, 0.1 + 0.2, 1234567.123456789, 1e21 / 3])(
    '%d may have been another number: refused',
    (value) => {
      expect(() => decimalOf(value, 10)).toThrowError(expect.objectContaining({ code: 'FACEBOOK_NUMBER_INEXACT' }));
    },
  );

  test('that has no more places than it may keeps each of its characters', () => {
    fc.assert(
      fc.property(decimals, (text) => {
        expect(decimalOf(text, 10)).toBe(text);
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  test('is never further from what was written than half of the last place', () => {
    fc.assert(
      fc.property(decimals, fc.integer({ min: 0, max: 9 }), (text, scale) => {
        const rounded = decimalOf(text, scale) ?? '';
        const difference = scaledOf(rounded, 10) - scaledOf(text, 10);
        const half = 5n * 10n ** BigInt(9 - scale);
        expect(difference <= half && difference >= -half).toBe(true);
        expect(rounded).toMatch(new RegExp(`^-?\\d+(\\.\\d{1,10})?$`));
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  test('rounds alike on both sides of zero', () => {
    fc.assert(
      fc.property(digits(999_999), digits(999_999), fc.integer({ min: 0, max: 5 }), (whole, fraction, scale) => {
        const plus = decimalOf(`${whole}.${fraction}`, scale) ?? '';
        const minus = decimalOf(`-${whole}.${fraction}`, scale) ?? '';
        expect(scaledOf(minus, 10)).toBe(-scaledOf(plus, 10));
      }),
      { seed: 5, numRuns: 200 },
    );
  });
});

describe('units and text', () => {
  test('are each other’s inverse', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }),
        fc.integer({ min: 1, max: 10 }),
        (units, scale) => {
          expect(scaledOf(textOf(units, scale), scale)).toBe(units);
        },
      ),
      { seed: 6, numRuns: 300 },
    );
  });

  test('have no zeros at the end, and no minus before zero', () => {
    expect(textOf(0n, 10)).toBe('0');
    expect(textOf(1_500_000_000_0n, 10)).toBe('1.5');
    expect(textOf(-1n, 10)).toBe('-0.0000000001');
    expect(textOf(120n, 1)).toBe('12');
    expect(textOf(7n, 3)).toBe('0.007');
  });

  test('what is no decimal is nothing, and what is beyond the scale is cut off', () => {
    expect(scaledOf('abc', 2)).toBe(0n);
    expect(scaledOf('1.239', 2)).toBe(123n);
    expect(scaledOf('-1.239', 2)).toBe(-123n);
    expect(scaledOf('5', 3)).toBe(5000n);
  });
});

describe('a sum', () => {
  test.each([
    [[], '0'],
    [['1'], '1'],
    [['0.1', '0.2'], '0.3'],
    [['1.10', '2.20'], '3.3'],
    [['5', '-5'], '0'],
    [['9007199254740993', '1'], '9007199254740994'],
    [['0.0000000001', '0.0000000001'], '0.0000000002'],
    [['-1.5', '-1.5', '1'], '-2'],
  ])('of %j is %s', (texts, sum) => {
    expect(sumOf(texts)).toBe(sum);
  });

  test('is the same in any order and in any parts', () => {
    fc.assert(
      fc.property(fc.array(decimals, { maxLength: 20 }), fc.nat(20), (texts, cut) => {
        const whole = sumOf(texts);
        expect(sumOf(texts.toReversed())).toBe(whole);
        expect(sumOf([sumOf(texts.slice(0, cut)), sumOf(texts.slice(cut))])).toBe(whole);
      }),
      { seed: 7, numRuns: 200 },
    );
  });
});
