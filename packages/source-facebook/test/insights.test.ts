import { decimalText } from '@etl/sandbox';
import { expect, test } from 'vitest';
import { startWorld, type World } from './world.ts';

function key(row: Readonly<Record<string, unknown>>): string {
  return `${String(row['account_id'])}/${String(row['date_start'])}/${String(row['ad_id'])}`;
}

/** What the table has to be for an account: spend, impressions, clicks and reach of every ad and day. */
function truth({ sandbox }: World, accountId: string, since: string, until: string): Record<string, unknown> {
  const statuses = new Map(sandbox.world.ads(accountId).map((ad) => [ad.id, ad.effectiveStatus]));
  const rows = sandbox.world.insights({ accountId, since, until, includeRemoved: true });
  return Object.fromEntries(
    rows
      .filter(({ adId }) => statuses.get(adId ?? '') !== 'DELETED')
      .map((row) => [
        `${row.accountId}/${row.dateStart}/${row.adId}`,
        [Number(decimalText(row.spendMinor, row.currency)), row.impressions, row.clicks, row.reach, row.currency],
      ]),
  );
}

function loaded({ store }: World, accountId: string): Record<string, unknown> {
  return Object.fromEntries(
    store
      .rows('insights')
      .filter((row) => row['account_id'] === accountId)
      .map((row) => [
        key(row),
        [
          Number(row['spend']),
          Number(row['impressions']),
          Number(row['clicks']),
          Number(row['reach']),
          row['account_currency'],
        ],
      ]),
  );
}

const quick = { insights: { historyDays: 5, lookbackDays: 3 } };
const insightsOnly = { streams: ['insights'] };

test('loads what the platform reports, account by account in its own days', async () => {
  await using world = await startWorld();
  const report = await world.run(quick, insightsOnly);
  expect(report.failures).toEqual([]);
  for (const accountId of world.accountIds) {
    const today = world.sandbox.world.today(accountId);
    const since = new Date(Date.parse(today) - 5 * 86_400_000).toISOString().slice(0, 10);
    expect(loaded(world, accountId)).toEqual(truth(world, accountId, since, today));
  }
  expect(world.store.rows('insights').length).toBeGreaterThan(100);
});

test('reads again what the platform restated, and only what may change', async () => {
  await using world = await startWorld();
  const [accountId = ''] = world.accountIds;
  await world.run({ ...quick, accountIds: [accountId] }, insightsOnly);
  const before = loaded(world, accountId);
  const today = world.sandbox.world.today(accountId);
  const since = new Date(Date.parse(today) - 2 * 86_400_000).toISOString().slice(0, 10);
  world.sandbox.control.restate({ accountId, since });
  const report = await world.run({ ...quick, accountIds: [accountId] }, insightsOnly);
  expect(report.failures).toEqual([]);
  const first = new Date(Date.parse(today) - 5 * 86_400_000).toISOString().slice(0, 10);
  expect(loaded(world, accountId)).toEqual(truth(world, accountId, first, today));
  expect(loaded(world, accountId)).not.toEqual(before);
});
