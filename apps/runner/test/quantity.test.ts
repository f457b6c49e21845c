import { describe, expect, test } from 'vitest';
import { didYouMean } from '../src/did-you-mean.ts';
import { count, duration } from '../src/quantity.ts';

describe('what people read', () => {
  test.each([
    [0, '0 ms'],
    [42, '42 ms'],
    [99.9, '100 ms'],
    [3100, '3.1 s'],
    [9940, '9.9 s'],
    [9960, '10 s'],
    [41_400, '41 s'],
    [59_960, '1 m 0 s'],
    [72_000, '1 m 12 s'],
    [7_500_000, '2 h 5 m'],
  ])('%d ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  test('counts have a noun and thousands separators', () => {
    expect(count(1, 'row')).toBe('1 row');
    expect(count(0, 'row')).toBe('0 rows');
    expect(count(1_204_551, 'row')).toBe('1,204,551 rows');
  });

  test('a typo is answered with the name that was meant, anything else with nothing', () => {
    expect(didYouMean('shpo', ['shop', 'dashboard'])).toBe('shop');
    expect(didYouMean('dashbord', ['shop', 'dashboard'])).toBe('dashboard');
    expect(didYouMean('facebook', ['pg'])).toBeUndefined();
    expect(didYouMean('x', ['pg'])).toBeUndefined();
  });
});
