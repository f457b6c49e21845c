import { expect, test } from 'vitest';
import { longestRegainMs, usageOf } from '../src/usage-headers.ts';
import { startWorld } from './world.ts';

const insightsOnly = { streams: ['insights'] };
const short = { insights: { historyDays: 1, lookbackDays: 1 } };

function headers(values: Readonly<Record<string, unknown>>): Headers {
  return new Headers(Object.entries(values).map(([name, value]): [string, string] => [name, JSON.stringify(value)]));
}

test('reads the four families: 96 % stays 96 %, four minutes are 240 s, 15 s are 15 s', () => {
  const usage = usageOf(
    headers({
      'x-business-use-case-usage': {
        '123': [
          {
            type: 'ads_insights',
            call_count: 30,
            total_cputime: 96,
            total_time: 20,
            estimated_time_to_regain_access: 4,
          },
        ],
      },
      'x-ad-account-usage': { acc_id_util_pct: 12.5, reset_time_duration: 15, ads_api_access_tier: 'standard_access' },
      'x-app-usage': { call_count: 28, total_time: 25, total_cputime: 25 },
      'x-fb-ads-insights-throttle': { app_id_util_pct: 40, acc_id_util_pct: 10 },
    }),
  );
  expect(usage).toEqual({ account: { usedRatio: 0.96, regainMs: 240_000 }, app: { usedRatio: 0.4 } });
  expect(longestRegainMs(usage)).toBe(240_000);
  const account = usageOf(headers({ 'x-ad-account-usage': { acc_id_util_pct: 100, reset_time_duration: 15 } }));
  expect(account).toEqual({ account: { usedRatio: 1, regainMs: 15_000 } });
});

test('the app and the account have quotas of their own', () => {
  const usage = usageOf(headers({ 'x-fb-ads-insights-throttle': { app_id_util_pct: 99, acc_id_util_pct: 3 } }));
  expect(usage).toEqual({ account: { usedRatio: 0.03 }, app: { usedRatio: 0.99 } });
  expect(usageOf(new Headers())).toEqual({});
});

test.each(['', 'not json', '[]', '7', '{"123":"x"}', '{"123":[null]}', '{"123":[{"call_count":"many"}]}'])(
  'a header that is %s costs pacing, never the answer',
  (text) => {
    const usage = usageOf(new Headers({ 'x-business-use-case-usage': text, 'x-app-usage': text }));
    expect(usage.account?.usedRatio ?? 0).toBe(0);
    expect(usage.app?.usedRatio ?? 0).toBe(0);
  },
);

test('an error is never slept on: a used quota parks its account at once', async () => {
  await using world = await startWorld({ facebook: { reports: { steps: 0, hasQuirks: false } } });
  const [parked = ''] = world.accountIds;
  world.sandbox.control.fault({
    kind: 'rate-limit',
    code: 80_000,
    minutes: 4,
    match: { path: `*/act_${parked}/insights` },
  });
  const before = world.sandbox.control.now();
  const report = await world.run({ ...short, accountIds: [parked] }, insightsOnly);
  expect(report.failures[0]?.error).toMatchObject({
    code: 'FACEBOOK_QUOTA_USED',
    kind: 'rate-limit',
    retryAfterMs: 240_000,
  });
  expect(world.sandbox.control.now()).toBe(before);
});

test('a quota of the app parks all its accounts with one refusal, and the next run knows', async () => {
  await using world = await startWorld();
  world.sandbox.control.fault({
    kind: 'rate-limit',
    code: 4,
    minutes: 30,
    match: { method: 'POST', path: '*/insights' },
  });
  const report = await world.run(short, { ...insightsOnly, concurrency: 1 });
  expect(report.status).toBe('failed');
  expect(new Set(report.failures.map(({ error }) => error.kind))).toEqual(new Set(['rate-limit']));
  const refused = () => world.sandbox.control.requests().filter(({ status }) => status !== 200).length;
  expect(refused()).toBe(1);
  await world.run(short, { ...insightsOnly, concurrency: 1 });
  expect(refused()).toBe(1);
  world.sandbox.control.advance({ minutes: 31 });
  expect((await world.run(short, insightsOnly)).failures).toEqual([]);
});

test('an error that is no quota is the account’s own: others are not affected, and it is no reason to wait', async () => {
  await using world = await startWorld();
  const [broken = '', ...others] = world.accountIds;
  world.sandbox.control.fault({
    kind: 'graph-error',
    code: 200,
    status: 403,
    times: 100,
    match: { path: `*/act_${broken}/insights` },
  });
  const report = await world.run(short, insightsOnly);
  expect(report.status).toBe('partial');
  expect(new Set(report.failures.map(({ error }) => error.code))).toEqual(new Set(['FACEBOOK_ACCESS_DENIED']));
  const loaded = new Set(world.store.rows('insights').map((row) => row['account_id']));
  expect(loaded.has(broken)).toBe(false);
  // The last one has nothing in it.
  expect(loaded.size).toBe(others.length - 1);
});

test('requests are spaced out as a quota fills up, and none is refused', async () => {
  await using world = await startWorld({
    isLively: false,
    facebook: { budgets: { accountPointsPer5Minutes: 40 }, reports: { hasQuirks: false } },
  });
  const [accountId = ''] = world.accountIds;
  const before = Date.parse(world.sandbox.control.now());
  const report = await world.run(
    { accountIds: [accountId], structurePageSize: 1 },
    { streams: ['campaigns', 'ad_sets', 'ads'] },
  );
  expect(report.failures).toEqual([]);
  expect(world.sandbox.control.requests().filter(({ status }) => status !== 200)).toEqual([]);
  expect(world.sandbox.control.requests().length).toBeGreaterThan(25);
  expect(Date.parse(world.sandbox.control.now())).toBeGreaterThan(before);
});

test('what a batch says of the quota counts too', async () => {
  await using world = await startWorld({ facebook: { budgets: { accountPointsPer5Minutes: 1e9 } } });
  const [accountId = ''] = world.accountIds;
  const run = world.run({ ...short, accountIds: [accountId] }, insightsOnly);
  expect((await run).failures).toEqual([]);
  const batches = world.sandbox.control
    .requests({ method: 'POST' })
    .filter(({ parameters }) => parameters['batch'] !== undefined);
  expect(batches.length).toBeGreaterThan(0);
  for (const { parameters } of batches) expect(parameters['include_headers']).toBe('true');
});
