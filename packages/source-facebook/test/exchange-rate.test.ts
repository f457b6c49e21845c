import { addDays } from '@etl/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ageDays, identityRate, isIdentity, PoundRates } from '../src/exchange-rate.ts';

const EURO = { usd: '1.1643', gbp: '0.8572' };
/** A Thursday, a Friday and a Tuesday: a weekend and a Monday without rates lie between them. */
const rates = new PoundRates(
  new Map([
    ['2026-04-07', { usd: '1.2', gbp: '0.8' }],
    ['2026-04-02', EURO],
    ['2026-04-01', { usd: '1.1', gbp: '0.85' }],
  ]),
);

describe('dirhams per pound', () => {
  test('are 4.9882078278 from 1.1643 dollars and 0.8572 pounds per euro', () => {
    expect(rates.on('2026-04-02')?.rate).toBe('4.9882078278');
  });

  test.each([
    ['1.2', '0.8', '5.50875'],
    ['1.1', '0.85', '4.7526470588'],
    ['1.0', '1.0', '3.6725'],
    ['1.16430', '0.85720', '4.9882078278'],
    ['0.9999', '0.9000', '4.0801475'],
  ])('%s and %s make %s: to ten places, half up', (usd, gbp, rate) => {
    expect(new PoundRates(new Map([['2026-04-01', { usd, gbp }]])).on('2026-04-01')?.rate).toBe(rate);
  });

  test('say what they are made of', () => {
    expect(rates.on('2026-04-02')).toEqual({
      sourceCurrency: 'GBP',
      requestedDate: '2026-04-02',
      effectiveDate: '2026-04-02',
      rate: '4.9882078278',
      status: 'exact',
      euro: EURO,
    });
  });
});

describe('the rate of a day', () => {
  test.each([
    ['that has one', '2026-04-01', '2026-04-01', 'exact', 0],
    ['that is the last one', '2026-04-07', '2026-04-07', 'exact', 0],
    ['that has none, after the last that had one', '2026-04-03', '2026-04-02', 'carried', 1],
    ['that has none, at the end of a long weekend', '2026-04-06', '2026-04-02', 'carried', 4],
    ['that may still get one', '2026-04-08', '2026-04-07', 'provisional', 1],
    ['far after the last', '2026-04-20', '2026-04-07', 'provisional', 13],
  ])('%s', (_what, day, effectiveDate, status, age) => {
    const rate = rates.on(day);
    expect(rate).toMatchObject({ requestedDate: day, effectiveDate, status });
    expect(rate && ageDays(rate)).toBe(age);
  });

  test('before all others does not exist, nor when there are no others', () => {
    expect(rates.on('2026-03-31')).toBeUndefined();
    expect(new PoundRates(new Map()).on('2026-04-01')).toBeUndefined();
  });

  test('is never of a later day, and a later rate changes nothing of days that had theirs', () => {
    const days = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(days, fc.integer({ min: 0, max: 70 }), (published, asked) => {
        const day = (offset: number): string => addDays('2026-01-01', offset);
        const one = (offset: number): [string, typeof EURO] => [
          day(offset),
          { usd: `1.${1000 + offset}`, gbp: '0.86' },
        ];
        const before = new PoundRates(new Map(published.map(one)));
        const rate = before.on(day(asked));
        const newest = published.filter((offset) => offset <= asked).toSorted((a, b) => a - b);
        expect(rate?.effectiveDate).toBe(newest.length === 0 ? undefined : day(newest.at(-1) ?? 0));
        if (rate === undefined) return;
        const after = new PoundRates(new Map([...published, 71].map(one))).on(day(asked));
        expect(after).toEqual({ ...rate, status: rate.status === 'exact' ? 'exact' : 'carried' });
      }),
    );
  });
});

test('what is in dirhams needs no rate, on whatever day', () => {
  const rate = identityRate('2026-04-04');
  expect(rate).toEqual({
    sourceCurrency: 'AED',
    requestedDate: '2026-04-04',
    effectiveDate: '2026-04-04',
    rate: '1',
    status: 'exact',
  });
  expect([isIdentity(rate), ageDays(rate)]).toEqual([true, 0]);
  const pound = rates.on('2026-04-02');
  expect(pound && isIdentity(pound)).toBe(false);
});
