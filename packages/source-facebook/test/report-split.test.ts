import type { JsonValue } from '@etl/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveOptions, type FacebookOptions, type InsightsOptions } from '../src/options.ts';
import { filtersOf } from '../src/report-part.ts';
import { ReportSplit, type PlannedReport } from '../src/report-split.ts';
import { memoryOf } from './scripted-graph.ts';

const DAYS = ['2026-03-01'];
const CAMPAIGNS = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8'];

function splitOf(fields: readonly string[]): ReportSplit {
  const { insights } = resolveOptions({
    token: 'a token',
    accountIds: ['1'],
    insights: { level: 'campaign', fields: [...fields] as 'spend'[] },
  });
  return new ReportSplit(insights);
}

/** Narrows until no report has one of these fields. Gives back how often. */
async function narrowed(split: ReportSplit, heavy: readonly string[]): Promise<number> {
  const isHeavy = ({ group }: PlannedReport): boolean => group.some((field) => heavy.includes(field));
  for (let times = 0; times < 500; times += 1) {
    const tooMuch = split
      .rangesOf(DAYS)
      .flatMap((range) => split.reportsOf(range))
      .find(isHeavy);
    if (tooMuch === undefined) return times;
    expect(await split.narrow(tooMuch, () => Promise.resolve(CAMPAIGNS))).toBe(true);
  }
  return Infinity;
}

test.each([[['actions']], [['actions', 'action_values']], [['actions', 'action_values', 'cost_per_action_type']]])(
  'comes to an end where %j are too much for every object, each given up once for all',
  async (heavy) => {
    const split = splitOf(['spend', 'impressions', 'clicks', 'reach', ...heavy]);
    expect(await narrowed(split, heavy)).toBeLessThan(200);
    expect(split.parts).toHaveLength(1);
    expect(split.parts[0]?.unfetched.toSorted()).toEqual([...heavy].toSorted());
    const asked = split.reportsOf({ since: '2026-03-01', until: '2026-03-01' }).flatMap(({ group }) => group);
    expect(asked.toSorted()).toEqual(['clicks', 'impressions', 'reach', 'spend']);
  },
);

const RANGE = { since: '2026-03-01', until: '2026-03-01' };
const noIds = () => Promise.resolve([]);

function insightsOf(given: FacebookOptions['insights'] = {}): InsightsOptions {
  return resolveOptions({ token: 'a token', accountIds: ['1'], insights: given }).insights;
}

/** The first report that a split plans of some days. */
function firstOf(split: ReportSplit, days: readonly string[] = DAYS): PlannedReport {
  const [range = RANGE] = split.rangesOf(days);
  const [report] = split.reportsOf(range);
  if (report === undefined) throw new Error('nothing is planned');
  return report;
}

function daysFrom(first: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) =>
    new Date(Date.parse(first) + index * 86_400_000).toISOString().slice(0, 10),
  );
}

describe('days', () => {
  test.each([
    [1, 8],
    [8, 8],
    [9, 8],
    [31, 8],
    [31, 1],
    [5, 90],
    [0, 8],
  ])('%i in ranges of %i at most follow each other, whole and once', (count, windowDays) => {
    const days = daysFrom('2026-02-20', count);
    const ranges = new ReportSplit(insightsOf({ windowDays })).rangesOf(days);
    expect(ranges).toHaveLength(Math.ceil(count / windowDays));
    expect(
      ranges.flatMap(({ since, until }) => daysFrom(since, (Date.parse(until) - Date.parse(since)) / 86_400_000 + 1)),
    ).toEqual(days);
  });

  test('are halved first, down to one, before anything else is divided', async () => {
    const split = new ReportSplit(insightsOf());
    const days = daysFrom('2026-03-01', 8);
    const lengths: number[] = [];
    for (let times = 0; times < 3; times += 1) {
      expect(await split.narrow(firstOf(split, days), () => Promise.reject(new Error('nobody is listed')))).toBe(true);
      const [range = RANGE] = split.rangesOf(days);
      lengths.push((Date.parse(range.until) - Date.parse(range.since)) / 86_400_000 + 1);
    }
    expect(lengths).toEqual([4, 2, 1]);
    expect(split.parts).toHaveLength(1);
  });

  test('of a range that is shorter than what is allowed are halved by its own length', async () => {
    const split = new ReportSplit(insightsOf({ windowDays: 30 }));
    await split.narrow(firstOf(split, daysFrom('2026-03-01', 5)), noIds);
    expect(split.rangesOf(daysFrom('2026-03-01', 9)).map(({ since }) => since)).toEqual([
      '2026-03-01',
      '2026-03-04',
      '2026-03-07',
    ]);
  });
});

describe('what cannot be narrowed any more', () => {
  test.each<[string, FacebookOptions['insights']]>([
    ['a report of the account with what is never given up', { level: 'account', fields: ['spend'] }],
    ['the last field of all', { level: 'account', fields: ['actions'] }],
  ])('%s: it stays what it is', async (_what, given) => {
    const split = new ReportSplit(insightsOf(given));
    expect(await split.narrow(firstOf(split), noIds)).toBe(false);
    expect(split.parts[0]?.unfetched).toEqual([]);
  });

  test('an account without objects is divided by its fields', async () => {
    const split = new ReportSplit(insightsOf({ fields: ['spend', 'impressions', 'actions', 'action_values'] }));
    expect(await split.narrow(firstOf(split), noIds)).toBe(true);
    expect(split.reportsOf(RANGE).map(({ group }) => group)).toEqual([
      ['spend', 'impressions'],
      ['actions', 'action_values'],
    ]);
  });
});

describe('what was learned of an account', () => {
  const clockAt = (now: number) => ({ now: () => now, after: () => () => undefined });
  const NOW = Date.parse('2026-03-10T12:00:00Z');

  async function learned(given: FacebookOptions['insights'] = {}) {
    const memory = memoryOf();
    const split = new ReportSplit(insightsOf(given));
    await split.narrow(firstOf(split, daysFrom('2026-03-01', 8)), noIds);
    await split.save(memory, '1', clockAt(NOW));
    return memory;
  }

  async function restored(
    memory: ReturnType<typeof memoryOf>,
    given: FacebookOptions['insights'] = {},
    now = NOW,
    account = '1',
  ) {
    const split = new ReportSplit(insightsOf(given));
    await split.restore(memory, account, clockAt(now));
    return split.rangesOf(daysFrom('2026-03-01', 8)).length;
  }

  test('holds for the next run of the account', async () => {
    expect(await restored(await learned())).toBe(2);
  });

  test.each<[string, FacebookOptions['insights']]>([
    ['other fields', { fields: ['spend', 'impressions'] }],
    ['another level', { level: 'campaign' }],
    ['breakdowns', { breakdowns: ['age'] }],
  ])('not when %s are asked for', async (_what, given) => {
    expect(await restored(await learned(), given)).toBe(1);
  });

  test('not for another account', async () => {
    expect(await restored(await learned(), {}, NOW, '2')).toBe(1);
  });

  test('for a week, after which the account is asked as a whole again', async () => {
    const memory = await learned();
    const week = 7 * 86_400_000;
    expect(await restored(memory, {}, NOW + week - 1)).toBe(2);
    expect(await restored(memory, {}, NOW + week)).toBe(1);
  });

  test('never as more days than are configured now', async () => {
    expect(await restored(await learned(), { windowDays: 2 })).toBe(4);
  });

  test('with its parts, to the last id', async () => {
    const memory = memoryOf();
    const split = new ReportSplit(insightsOf());
    const ids = ['120210000000000017', '120210000000000018', '120210000000000019'];
    for (let times = 0; times < 3; times += 1) await split.narrow(firstOf(split), () => Promise.resolve(ids));
    await split.save(memory, '1', clockAt(NOW));
    const next = new ReportSplit(insightsOf());
    await next.restore(memory, '1', clockAt(NOW));
    expect(next.parts).toEqual(split.parts);
    expect(next.reportsOf(RANGE)).toEqual(split.reportsOf(RANGE));
  });

  test.each<[string, JsonValue]>([
    ['text', 'x'],
    ['null', null],
    ['no parts', { days: 1, parts: [], asked: '', at: NOW }],
    ['no days', { days: 0, parts: [{ without: [], groups: [['spend']], unfetched: [] }], asked: '', at: NOW }],
    ['parts of another form', { days: 1, parts: [{ ids: 7 }], asked: '', at: NOW }],
  ])('that is %s is as good as nothing', async (_what, stored) => {
    const memory = memoryOf(new Map([['split/1', stored]]));
    expect(await restored(memory)).toBe(1);
  });
});

test('however often and wherever it is narrowed, every field that was not given up is asked once of every object', async () => {
  const steps = fc.array(fc.nat(50), { minLength: 1, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(steps, async (choices) => {
      const fields = ['spend', 'impressions', 'clicks', 'reach', 'actions', 'action_values'] as const;
      const split = splitOf(fields);
      for (const choice of choices) {
        const planned = split.reportsOf(RANGE);
        const report = planned[choice % planned.length];
        if (report !== undefined) await split.narrow(report, () => Promise.resolve(CAMPAIGNS));
      }
      // One that came into being after the account was divided as well.
      for (const campaign of [...CAMPAIGNS, 'later']) {
        const about = split.parts.filter((part) =>
          filtersOf(part).every(({ operator, value }) => value.includes(campaign) === (operator === 'IN')),
        );
        expect(about).toHaveLength(1);
        const [part] = about;
        const asked = part?.groups.flat() ?? [];
        expect(asked.toSorted()).toEqual(fields.filter((field) => part?.unfetched.includes(field) !== true).toSorted());
        for (const kept of ['spend', 'impressions', 'clicks']) expect(asked).toContain(kept);
      }
    }),
    { numRuns: 80, seed: 11 },
  );
});
