import { describe, expect, test } from 'vitest';
import { numbers, submissions, truth } from './insight-table.ts';
import { startWorld } from './world.ts';

// Codes whose meaning is easily taken for another one, through the whole source.

const insightsOnly = { streams: ['insights'] };
const insights = { historyDays: 2, lookbackDays: 2 };

describe('2601/1815107: a report that is complete, but not readable yet', () => {
  test('is asked for again, and not submitted again', async () => {
    await using world = await startWorld();
    const [accountId = ''] = world.accountIds;
    world.sandbox.control.fault({
      kind: 'graph-error',
      code: 2601,
      subcode: 1_815_107,
      status: 400,
      times: 2,
      match: { method: 'GET', path: '*/insights' },
    });
    const start = Date.parse(world.sandbox.control.now());
    expect((await world.run({ accountIds: [accountId], insights }, insightsOnly)).failures).toEqual([]);
    const today = world.sandbox.world.today(accountId);
    const since = new Date(Date.parse(today) - 2 * 86_400_000).toISOString().slice(0, 10);
    expect(numbers(world, accountId)).toEqual(truth(world, accountId, since, today));
    // Two reports of one window: what is complete is not paid for twice.
    expect(submissions(world, accountId)).toHaveLength(2);
    // Ten seconds, twice: it says itself when it may be asked again.
    expect(Date.parse(world.sandbox.control.now()) - start).toBeGreaterThanOrEqual(20_000);
  });

  test('for ever is an error that passes, and the old rows stay', async () => {
    await using world = await startWorld();
    const [accountId = ''] = world.accountIds;
    await world.run({ accountIds: [accountId], insights }, insightsOnly);
    const before = numbers(world, accountId);
    world.sandbox.control.fault({
      kind: 'graph-error',
      code: 2601,
      subcode: 1_815_107,
      status: 400,
      times: 1000,
      match: { method: 'GET', path: '*/insights' },
    });
    const report = await world.run({ accountIds: [accountId], insights }, insightsOnly);
    expect(new Set(report.failures.map(({ error }) => `${error.code} ${error.kind}`))).toEqual(
      new Set(['FACEBOOK_REPORT_UNREADABLE transient']),
    );
    expect(numbers(world, accountId)).toEqual(before);
  });
});

describe('2635: a version that the platform has taken away', () => {
  test('is a mistake of the configuration, said once and tried no second time', async () => {
    await using world = await startWorld({ facebook: { versions: ['v26.0', 'v27.0'] } });
    const [accountId = ''] = world.accountIds;
    const report = await world.run({ accountIds: [accountId], insights }, insightsOnly);
    expect(report.status).toBe('failed');
    for (const { error } of report.failures) {
      expect(error).toMatchObject({ code: 'FACEBOOK_VERSION_RETIRED', kind: 'config', context: { graphCode: 2635 } });
      expect(error.hint).toContain('v25.0');
    }
    expect(submissions(world)).toEqual([]);
    expect(world.sandbox.control.requests().length).toBeLessThanOrEqual(2);
  });
});

describe('more than fifty requests in a batch', () => {
  test('are as many batches as it takes, and each answer stands where it was asked', async () => {
    await using world = await startWorld({
      isLively: false,
      size: { campaignsPerAccount: 6, adSetsPerCampaign: 4, adsPerAdSet: 5 },
    });
    const [accountId = ''] = world.accountIds;
    const options = { accountIds: [accountId] };
    const creatives = { streams: ['ad_creatives'] };
    await world.run(options, creatives);
    const all = world.sandbox.world.creatives(accountId).filter(({ effectiveStatus }) => effectiveStatus !== 'DELETED');
    const renamed = all.slice(0, 55);
    expect(all.length).toBeGreaterThan(2 * renamed.length);
    for (const { id } of renamed) world.sandbox.control.change({ id, name: `renamed ${id}` });
    world.sandbox.control.clearRequests();
    expect((await world.run(options, creatives)).failures).toEqual([]);
    const requests = world.sandbox.control.requests();
    expect(requests.filter(({ isBatched }) => isBatched)).toHaveLength(55);
    expect(requests.filter(({ method, isBatched }) => method === 'POST' && !isBatched)).toHaveLength(2);
    const names = new Map(world.store.rows('ad_creatives').map((row) => [row['id'], row['name']]));
    for (const { id } of renamed) expect(names.get(id)).toBe(`renamed ${id}`);
  });
});
