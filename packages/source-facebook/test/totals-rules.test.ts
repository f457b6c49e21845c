import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AccountTotals } from '../src/account-totals.ts';
import { scaledOf } from '../src/exact-text.ts';
import { rejection, scriptedGraph, type Answered } from './scripted-graph.ts';

interface Day {
  readonly day: string;
  /** What the rows of the day have, each of them. */
  readonly rows: readonly string[];
  /** What the account says of the day; absent: it says nothing. */
  readonly total?: string;
}

interface Rules {
  readonly field?: 'spend' | 'impressions' | 'clicks';
  readonly tolerance?: number;
  readonly lookbackDays?: number;
  readonly timeZone?: string;
}

const RANGE = { since: '2026-01-01', until: '2026-03-10' };

/** What the rows have to add up to, and what they do, as of noon of the tenth of March. */
async function compared(days: readonly Day[], rules: Rules = {}, answer?: Answered) {
  const { field = 'impressions', tolerance = 0.001, lookbackDays = 28, timeZone = 'UTC' } = rules;
  const data = days.flatMap(({ day, total }) =>
    total === undefined ? [] : [{ date_start: day, date_stop: day, [field]: total }],
  );
  const { graph, options, asked } = scriptedGraph(() => answer ?? { json: { data } }, {
    insights: { reconcileTolerance: tolerance, lookbackDays },
  });
  const totals = new AccountTotals(graph, options, { id: '1', currency: 'USD', timeZone }, [field]);
  for (const { day, rows } of days) for (const value of rows) totals.add({ date_start: day, [field]: value });
  const now = new Date('2026-03-10T12:00:00Z');
  const expected = (await totals.expected(RANGE, { now }))?.[field] ?? '';
  const own = days.flatMap(({ rows }) => rows).reduce((sum, value) => sum + scaledOf(value, 6), 0n);
  return { difference: scaledOf(expected, 6) - own, asked };
}

describe('rows are what their account says', () => {
  test.each<[string, readonly Day[], Rules, bigint]>([
    ['nothing of nothing', [], {}, 0n],
    ['equal', [{ day: '2026-03-09', rows: ['600', '400'], total: '1000' }], {}, 0n],
    ['less than they should be', [{ day: '2026-03-09', rows: ['600'], total: '1000' }], {}, 400_000_000n],
    ['more than they should be', [{ day: '2026-03-09', rows: ['600', '600'], total: '1000' }], {}, -200_000_000n],
    ['of a day that the account has not', [{ day: '2026-03-09', rows: ['5'] }], {}, -5_000_000n],
    ['missing for a day that the account has', [{ day: '2026-03-09', rows: [], total: '5' }], {}, 5_000_000n],
    ['within the tolerance while the day is restated', [{ day: '2026-03-09', rows: ['999'], total: '1000' }], {}, 0n],
    ['at its very border', [{ day: '2026-03-09', rows: ['990'], total: '1000' }], { tolerance: 0.01 }, 0n],
    ['beyond it by one', [{ day: '2026-03-09', rows: ['989'], total: '1000' }], { tolerance: 0.01 }, 11_000_000n],
    ['not equal once the day is settled', [{ day: '2026-02-09', rows: ['999'], total: '1000' }], {}, 1_000_000n],
    ['on the last day of the lookback', [{ day: '2026-02-10', rows: ['999'], total: '1000' }], {}, 0n],
    ['without any tolerance', [{ day: '2026-03-09', rows: ['999'], total: '1000' }], { tolerance: 0 }, 1_000_000n],
    ['of today, which goes on', [{ day: '2026-03-10', rows: ['1'], total: '1000' }], {}, 0n],
    [
      'of two days that make up for each other',
      [
        { day: '2026-03-08', rows: ['900'], total: '1000' },
        { day: '2026-03-09', rows: ['1100'], total: '1000' },
      ],
      {},
      100_000_000n,
    ],
    [
      'of many days, of which one lacks something',
      [
        { day: '2026-03-07', rows: ['100'], total: '100' },
        { day: '2026-03-08', rows: ['50'], total: '100' },
        { day: '2026-03-09', rows: ['100'], total: '100' },
      ],
      {},
      50_000_000n,
    ],
    [
      'beyond what a double holds',
      [{ day: '2026-01-05', rows: ['9007199254740993'], total: '9007199254740993' }],
      {},
      0n,
    ],
    [
      'beyond what a double holds, by one',
      [{ day: '2026-01-05', rows: ['9007199254740993'], total: '9007199254740992' }],
      {},
      -1_000_000n,
    ],
  ])('%s', async (_what, days, rules, difference) => {
    expect((await compared(days, rules)).difference).toBe(difference);
  });

  test.each<[string, string, bigint]>([
    ['to half a cent of each row', '30.015', 0n],
    ['not by a cent of each row', '30.04', 40_000n],
    ['not for a day without rows', '0', -30_000_000n],
  ])('of money that is settled: %s', async (_what, total, difference) => {
    const days = [{ day: '2026-01-05', rows: ['10', '10', '10'], total }];
    expect((await compared(days, { field: 'spend' })).difference).toBe(difference);
  });

  test('counts have no rounding to make up for', async () => {
    const days = [{ day: '2026-01-05', rows: ['10', '10', '10'], total: '30.01' }];
    expect((await compared(days, { field: 'clicks' })).difference).toBe(10_000n);
  });

  test.each([
    ['Pacific/Auckland', '2026-03-10', 1_000_000n],
    ['America/Los_Angeles', '2026-03-10', 0n],
    ['Pacific/Auckland', '2026-03-11', 0n],
  ])('today is that of the account: in %s the %s', async (timeZone, day, difference) => {
    // It is the eleventh in Auckland, and the tenth in Los Angeles.
    const days = [{ day, rows: ['9'], total: '10' }];
    expect((await compared(days, { timeZone, tolerance: 0 })).difference).toBe(difference);
  });

  test('the account is asked once, for all days, with what is compared and no filter', async () => {
    const { asked } = await compared([{ day: '2026-03-09', rows: ['1'], total: '1' }]);
    expect(asked.map(({ path }) => path)).toEqual(['act_1/insights']);
    expect(asked[0]?.query).toMatchObject({ level: 'account', time_increment: '1', fields: 'impressions' });
    expect(asked[0]?.query).not.toHaveProperty('filtering');
  });

  test('a total that cannot be had is a failure, not an agreement', async () => {
    const broken: Answered = { json: { error: { code: 200, message: 'no' } }, status: 403 };
    const days = [{ day: '2026-03-09', rows: ['1'], total: '1' }];
    expect(await rejection(compared(days, {}, broken))).toMatchObject({ code: 'FACEBOOK_ACCESS_DENIED' });
  });

  test('nothing is asked when nothing is compared', async () => {
    const { graph, options, asked } = scriptedGraph(() => ({ json: { data: [] } }));
    const totals = new AccountTotals(graph, options, { id: '1', currency: 'USD', timeZone: 'UTC' }, []);
    totals.add({ date_start: '2026-03-09', impressions: '7' });
    expect(await totals.expected(RANGE, {})).toBeUndefined();
    expect(asked).toEqual([]);
  });

  test('a row whose number is not known counts for nothing, and so is missed', async () => {
    const { graph, options } = scriptedGraph(() => ({
      json: { data: [{ date_start: '2026-03-09', impressions: '7' }] },
    }));
    const totals = new AccountTotals(graph, options, { id: '1', currency: 'USD', timeZone: 'UTC' }, ['impressions']);
    totals.add({ date_start: '2026-03-09', impressions: null });
    expect(await totals.expected(RANGE, { now: new Date('2026-03-10T12:00:00Z') })).toEqual({ impressions: '7' });
  });

  test('however rows are divided over ads, and days over answers, equal is equal', async () => {
    const day = fc.record({ rows: fc.array(fc.nat(100_000), { maxLength: 6 }), index: fc.nat(60) });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(day, { selector: ({ index }) => index, maxLength: 10 }), async (days) => {
        const given = days.map(({ rows, index }): Day => ({
          day: new Date(Date.parse('2026-01-01') + index * 86_400_000).toISOString().slice(0, 10),
          rows: rows.map(String),
          total: String(rows.reduce((sum, value) => sum + value, 0)),
        }));
        expect((await compared(given, { tolerance: 0 })).difference).toBe(0n);
      }),
      { numRuns: 40, seed: 12 },
    );
  });

  test('one number that is wrong on one settled day is found, by exactly what it is wrong', async () => {
    const numbers = fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(numbers, fc.nat(7), fc.integer({ min: 1, max: 500 }), async (totals, at, wrong) => {
        const days = totals.map((total, index): Day => ({
          day: `2026-01-0${index + 1}`,
          rows: [String(total + (index === at % totals.length ? wrong : 0))],
          total: String(total),
        }));
        expect((await compared(days)).difference).toBe(-BigInt(wrong) * 1_000_000n);
      }),
      { numRuns: 40, seed: 13 },
    );
  });
});
