import fc from 'fast-check';
import { dayIn, type Slice } from '@etl/core';
import { describe, expect, test } from 'vitest';
import { facebook, type FacebookOptions } from '../src/index.ts';
import { AccountDays } from '../src/account-days.ts';
import { AdAccounts } from '../src/ad-accounts.ts';
import { graphErrorBody, memoryOf, rejection, scriptedGraph, SteppedClock, type Answered } from './scripted-graph.ts';
import { startWorld } from './world.ts';

const insightsOnly = { streams: ['insights'] };
const short = { insights: { historyDays: 1, lookbackDays: 1 } };

function described(timeZone: string): Answered {
  return { json: { account_id: '1', currency: 'USD', timezone_name: timeZone } };
}

function planner(answers: readonly Answered[]) {
  const { graph, asked } = scriptedGraph(
    (_asked, index) => answers[Math.min(index, answers.length - 1)] ?? { text: '' },
  );
  return { days: new AccountDays(new AdAccounts(graph), new SteppedClock()), asked };
}

const refused: Answered = { json: graphErrorBody(200), status: 403 };

describe('the time zone in which days are planned', () => {
  test('is the account’s own, and remembered', async () => {
    const memory = memoryOf();
    const { days } = planner([described('Asia/Dubai')]);
    expect((await days.plannedIn('1', { memory })).timeZone).toBe('Asia/Dubai');
    expect(memory.held.get('time-zone/1')).toBe('Asia/Dubai');
    await expect(days.requirePlanned('1', { memory })).resolves.toBeUndefined();
  });

  test('is the one that was remembered while the account cannot be asked', async () => {
    const memory = memoryOf(new Map([['time-zone/1', 'Pacific/Auckland']]));
    const { days } = planner([refused, described('Pacific/Auckland')]);
    expect((await days.plannedIn('1', { memory })).timeZone).toBe('Pacific/Auckland');
    // It can be asked again when it is read: nothing was planned wrong.
    await expect(days.requirePlanned('1', { memory })).resolves.toBeUndefined();
  });

  test('of an account that was never asked is one in which no day begins early, and is never read in', async () => {
    const memory = memoryOf();
    const { days } = planner([refused, described('Pacific/Kiritimati')]);
    expect((await days.plannedIn('1', { memory })).timeZone).toBe('Etc/GMT+12');
    expect(await rejection(days.requirePlanned('1', { memory }))).toMatchObject({
      code: 'FACEBOOK_ACCESS_DENIED',
      message: expect.stringContaining('act_1'),
    });
    // The next run knows, even if the account cannot be asked then.
    const next = planner([refused]);
    expect((await next.days.plannedIn('1', { memory })).timeZone).toBe('Pacific/Kiritimati');
  });

  test('that the account has changed is noticed before anything is read', async () => {
    const memory = memoryOf(new Map([['time-zone/1', 'Europe/London']]));
    const { days } = planner([refused, described('America/Los_Angeles')]);
    await days.plannedIn('1', { memory });
    expect(await rejection(days.requirePlanned('1', { memory }))).toMatchObject({ code: 'FACEBOOK_ACCESS_DENIED' });
    expect(memory.held.get('time-zone/1')).toBe('America/Los_Angeles');
  });

  test('an account that still cannot be asked when it is read fails with the platform’s own reason', async () => {
    const { days } = planner([refused]);
    await days.plannedIn('1', {});
    expect(await rejection(days.requirePlanned('1', {}))).toMatchObject({
      code: 'FACEBOOK_ACCESS_DENIED',
      kind: 'permission',
    });
  });

  test('whoever reads without planning is not kept from it', async () => {
    const { days } = planner([described('Asia/Tokyo')]);
    await expect(days.requirePlanned('1', {})).resolves.toBeUndefined();
  });

  test('memory that holds no time zone is as good as none', async () => {
    for (const stored of [7, null, ['UTC'], { timeZone: 'UTC' }]) {
      const memory = memoryOf(new Map([['time-zone/1', stored]]));
      const { days } = planner([refused]);
      expect((await days.plannedIn('1', { memory })).timeZone).toBe('Etc/GMT+12');
    }
  });

  test('an abort is an abort, not an account that cannot be asked', async () => {
    const controller = new AbortController();
    controller.abort(new Error('stopped'));
    const { days } = planner([described('UTC')]);
    expect(await rejection(days.plannedIn('1', { signal: controller.signal }))).toMatchObject({ message: 'stopped' });
  });
});

test('an account that cannot be asked fails by its name, in no other’s days, and the others load', async () => {
  await using world = await startWorld();
  const [broken = '', ...others] = world.accountIds;
  world.sandbox.control.fault({
    kind: 'graph-error',
    code: 200,
    status: 403,
    times: 100,
    match: { path: `*/act_${broken}` },
  });
  const report = await world.run(short, insightsOnly);
  expect(report.status).toBe('partial');
  expect(new Set(report.failures.map(({ slice }) => slice?.split('/')[0]))).toEqual(new Set([`account_id=${broken}`]));
  expect(new Set(report.failures.map(({ error }) => error.code))).toEqual(new Set(['FACEBOOK_ACCESS_DENIED']));
  const loaded = new Set(world.store.rows('insights').map((row) => row['account_id']));
  expect(loaded.has(broken)).toBe(false);
  expect(loaded.size).toBe(others.length - 1);
  world.sandbox.control.clearFaults();
  expect((await world.run(short, insightsOnly)).failures).toEqual([]);
});

test('an account that can be asked again only when it is read fails rather than be read in days of another zone', async () => {
  await using world = await startWorld();
  const auckland = world.sandbox.world.accounts.find(({ timeZone }) => timeZone === 'Pacific/Auckland')?.id ?? '';
  const options = { ...short, accountIds: [auckland] };
  world.sandbox.control.fault({ kind: 'graph-error', code: 200, status: 403, match: { path: `*/act_${auckland}` } });
  const report = await world.run(options, insightsOnly);
  expect(new Set(report.failures.map(({ error }) => error.code))).toEqual(new Set(['FACEBOOK_ACCESS_DENIED']));
  expect(world.sandbox.control.requests({ method: 'POST', path: '*/insights' })).toEqual([]);
  expect(world.store.rows('insights')).toEqual([]);
  // The next run has its days, although the account cannot be asked at first again.
  world.sandbox.control.fault({ kind: 'graph-error', code: 200, status: 403, match: { path: `*/act_${auckland}` } });
  expect((await world.run(options, insightsOnly)).failures).toEqual([]);
  const days = new Set(world.store.rows('insights').map((row) => String(row['date_start'])));
  expect([...days].toSorted().at(-1)).toBe(world.sandbox.world.today(auckland));
});

const ZONES = [
  'America/Los_Angeles',
  'America/Sao_Paulo',
  'Europe/London',
  'Europe/Berlin',
  'Asia/Dubai',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Auckland',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'Pacific/Marquesas',
  'Africa/Cairo',
  'UTC',
];

async function slicesOf(
  timeZone: string,
  now: string,
  insights: NonNullable<FacebookOptions['insights']>,
  days?: { readonly start: string; readonly end: string },
): Promise<readonly Slice[]> {
  const source = facebook({
    token: `EAAzone-${timeZone}-${now}`,
    accountIds: ['1'],
    baseUrl: 'https://graph.example',
    insights,
    fetch: () => Promise.resolve(Response.json({ account_id: '1', currency: 'USD', timezone_name: timeZone })),
  });
  const plans =
    (await source.plan?.({ streams: ['insights'], now: new Date(now), ...(days === undefined ? {} : { days }) })) ?? [];
  return plans.flatMap(({ slices }) => slices);
}

function dayOf({ scope }: Slice): string {
  return scope?.days?.start ?? '';
}

describe('the days of an account', () => {
  test.each(ZONES)('of %s are its own, from today back, without a gap', async (timeZone) => {
    for (const now of [
      '2026-03-08T09:59:59Z',
      '2026-03-29T01:00:00Z',
      '2026-11-01T08:30:00Z',
      '2026-12-31T23:59:59Z',
    ]) {
      const slices = await slicesOf(timeZone, now, { historyDays: 10, lookbackDays: 3 });
      const days = slices.map(dayOf);
      expect(days[0]).toBe(dayIn(timeZone, new Date(now)));
      expect(days).toHaveLength(11);
      for (const [index, day] of days.entries()) {
        if (index > 0) expect(Date.parse(days[index - 1] ?? '') - Date.parse(day)).toBe(86_400_000);
      }
    }
  });

  test.each([
    ['the hour that is skipped', 'America/Los_Angeles', '2026-03-08T10:30:00Z', '2026-03-08'],
    ['a second before midnight', 'America/Los_Angeles', '2026-03-09T06:59:59Z', '2026-03-08'],
    ['midnight, with summer time', 'America/Los_Angeles', '2026-03-09T07:00:00Z', '2026-03-09'],
    ['midnight, without it', 'America/Los_Angeles', '2026-11-02T08:00:00Z', '2026-11-02'],
    ['the hour that comes twice', 'Europe/London', '2026-10-25T00:30:00Z', '2026-10-25'],
    ['a zone of half an hour', 'Asia/Kolkata', '2026-03-09T18:30:00Z', '2026-03-10'],
    ['a zone of three quarters', 'Asia/Kathmandu', '2026-03-09T18:14:59Z', '2026-03-09'],
    ['the first to begin', 'Pacific/Kiritimati', '2026-03-09T10:00:00Z', '2026-03-10'],
    ['a leap day', 'Asia/Tokyo', '2028-02-28T15:00:00Z', '2028-02-29'],
    ['the end of the year', 'Pacific/Auckland', '2026-12-31T11:00:00Z', '2027-01-01'],
  ])('%s: today is the right one', async (_what, timeZone, now, today) => {
    const [first] = await slicesOf(timeZone, now, { historyDays: 1, lookbackDays: 1 });
    expect(first === undefined ? '' : dayOf(first)).toBe(today);
  });

  test('a day is settled when its lookback is over for the account, not for us', async () => {
    const [today] = await slicesOf('Pacific/Auckland', '2026-03-10T12:00:00Z', { historyDays: 1, lookbackDays: 2 });
    expect(today === undefined ? '' : dayOf(today)).toBe('2026-03-11');
    // Midnight of the 14th in Auckland, which is thirteen hours ahead.
    expect(today?.settledAt).toBe('2026-03-13T11:00:00.000Z');
  });

  test('a day is settled an hour earlier when summer time begins within its lookback', async () => {
    const [before] = await slicesOf('America/Los_Angeles', '2026-03-07T20:00:00Z', { historyDays: 1, lookbackDays: 0 });
    const [after] = await slicesOf('America/Los_Angeles', '2026-03-08T20:00:00Z', { historyDays: 1, lookbackDays: 0 });
    expect([before?.settledAt, after?.settledAt]).toEqual(['2026-03-08T08:00:00.000Z', '2026-03-09T07:00:00.000Z']);
  });

  test('that have not begun are not asked for, those beyond 37 months neither', async () => {
    const days = { start: '2022-12-01', end: '2026-12-31' };
    const slices = await slicesOf('UTC', '2026-03-10T12:00:00Z', {}, days);
    const asked = slices.map(dayOf);
    expect(asked[0]).toBe('2026-03-10');
    expect(asked.at(-1)).toBe('2023-02-11');
  });

  test('a backfill has both its borders', async () => {
    const slices = await slicesOf('UTC', '2026-03-10T12:00:00Z', {}, { start: '2026-02-01', end: '2026-02-04' });
    expect(slices.map(dayOf)).toEqual(['2026-02-03', '2026-02-02', '2026-02-01']);
    expect(slices.map(({ key }) => key)[0]).toBe('account_id=1/2026-02-03');
  });

  test('whatever the zone and the moment, today is the day of the account and settles after it', async () => {
    const instants = fc.integer({ min: Date.parse('2025-01-01'), max: Date.parse('2027-12-31') });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ZONES), instants, fc.nat(30), async (timeZone, instant, lookbackDays) => {
        const now = new Date(instant).toISOString();
        const [today] = await slicesOf(timeZone, now, { historyDays: 1, lookbackDays });
        if (today === undefined) throw new Error('no day');
        expect(dayOf(today)).toBe(dayIn(timeZone, new Date(now)));
        const settled = Date.parse(today.settledAt ?? '');
        expect(settled).toBeGreaterThan(instant + (lookbackDays - 1) * 86_400_000);
        expect(dayIn(timeZone, new Date(settled))).not.toBe(dayIn(timeZone, new Date(settled - 1)));
      }),
      { numRuns: 60, seed: 20_260_311 },
    );
  });
});
