import { loggerInto } from '@etl/testing';
import { describe, expect, test } from 'vitest';
import { productOf } from '../src/exact-arithmetic.ts';
import { sumOf } from '../src/exact-text.ts';
import { dayBefore } from './insight-table.ts';
import { DAYS, rateOn, spendOf, stamps, STAMPS, startReportingWorld, type ReportingWorld } from './reporting-world.ts';

// Through the real SDK, against the sandbox; what is promised is in the README.

const insightsOnly = { streams: ['insights'] };

describe('an account in pounds', () => {
  test('every amount is the platform’s times the rate of its day, and the gate holds', async () => {
    await using world = await startReportingWorld();
    const report = await world.run({ ...world.reporting, accountIds: [world.pounds] }, insightsOnly);
    expect(report.failures).toEqual([]);
    const rows = world.insights(world.pounds);
    const truth = world.truth(world.pounds);
    expect([...rows.keys()].toSorted()).toEqual([...truth.keys()].toSorted());
    expect(rows.size).toBeGreaterThan(50);
    for (const [key, row] of rows) {
      const given = truth.get(key);
      const { rate, of } = rateOn(world, String(row['date_start']));
      expect(row).toMatchObject({
        account_currency: 'GBP',
        source_currency: 'GBP',
        reporting_currency: 'AED',
        fx_rate_to_aed: rate,
        fx_requested_date: row['date_start'],
        fx_effective_date: of,
        impressions: String(given?.impressions),
        clicks: String(given?.clicks),
        reach: String(given?.reach),
      });
      const spend = given === undefined ? '' : spendOf(given);
      expect([row['spend_source'], row['spend']]).toEqual([spend, productOf(spend, rate, 6)]);
      for (const entry of row['action_values'] as readonly Record<string, string>[]) {
        expect(entry['value']).toBe(productOf(entry['value_source'] ?? '', rate, 6));
      }
    }
    const revenue = [...rows.values()].filter((row) => row['action_values_omni_purchase'] !== null);
    expect(revenue.length).toBeGreaterThan(0);
    for (const row of revenue) {
      const nested = (row['action_values'] as readonly Record<string, string>[])
        .filter((entry) => entry['action_type'] === 'omni_purchase')
        .map(({ value = '' }) => value);
      expect(row['action_values_omni_purchase']).toBe(sumOf(nested));
    }
  });

  test('currency: 4.9882078278 AED/GBP from 1.1643/0.8572', async () => {
    const day = '2026-03-30';
    await using world = await startReportingWorld({ ecb: { rates: { [day]: { USD: '1.1643', GBP: '0.8572' } } } });
    expect((await world.run(world.reporting, insightsOnly)).failures).toEqual([]);
    const rows = [...world.insights(world.pounds).values()].filter((row) => row['date_start'] === day);
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      expect(stamps(row)).toEqual({
        source_currency: 'GBP',
        reporting_currency: 'AED',
        fx_rate_to_aed: '4.9882078278',
        fx_requested_date: day,
        fx_effective_date: day,
        fx_rate_status: 'exact',
      });
    }
  });

  test('ratios and counts are those of a run without', async () => {
    await using plain = await startReportingWorld();
    await using world = await startReportingWorld();
    await plain.run({ ...plain.reporting, reportingCurrency: undefined }, insightsOnly);
    await world.run(world.reporting, insightsOnly);
    const own = world.insights(world.pounds);
    for (const [key, row] of plain.insights(plain.pounds)) {
      const same = [
        'frequency',
        'ctr',
        'unique_ctr',
        'reach',
        'actions',
        'website_ctr',
        'purchase_roas',
        'actions_link_click',
      ];
      for (const column of same) expect([column, own.get(key)?.[column]]).toEqual([column, row[column]]);
      expect(own.get(key)?.['spend_source']).toBe(row['spend']);
    }
    expect(own.size).toBeGreaterThan(50);
  });

  test('a day that lacks a row is found, although money is in another currency: sums are compared in the account’s', async () => {
    await using world = await startReportingWorld();
    const today = world.sandbox.world.today(world.pounds);
    const lacking: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      const { pathname } = new URL(input instanceof Request ? input.url : String(input));
      if (!/\/62\d+\/insights$/.test(pathname)) return response;
      const page = (await response.json()) as { data?: { date_start: string; spend?: string }[] };
      const row = page.data?.find(({ date_start: start, spend }) => start === dayBefore(today, 2) && Number(spend) > 0);
      if (row?.spend !== undefined) row.spend = '0.01';
      return Response.json(page, { status: response.status });
    };
    const insights = { historyDays: 8, lookbackDays: 8, reconcileTolerance: 0 };
    const report = await world.run(
      { ...world.reporting, accountIds: [world.pounds], insights, fetch: lacking },
      insightsOnly,
    );
    expect(report.failures.map(({ slice, error }) => `${String(slice)} ${error.code}`)).toEqual([
      expect.stringMatching(new RegExp(`${dayBefore(today, 2)} SLICE_SUM_DIFFERS`)),
    ]);
    expect(report.failures[0]?.error.message).toContain('spend_source');
    expect(world.insights(world.pounds).size).toBeGreaterThan(0);
  });
});

describe('an account in dirhams', () => {
  test('AED byte-identical: its table is the one of a run without, and nobody asks the bank', async () => {
    await using plain = await startReportingWorld();
    await using world = await startReportingWorld();
    await plain.run({ ...plain.reporting, accountIds: [plain.dirhams], reportingCurrency: undefined });
    expect((await world.run({ ...world.reporting, accountIds: [world.dirhams] })).failures).toEqual([]);
    expect(world.askedOfBank()).toEqual([]);
    const without = (row: Readonly<Record<string, unknown>>): Record<string, unknown> =>
      JSON.parse(JSON.stringify(row), (key, value: unknown) =>
        STAMPS.includes(key) || key.endsWith('_source') ? undefined : value,
      ) as Record<string, unknown>;
    for (const stream of ['insights', 'campaigns', 'ad_sets', 'ads', 'ad_creatives']) {
      const rows = world.store.rows(stream);
      expect(rows.length).toBeGreaterThan(0);
      expect(rows.map(without)).toEqual(plain.store.rows(stream).map(without));
    }
    for (const row of world.store.rows('insights')) {
      expect(row['spend_source']).toBe(row['spend']);
      expect(stamps(row)).toMatchObject({ fx_rate_to_aed: '1', fx_rate_status: 'exact', source_currency: 'AED' });
    }
    expect(world.store.rows('fx_daily_rates')).toEqual([]);
  });

  test('loads although the bank is down', async () => {
    await using world = await startReportingWorld();
    world.sandbox.control.fault({ kind: 'reset', times: 1000, match: { platform: 'ecb' } });
    expect((await world.run({ ...world.reporting, accountIds: [world.dirhams] })).failures).toEqual([]);
  });
});

test('an account in any other currency fails by its name, and the others load', async () => {
  await using world = await startReportingWorld({
    accounts: [
      { currency: 'GBP', timeZone: 'Europe/London' },
      { currency: 'AED', timeZone: 'Asia/Dubai' },
      { currency: 'USD', timeZone: 'America/New_York' },
    ],
  });
  const [, , dollars = ''] = world.accountIds;
  const report = await world.run({ ...world.reporting, accountIds: [...world.accountIds] });
  expect(report.status).toBe('partial');
  for (const { slice, error } of report.failures) {
    expect(slice).toContain(dollars);
    expect(error).toMatchObject({ code: 'FACEBOOK_CURRENCY_UNSUPPORTED', kind: 'config' });
    expect(error.message).toContain(`ad account ${dollars} is in USD`);
  }
  expect(world.insights(world.pounds).size).toBeGreaterThan(0);
  expect(world.insights(world.dirhams).size).toBeGreaterThan(0);
  expect(world.insights(dollars).size).toBe(0);
  expect(world.sandbox.control.requests({ path: `*/act_${dollars}/*` })).toEqual([]);
});

test('a row without a currency fails its days, and the next run has them', async () => {
  await using world = await startReportingWorld();
  const options = { ...world.reporting, accountIds: [world.pounds], insights: { historyDays: 8, lookbackDays: 8 } };
  world.sandbox.control.fault({
    kind: 'missing-field',
    field: 'account_currency',
    times: 1000,
    match: { method: 'GET', path: '*/insights' },
  });
  const report = await world.run(options, insightsOnly);
  expect(new Set(report.failures.map(({ error }) => error.code))).toEqual(new Set(['FACEBOOK_CURRENCY_UNCERTAIN']));
  expect(world.insights(world.pounds).size).toBe(0);
  world.sandbox.control.clearFaults();
  expect((await world.run(options, insightsOnly)).failures).toEqual([]);
  expect(world.insights(world.pounds).size).toBe(world.truth(world.pounds, 8).size);
});

describe('the status of a rate', () => {
  const byDay = (world: ReportingWorld): Record<string, unknown> =>
    Object.fromEntries(
      [...world.insights(world.pounds).values()].map((row) => [row['date_start'], row['fx_rate_status']]),
    );

  test('a day is provisional until the bank has published, then exact, and its amounts follow', async () => {
    // A Tuesday, three hours before the rates of the day are published.
    await using world = await startReportingWorld({ now: new Date('2026-03-31T12:00:00Z') });
    const options = { ...world.reporting, accountIds: [world.pounds] };
    await world.run(options, insightsOnly);
    expect(byDay(world)).toMatchObject({
      '2026-03-27': 'exact',
      '2026-03-28': 'carried',
      '2026-03-29': 'carried',
      '2026-03-30': 'exact',
      '2026-03-31': 'provisional',
    });
    const key = [...world.insights(world.pounds).keys()].find((one) => one.startsWith('2026-03-31')) ?? '';
    const before = world.insights(world.pounds).get(key);
    expect(before?.['fx_effective_date']).toBe('2026-03-30');
    world.sandbox.control.advance({ hours: 4 });
    expect((await world.run(options, insightsOnly)).failures).toEqual([]);
    expect(byDay(world)['2026-03-31']).toBe('exact');
    const after = world.insights(world.pounds).get(key);
    const { rate } = rateOn(world, '2026-03-31');
    expect(after).toMatchObject({ fx_rate_to_aed: rate, fx_effective_date: '2026-03-31' });
    expect(after?.['spend']).toBe(productOf(String(after?.['spend_source']), rate, 6));
    expect(after?.['fx_rate_to_aed']).not.toBe(before?.['fx_rate_to_aed']);
  });

  test('a weekend is provisional until Monday, and carried from then on, at the same rate', async () => {
    await using world = await startReportingWorld({ now: new Date('2026-03-29T12:00:00Z') });
    const options = { ...world.reporting, accountIds: [world.pounds] };
    await world.run(options, insightsOnly);
    expect(byDay(world)).toMatchObject({
      '2026-03-27': 'exact',
      '2026-03-28': 'provisional',
      '2026-03-29': 'provisional',
    });
    const before = world.insights(world.pounds);
    world.sandbox.control.advanceTo('2026-03-30T16:00:00Z');
    await world.run(options, insightsOnly);
    expect(byDay(world)).toMatchObject({ '2026-03-28': 'carried', '2026-03-29': 'carried', '2026-03-30': 'exact' });
    for (const [key, row] of world.insights(world.pounds)) {
      if (key.startsWith('2026-03-28')) expect(row['fx_rate_to_aed']).toBe(before.get(key)?.['fx_rate_to_aed']);
    }
  });

  test('of days with one of two rates, or none, is the one of the day before', async () => {
    await using world = await startReportingWorld({
      ecb: { rates: { '2026-03-25': { USD: '1.2' }, '2026-03-26': {} }, unpublished: ['2026-03-27'] },
    });
    expect((await world.run(world.reporting, insightsOnly)).failures).toEqual([]);
    for (const row of world.insights(world.pounds).values()) {
      const day = String(row['date_start']);
      if (day < '2026-03-25' || day > '2026-03-29') continue;
      expect([day, row['fx_effective_date'], row['fx_rate_status']]).toEqual([day, '2026-03-24', 'carried']);
    }
  });

  test('a rate of five days is warned of, one of eight is not taken: the other days load', async () => {
    const silent = Array.from({ length: 8 }, (_, index) => dayBefore('2026-03-31', index));
    await using world = await startReportingWorld({ ecb: { unpublished: silent } });
    const heard: unknown[] = [];
    const report = await world.run(
      { ...world.reporting, accountIds: [world.pounds] },
      { ...insightsOnly, logger: loggerInto(heard) },
    );
    expect(report.failures.map(({ slice, error }) => `${String(slice?.split('/')[1])} ${error.code}`)).toEqual([
      '2026-03-31 FACEBOOK_RATE_MISSING',
    ]);
    expect(byDay(world)).toMatchObject({ '2026-03-23': 'exact', '2026-03-30': 'provisional' });
    expect(JSON.stringify(heard)).toContain('exchange rate is old');
    const flags = [...(world.store.ledger.get('facebook_d1')?.values() ?? [])].flatMap((entry) =>
      (entry.flags ?? []).map((flag) => `${entry.slice.split('/')[1] ?? ''} ${flag}`),
    );
    expect(flags).toContain('2026-03-28 old-rate');
    expect(flags).not.toContain('2026-03-27 old-rate');
  });
});

describe('when the bank cannot be asked', () => {
  test.each([
    ['HTML with 200', { kind: 'html', status: 200 } as const, 'FACEBOOK_RATES_INVALID'],
    ['a proxy that refuses', { kind: 'status', status: 403 } as const, 'FACEBOOK_RATES_UNAVAILABLE'],
    ['no connection', { kind: 'reset' } as const, 'FACEBOOK_RATES_UNAVAILABLE'],
    ['half a file', { kind: 'cut-json' } as const, 'FACEBOOK_RATES_UNAVAILABLE'],
  ])('%s: no report is asked for, old rows stay, the next run has all', async (_what, fault, code) => {
    await using world = await startReportingWorld();
    expect((await world.run(world.reporting)).failures).toEqual([]);
    const before = world.insights(world.pounds);
    world.sandbox.control.advance({ days: 1 });
    world.sandbox.control.clearRequests();
    world.sandbox.control.fault({ ...fault, times: 1000, match: { platform: 'ecb' } });
    const report = await world.run(world.reporting);
    expect(report.status).toBe('partial');
    const ofPounds = report.failures.filter(({ slice }) => slice?.includes(world.pounds));
    expect(ofPounds).toHaveLength(report.failures.length);
    expect(new Set(ofPounds.map(({ error }) => error.code))).toEqual(new Set([code]));
    expect(new Set(ofPounds.map(({ stream }) => stream))).toEqual(new Set(['insights', 'campaigns', 'ad_sets']));
    expect(world.sandbox.control.requests({ method: 'POST', path: `*/act_${world.pounds}/insights` })).toEqual([]);
    expect(world.insights(world.pounds)).toEqual(before);
    // Days are not tried one by one, nor accounts and streams.
    expect(world.askedOfBank().length).toBeLessThanOrEqual(4);
    world.sandbox.control.clearFaults();
    world.sandbox.control.advance({ minutes: 2 });
    expect((await world.run(world.reporting)).failures).toEqual([]);
    expect(world.insights(world.pounds).size).toBeGreaterThan(before.size);
  });

  test('a request that fails once is repeated', async () => {
    await using world = await startReportingWorld();
    world.sandbox.control.fault({ kind: 'empty', times: 2, match: { platform: 'ecb' } });
    expect((await world.run(world.reporting, insightsOnly)).failures).toEqual([]);
    expect(world.askedOfBank()).toHaveLength(3);
  });
});

describe('what the bank is asked', () => {
  test('is one request a run, from seventy days before the first day that is expected', async () => {
    await using world = await startReportingWorld();
    await world.run(world.reporting);
    const today = world.sandbox.world.today(world.pounds);
    expect(world.askedOfBank()).toEqual([dayBefore(today, DAYS + 70)]);
    world.sandbox.control.clearRequests();
    world.sandbox.control.advance({ days: 1 });
    await world.run(world.reporting);
    expect(world.askedOfBank()).toEqual([dayBefore(today, DAYS + 69)]);
  });

  test('covers the days of a backfill, of however long ago', async () => {
    await using world = await startReportingWorld({ now: new Date('2026-10-15T12:00:00Z') });
    const options = { ...world.reporting, accountIds: [world.pounds] };
    const days = { start: '2026-01-05', end: '2026-01-20' };
    expect((await world.run(options, { ...insightsOnly, days })).failures).toEqual([]);
    const rows = [...world.insights(world.pounds).values()].filter((row) => String(row['date_start']) < '2026-02-01');
    expect(rows.length).toBeGreaterThan(50);
    for (const row of rows) {
      const { rate, of } = rateOn(world, String(row['date_start']));
      expect([row['fx_rate_to_aed'], row['fx_effective_date']]).toEqual([rate, of]);
      expect(row['fx_rate_status']).not.toBe('provisional');
    }
    expect(world.askedOfBank()).toEqual([dayBefore('2026-10-15', DAYS + 70), dayBefore('2026-01-05', 70)]);
  });

  test('holds nothing of Facebook: no token, no account', async () => {
    await using world = await startReportingWorld();
    const seen: string[] = [];
    const watching: typeof fetch = async (input, init) => {
      const request = new Request(input, init);
      if (request.url.startsWith(world.sandbox.ecb.baseUrl))
        seen.push(JSON.stringify([request.url, [...request.headers]]));
      return fetch(input, init);
    };
    await world.run({ ...world.reporting, fetch: watching }, insightsOnly);
    expect(seen).toHaveLength(1);
    expect(seen[0]).not.toContain(world.sandbox.facebook.token);
    expect(seen[0]?.toLowerCase()).not.toContain('authorization');
    expect(seen[0]).not.toContain(world.pounds);
  });
});
