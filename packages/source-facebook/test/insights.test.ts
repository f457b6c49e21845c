import { decimalText } from '@etl/sandbox';
import { expect, test } from 'vitest';
import { DEFAULT_INSIGHT_FIELDS } from '../src/index.ts';
import { startWorld, type World } from './world.ts';

function key(row: Readonly<Record<string, unknown>>): string {
  return `${String(row['account_id'])}/${String(row['date_start'])}/${String(row['ad_id'])}`;
}

/** What the table has to be for an account: spend, impressions, clicks and reach of every ad and day. */
function truth({ sandbox }: World, accountId: string, since: string, until: string): Record<string, unknown> {
  const rows = sandbox.world.insights({ accountId, since, until, includeRemoved: true });
  return Object.fromEntries(
    rows.map((row) => [
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

test('keeps the numbers of ads that were deleted, in every day that is read again', async () => {
  await using world = await startWorld();
  const [accountId = ''] = world.accountIds;
  const options = { ...quick, accountIds: [accountId] };
  await world.run(options, insightsOnly);
  const before = loaded(world, accountId);
  const deleted = new Set<unknown>();
  for (const { ad_id: id } of world.store.rows('insights').slice(0, 2)) {
    deleted.add(id);
    world.sandbox.control.change({ id: String(id), status: 'DELETED' });
  }
  expect((await world.run(options, insightsOnly)).failures).toEqual([]);
  expect(loaded(world, accountId)).toEqual(before);
  expect(world.store.rows('insights').some((row) => deleted.has(row['ad_id']))).toBe(true);
});

test('sets a currency beside all money, and flattens subscriptions as the nested rows have them', async () => {
  await using world = await startWorld();
  const insights = {
    ...quick.insights,
    fields: [...DEFAULT_INSIGHT_FIELDS, 'conversions' as const, 'conversion_values' as const],
    hasSubscriptionRevenue: true,
  };
  const report = await world.run({ insights }, insightsOnly);
  expect(report.failures).toEqual([]);
  const rows = world.store.rows('insights');
  const nested = (row: (typeof rows)[number], type: string) =>
    (row['actions'] as { action_type: string; value: string }[])
      .filter((entry) => entry.action_type === type)
      .reduce((sum, { value }) => sum + Number(value), 0);
  for (const row of rows) expect(Number(row['actions_link_click'] ?? 0)).toBe(nested(row, 'link_click'));
  expect(rows.some((row) => Number(row['subscriptions']) > 0)).toBe(true);
  expect(rows.some((row) => Number(row['subscription_revenue']) > 0)).toBe(true);
  expect(new Set(rows.map((row) => row['account_currency'])).size).toBeGreaterThan(3);
});

test.each(['campaign', 'adset', 'account'] as const)('has one row of each %s and day at that level', async (level) => {
  await using world = await startWorld();
  const [accountId = ''] = world.accountIds;
  const report = await world.run({ accountIds: [accountId], insights: { ...quick.insights, level } }, insightsOnly);
  expect(report.failures).toEqual([]);
  expect(world.store.rows('insights').length).toBeGreaterThan(0);
});

test('has every breakdown in its key', async () => {
  await using world = await startWorld();
  const [accountId = ''] = world.accountIds;
  const insights = { ...quick.insights, breakdowns: ['age', 'gender'] };
  const report = await world.run({ accountIds: [accountId], insights }, insightsOnly);
  expect(report.failures).toEqual([]);
  expect(world.store.specs.get('insights')?.primaryKey).toEqual(['account_id', 'date_start', 'ad_id', 'age', 'gender']);
  const spend = (rows: readonly Readonly<Record<string, unknown>>[]) =>
    rows.reduce((sum, row) => sum + Number(row['impressions']), 0);
  const broken = spend(world.store.rows('insights'));
  world.store.tables.clear();
  world.store.ledger.clear();
  await world.run({ accountIds: [accountId], ...quick }, insightsOnly);
  expect(spend(world.store.rows('insights'))).toBe(broken);
});
