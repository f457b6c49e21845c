import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { productOf, quotientOf } from '../src/exact-arithmetic.ts';

const decimal = fc
  .tuple(fc.bigInt(-(10n ** 30n), 10n ** 30n), fc.integer({ min: 0, max: 12 }))
  .map(([units, scale]) => written(units, scale));
const positive = fc
  .tuple(fc.bigInt(1n, 10n ** 20n), fc.integer({ min: 0, max: 12 }))
  .map(([units, scale]) => written(units, scale));

/** Units of 10⁻ˢᶜᵃˡᵉ with all their digits. */
function written(units: bigint, scale: number): string {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  const fraction = scale === 0 ? '' : `.${digits.slice(-scale)}`;
  return `${units < 0n ? '-' : ''}${scale === 0 ? digits : digits.slice(0, -scale)}${fraction}`;
}

/** As many units of 10⁻⁵⁰ as the text is. */
function huge(text: string): bigint {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const units = BigInt(whole + fraction.padEnd(50, '0'));
  return text.startsWith('-') ? -units : units;
}

function size(value: bigint): bigint {
  return value < 0n ? -value : value;
}

describe('a product', () => {
  test.each([
    ['1.1643', '3.6725', undefined, '4.27589175'],
    ['12.34', '4.9882078278', 6, '61.554485'],
    ['0', '4.9882078278', 6, '0'],
    ['0.0000005', '1', 6, '0.000001'],
    ['0.00000049', '1', 6, '0'],
    ['-0.0000005', '1', 6, '-0.000001'],
    ['-0.00000049', '1', 6, '0'],
    ['1', '2', 0, '2'],
    ['5', '0.5', 0, '3'],
    ['-5', '0.5', 0, '-3'],
    ['9007199254740993', '1.0000000001', 10, '9007199255641712.9254740993'],
    ['100.10', '10', 6, '1001'],
  ])('of %s and %s, to %s places, is %s', (one, other, scale, product) => {
    expect(productOf(one, other, scale)).toBe(product);
    expect(productOf(other, one, scale)).toBe(product);
  });

  test('is exact without a scale, whatever the numbers are', () => {
    fc.assert(
      fc.property(decimal, decimal, (one, other) => {
        expect(huge(productOf(one, other)) * 10n ** 50n).toBe(huge(one) * huge(other));
      }),
    );
  });

  test('is never further from the truth than half of its last place, and of the size of what is charged', () => {
    fc.assert(
      fc.property(decimal, positive, fc.integer({ min: 0, max: 10 }), (amount, rate, scale) => {
        const rounded = productOf(amount, rate, scale);
        expect((rounded.split('.')[1] ?? '').length).toBeLessThanOrEqual(scale);
        const difference = size(huge(rounded) * 10n ** 50n - huge(amount) * huge(rate));
        expect(2n * difference <= 10n ** BigInt(100 - scale)).toBe(true);
        const refund = productOf(amount.startsWith('-') ? amount.slice(1) : `-${amount}`, rate, scale);
        expect(huge(refund)).toBe(-huge(rounded));
      }),
    );
  });
});

describe('a quotient', () => {
  test.each([
    ['4.27589175', '0.8572', 10, '4.9882078278'],
    ['1', '3', 2, '0.33'],
    ['2', '3', 2, '0.67'],
    ['1', '8', 2, '0.13'],
    ['-1', '8', 2, '-0.13'],
    ['0', '7', 10, '0'],
    ['1', '0.0001', 0, '10000'],
    ['1', '100000000000', 10, '0'],
  ])('of %s and %s, to %i places, is %s', (dividend, divisor, scale, quotient) => {
    expect(quotientOf(dividend, divisor, scale)).toBe(quotient);
  });

  test('times the divisor is the dividend, as near as its last place lets it be', () => {
    fc.assert(
      fc.property(decimal, positive, (dividend, divisor) => {
        const quotient = quotientOf(dividend, divisor, 10);
        const difference = size(huge(dividend) * 10n ** 50n - huge(quotient) * huge(divisor));
        expect(2n * difference <= huge(divisor) * 10n ** 40n).toBe(true);
      }),
    );
  });
});
