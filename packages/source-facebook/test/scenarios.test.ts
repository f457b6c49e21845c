import type { JsonValue, PipelineEvent } from '@etl/core';
import { describe, expect, test } from 'vitest';
import { dayBefore, numbers, rangeOf, submissions, truth } from './insight-table.ts';
import { startWorld } from './world.ts';

// What is expected of the whole source, each line by a test against the sandbox through the real SDK; the list is
// docs/scenarios-facebook.md.

const insightsOnly = { streams: ['insights'] };
const STRUCTURE = ['campaigns', 'ad_sets', 'ads', 'ad_creatives'];
const short = { insights: { historyDays: 3, lookbackDays: 2 } };
const DAY_MS = 86_400_000;

describe('insights commit before structural streams', () => {
  /** What became of an account's slices, in order. */
  function heard(): {
    readonly onEvent: (event: PipelineEvent) => void;
    readonly published: (accountId: string) => readonly string[];
  } {
    const events: { readonly stream: string; readonly slice: string }[] = [];
    return {
      onEvent(event) {
        if (event.type === 'slice-published') events.push({ stream: event.stream, slice: event.slice });
      },
      published: (accountId) => events.filter(({ slice }) => slice.includes(accountId)).map(({ stream }) => stream),
    };
  }

  test('of each account, whatever the others do', async () => {
    await using world = await startWorld();
    const { onEvent, published } = heard();
    expect((await world.run(short, { onEvent })).failures).toEqual([]);
    for (const accountId of world.accountIds) {
      const streams = published(accountId);
      const lastInsight = streams.lastIndexOf('insights');
      expect(lastInsight).toBeGreaterThanOrEqual(0);
      expect(streams.slice(lastInsight + 1).toSorted()).toEqual([...STRUCTURE].toSorted());
      expect(streams.slice(0, lastInsight + 1).every((stream) => stream === 'insights')).toBe(true);
    }
  });

  test('and stay when each structural stream fails', async () => {
    await using world = await startWorld();
    const [accountId = ''] = world.accountIds;
    for (const edge of ['campaigns', 'adsets', 'ads', 'adcreatives']) {
      world.sandbox.control.fault({
        kind: 'graph-error',
        code: 200,
        status: 403,
        times: 100,
        match: { method: 'GET', path: `*/act_*/${edge}` },
      });
    }
    const report = await world.run({ ...short, accountIds: [accountId] });
    expect(report.status).toBe('partial');
    expect(new Set(report.failures.map(({ stream }) => stream))).toEqual(new Set(STRUCTURE));
    const today = world.sandbox.world.today(accountId);
    expect(numbers(world, accountId)).toEqual(truth(world, accountId, dayBefore(today, 3), today));
  });

  test('a run that is stopped after them has them', async () => {
    await using world = await startWorld();
    const [accountId = ''] = world.accountIds;
    const killer = new AbortController();
    const onEvent = (event: PipelineEvent): void => {
      if (event.type === 'window-started' && event.stream === 'campaigns') killer.abort(new Error('killed'));
    };
    await expect(world.run({ ...short, accountIds: [accountId] }, { onEvent, signal: killer.signal })).rejects.toThrow(
      'killed',
    );
    const today = world.sandbox.world.today(accountId);
    expect(numbers(world, accountId)).toEqual(truth(world, accountId, dayBefore(today, 3), today));
    expect(world.store.rows('campaigns')).toEqual([]);
  });
});

test('a backfill of insights asks for no object, and moves nothing of what is there', async () => {
  await using world = await startWorld();
  const [accountId = ''] = world.accountIds;
  const options = { ...short, accountIds: [accountId] };
  expect((await world.run(options)).failures).toEqual([]);
  const campaigns = world.store.rows('campaigns');
  world.sandbox.control.clearRequests();
  const today = world.sandbox.world.today(accountId);
  const days = { start: dayBefore(today, 20), end: dayBefore(today, 12) };
  expect((await world.run(options, { ...insightsOnly, days })).failures).toEqual([]);
  expect(
    world.sandbox.control.requests().filter(({ path }) => /\/(campaigns|adsets|ads|adcreatives)$/.test(path)),
  ).toEqual([]);
  expect(world.store.rows('campaigns')).toEqual(campaigns);
  expect(numbers(world, accountId)).toEqual(
    [
      ...truth(world, accountId, dayBefore(today, 20), dayBefore(today, 13)),
      ...truth(world, accountId, dayBefore(today, 3), today),
    ].toSorted(),
  );
});

test.each([1, 3, 8, 30])(
  'windows of %i days at most: both bounds, no gap, no overlap, the last one ends today',
  async (windowDays) => {
    await using world = await startWorld();
    const [accountId = ''] = world.accountIds;
    const insights = {
      historyDays: 11,
      lookbackDays: 2,
      windowDays,
      fields: ['spend' as const, 'impressions' as const],
    };
    expect((await world.run({ accountIds: [accountId], insights }, insightsOnly)).failures).toEqual([]);
    const today = world.sandbox.world.today(accountId);
    const asked = submissions(world)
      .map(rangeOf)
      .flatMap(({ since, until }) => {
        const count = (Date.parse(until) - Date.parse(since)) / DAY_MS + 1;
        expect(count).toBeLessThanOrEqual(windowDays);
        return Array.from({ length: count }, (_, index) => dayBefore(until, index));
      })
      .toSorted();
    expect(asked).toEqual(Array.from({ length: 12 }, (_, index) => dayBefore(today, 11 - index)));
  },
);

describe('what is remembered is never what decides of rows', () => {
  const damaged: readonly (readonly [string, JsonValue])[] = [
    ['text', 'x'],
    ['a number', 7],
    ['a list', [1, null]],
    ['an object of something else', { days: 0, parts: [], at: 'never' }],
    ['parts without end', { days: 1, parts: [{ groups: 7 }], asked: 'ad', at: 1 }],
  ];

  test.each(damaged)('memory that holds %s costs calls, never rows', async (_what, stored) => {
    await using world = await startWorld();
    const [accountId = ''] = world.accountIds;
    const options = { ...short, accountIds: [accountId] };
    expect((await world.run(options, insightsOnly)).failures).toEqual([]);
    const before = numbers(world, accountId);
    expect(world.store.memory.size).toBeGreaterThan(0);
    for (const key of world.store.memory.keys()) world.store.memory.set(key, stored);
    for (const key of world.store.shared.keys()) world.store.shared.set(key, stored);
    expect((await world.run(options, insightsOnly)).failures).toEqual([]);
    expect(numbers(world, accountId)).toEqual(before);
  });

  test('without any memory the ledger alone says what is due', async () => {
    await using world = await startWorld();
    const [accountId = ''] = world.accountIds;
    const options = { accountIds: [accountId], insights: { historyDays: 12, lookbackDays: 2 } };
    expect((await world.run(options, insightsOnly)).failures).toEqual([]);
    world.store.memory.clear();
    world.sandbox.control.advance({ days: 1 });
    world.sandbox.control.clearRequests();
    expect((await world.run(options, insightsOnly)).failures).toEqual([]);
    const today = world.sandbox.world.today(accountId);
    // Settled days are not asked for again, and the new one is.
    const asked = submissions(world).map(rangeOf);
    expect(
      asked
        .map(({ until }) => until)
        .toSorted()
        .at(-1),
    ).toBe(today);
    expect(asked.map(({ since }) => since).toSorted()[0]).toBe(dayBefore(today, 3));
    expect(numbers(world, accountId)).toEqual(truth(world, accountId, dayBefore(today, 13), today));
  });
});

test('a window that fails leaves the others what they are, and is due in the next run', async () => {
  await using world = await startWorld();
  const [accountId = ''] = world.accountIds;
  const today = world.sandbox.world.today(accountId);
  const options = {
    accountIds: [accountId],
    insights: { historyDays: 8, lookbackDays: 2, windowDays: 3, loadWindowDays: 3 },
    reports: { maxRetries: 0 },
  };
  world.sandbox.control.fault({
    kind: 'job-failed',
    times: 1000,
    match: { path: '*/insights', parameters: { time_range: `*${dayBefore(today, 3)}*` } },
  });
  const report = await world.run(options, insightsOnly);
  expect(report.status).toBe('partial');
  const failed = report.failures.map(({ slice }) => slice?.split('/')[1] ?? '').toSorted();
  expect(failed).toContain(dayBefore(today, 3));
  const loaded = new Set(world.store.rows('insights').map((row) => String(row['date_start'])));
  expect(loaded.size + failed.length).toBeGreaterThanOrEqual(9);
  for (const day of failed) expect(loaded.has(day)).toBe(false);
  world.sandbox.control.clearFaults();
  expect((await world.run(options, insightsOnly)).failures).toEqual([]);
  expect(numbers(world, accountId)).toEqual(truth(world, accountId, dayBefore(today, 8), today));
});

describe('authentication that fails is not taken for too much data', () => {
  test.each([458, 460, 463, 467])('190/%i: one call for each thing that is asked, none divided', async (subcode) => {
    await using world = await startWorld();
    const [accountId = ''] = world.accountIds;
    world.sandbox.control.fault({
      kind: 'graph-error',
      code: 190,
      subcode,
      status: 400,
      times: 1000,
      match: { method: 'POST', path: '*/insights' },
    });
    const report = await world.run({ ...short, accountIds: [accountId] }, insightsOnly);
    expect(new Set(report.failures.map(({ error }) => error.kind))).toEqual(new Set(['auth']));
    const ranges = submissions(world).map(rangeOf);
    expect(new Set(ranges.map(({ since, until }) => `${since} ${until}`)).size).toBe(ranges.length);
    expect(ranges.length).toBeLessThanOrEqual(2);
  });
});

test('core and unique metrics are joined on account, day, ad and every breakdown', async () => {
  await using world = await startWorld();
  const [accountId = ''] = world.accountIds;
  const insights = { historyDays: 2, lookbackDays: 2, breakdowns: ['age', 'gender'] };
  expect((await world.run({ accountIds: [accountId], insights }, insightsOnly)).failures).toEqual([]);
  const rows = world.store.rows('insights');
  const today = world.sandbox.world.today(accountId);
  const expected = world.sandbox.world.insights({
    accountId,
    since: dayBefore(today, 2),
    until: today,
    breakdowns: ['age', 'gender'],
    includeRemoved: true,
  });
  expect(rows).toHaveLength(expected.length);
  // Reach comes with one report, impressions with the other: each row has both, and its own.
  const own = rows.map((row) =>
    [row['date_start'], row['ad_id'], row['age'], row['gender'], row['reach'], row['impressions']].join(' '),
  );
  const theirs = expected.map((row) => {
    const { age, gender } = row.breakdowns;
    return [row.dateStart, row.adId, age, gender, row.reach, row.impressions].join(' ');
  });
  expect(own.toSorted()).toEqual(theirs.toSorted());
});

describe('a row that one of the reports lacks', () => {
  test('is there, its unknown numbers are NULL and named, and no scalar of them is 0', async () => {
    await using world = await startWorld();
    const [accountId = ''] = world.accountIds;
    // The report without counts of people comes short of all its rows.
    const isCore = new Map<string, boolean>();
    const lacking: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      const { pathname } = new URL(input instanceof Request ? input.url : String(input));
      if (!/\/62\d+\/insights$/.test(pathname)) return response;
      const page = (await response.json()) as { data?: Record<string, unknown>[] };
      if (page.data?.[0] !== undefined && 'impressions' in page.data[0]) {
        isCore.set(pathname, true);
        page.data = page.data.slice(1);
      }
      return Response.json(page, { status: response.status });
    };
    const options = {
      accountIds: [accountId],
      insights: { historyDays: 1, lookbackDays: 1, isReconciled: false },
      fetch: lacking,
    };
    expect((await world.run(options, insightsOnly)).failures).toEqual([]);
    expect(isCore.size).toBeGreaterThan(0);
    const rows = world.store.rows('insights');
    const partly = rows.filter((row) => row['_unfetched'] !== null);
    expect(partly.length).toBeGreaterThan(0);
    expect(partly.length).toBeLessThan(rows.length);
    for (const row of partly) {
      expect(row['impressions']).toBeNull();
      expect(row['reach']).not.toBeNull();
      expect(String(row['_unfetched']).split(',')).toEqual(expect.arrayContaining(['actions', 'impressions', 'spend']));
      for (const column of [
        'trial_starts',
        'subscriptions',
        'trial_start_value',
        'subscription_value',
        'actions_link_click',
      ]) {
        expect([column, row[column]]).toEqual([column, null]);
      }
    }
    for (const row of rows) if (row['_unfetched'] === null) expect(row['trial_starts']).not.toBeNull();
    const flags = [...(world.store.ledger.get('facebook_d1')?.values() ?? [])].flatMap((entry) => entry.flags ?? []);
    expect(flags).toContain('unmatched');
  });
});

describe('a field that is given up', () => {
  test('is NULL in its own and in its scalars, named in the row and in the ledger, and 0 nowhere', async () => {
    await using world = await startWorld();
    const [accountId = ''] = world.accountIds;
    world.sandbox.control.fault({
      kind: 'too-much-data',
      form: 'data-points',
      times: 1000,
      match: { method: 'POST', path: '*/insights', parameters: { fields: '*actions*' } },
    });
    const insights = {
      historyDays: 1,
      lookbackDays: 1,
      fields: ['spend' as const, 'impressions' as const, 'actions' as const],
    };
    expect((await world.run({ accountIds: [accountId], insights }, insightsOnly)).failures).toEqual([]);
    const rows = world.store.rows('insights');
    expect(rows.length).toBeGreaterThan(0);
    const without = rows.filter((row) => row['_unfetched'] === 'actions');
    expect(without.length).toBeGreaterThan(0);
    for (const row of without) {
      expect(row['actions']).toEqual([]);
      expect([row['actions_link_click'], row['trial_starts'], row['subscriptions']]).toEqual([null, null, null]);
    }
    const flags = [...(world.store.ledger.get('facebook_d1')?.values() ?? [])].flatMap((entry) => entry.flags ?? []);
    expect(flags).toContain('unfetched:actions');
  });
});

describe('a parked account', () => {
  test.each([17, 80_000, 80_004] as const)(
    '%i: one call, no pause, the next account runs, its rows stay, the run ends with its name',
    async (code) => {
      await using world = await startWorld({ facebook: { reports: { steps: 0, hasQuirks: false } } });
      const [parked = '', other = ''] = world.accountIds;
      const options = { ...short, accountIds: [parked, other] };
      expect((await world.run(options, insightsOnly)).failures).toEqual([]);
      const before = numbers(world, parked);
      expect(before.length).toBeGreaterThan(0);
      world.sandbox.control.clearRequests();
      world.sandbox.control.fault({ kind: 'rate-limit', code, minutes: 30, match: { path: `*/act_${parked}/*` } });
      const start = world.sandbox.control.now();
      const report = await world.run(options);
      expect(report.status).toBe('partial');
      expect(new Set(report.failures.map(({ slice }) => slice?.split(/[/=]/)[1]))).toEqual(new Set([parked]));
      expect(world.sandbox.control.requests({ path: `*/act_${parked}/*` })).toHaveLength(1);
      expect(world.sandbox.control.now()).toBe(start);
      expect(numbers(world, parked)).toEqual(before);
      expect(world.store.rows('campaigns').every((row) => row['account_id'] === other)).toBe(true);
    },
  );

  test('keeps the rows of the streams that it was read of before, and is read to its end when it is free', async () => {
    await using world = await startWorld();
    const [accountId = ''] = world.accountIds;
    const options = { ...short, accountIds: [accountId] };
    world.sandbox.control.fault({ kind: 'rate-limit', code: 80_004, minutes: 20, match: { path: '*/adsets' } });
    const report = await world.run(options);
    expect(report.status).toBe('partial');
    expect(world.store.rows('insights').length).toBeGreaterThan(0);
    expect(world.store.rows('campaigns').length).toBeGreaterThan(0);
    expect(new Set(report.failures.map(({ stream }) => stream))).toEqual(new Set(['ad_sets', 'ads', 'ad_creatives']));
    for (const { error } of report.failures) expect(error.kind).toBe('rate-limit');
    world.sandbox.control.advance({ minutes: 25 });
    expect((await world.run(options)).failures).toEqual([]);
    for (const stream of STRUCTURE) expect(world.store.rows(stream).length).toBeGreaterThan(0);
  });
});
