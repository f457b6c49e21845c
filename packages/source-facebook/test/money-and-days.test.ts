import { decimalText } from '@etl/sandbox';
import { describe, expect, test } from 'vitest';
import { dayBefore, numbers, truth } from './insight-table.ts';
import { startWorld } from './world.ts';

const insightsOnly = { streams: ['insights'] };
const short = { insights: { historyDays: 3, lookbackDays: 2 } };

describe('money', () => {
  test.each(['USD', 'GBP', 'AED', 'JPY', 'NZD'])(
    'in %s is what the platform charges, to the last of its places',
    async (currency) => {
      await using world = await startWorld();
      const account = world.sandbox.world.accounts.find((one) => one.currency === currency);
      const accountId = account?.id ?? '';
      expect((await world.run({ ...short, accountIds: [accountId] }, insightsOnly)).failures).toEqual([]);
      const today = world.sandbox.world.today(accountId);
      const rows = new Map(
        world.store.rows('insights').map((row) => [`${String(row['date_start'])}/${String(row['ad_id'])}`, row]),
      );
      const world2 = world.sandbox.world.insights({
        accountId,
        since: dayBefore(today, 3),
        until: today,
        includeRemoved: true,
      });
      expect(rows.size).toBe(world2.length);
      for (const { dateStart, adId, spendMinor } of world2) {
        const row = rows.get(`${dateStart}/${adId}`);
        expect(row?.['spend']).toBe(decimalText(spendMinor, currency));
        expect(row?.['account_currency']).toBe(currency);
      }
      // A currency without cents has none.
      if (currency === 'JPY') for (const row of rows.values()) expect(String(row['spend'])).toMatch(/^\d+$/);
    },
  );
});

describe('days on which clocks change', () => {
  test.each([
    ['begins, in Los Angeles', 'America/Los_Angeles', '2026-03-09T20:00:00Z'],
    ['ends, in Los Angeles', 'America/Los_Angeles', '2026-11-02T20:00:00Z'],
    ['begins, in London', 'Europe/London', '2026-03-30T12:00:00Z'],
    ['ends, in Auckland', 'Pacific/Auckland', '2026-04-06T00:00:00Z'],
    ['changes by half an hour, on Lord Howe', 'Australia/Lord_Howe', '2026-04-05T20:00:00Z'],
    ['is none, in Dubai, an hour before midnight', 'Asia/Dubai', '2026-03-09T19:00:00Z'],
  ])('summer time %s: every day is whole and once', async (_what, timeZone, now) => {
    await using world = await startWorld({ now: new Date(now), accounts: [{ currency: 'USD', timeZone }] });
    const [accountId = ''] = world.accountIds;
    expect((await world.run({ insights: { historyDays: 3, lookbackDays: 2 } }, insightsOnly)).failures).toEqual([]);
    const today = world.sandbox.world.today(accountId);
    const rows = numbers(world, accountId);
    expect(rows.length).toBeGreaterThan(0);
    expect(rows).toEqual(truth(world, accountId, dayBefore(today, 3), today));
  });
});
