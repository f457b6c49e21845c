import { describe, expect, test } from 'vitest';
import { ATTRIBUTION_WINDOWS, FIELD_NAMES, idColumns, LEVELS, type InsightField } from '../src/insight-fields.ts';
import { REPORT_STATUSES } from '../src/object-statuses.ts';
import { resolveOptions, type FacebookOptions, type InsightsOptions } from '../src/options.ts';
import type { ReportPart } from '../src/report-part.ts';
import { reportParameters, totalsParameters } from '../src/report-request.ts';
import { ReportSplit, type PlannedReport } from '../src/report-split.ts';

const DAYS = { since: '2026-03-01', until: '2026-03-08' };

function insightsOf(insights: FacebookOptions['insights']): InsightsOptions {
  return resolveOptions({ token: 'a token', accountIds: ['1'], insights }).insights;
}

function planned(insights: InsightsOptions, part: Partial<ReportPart> = {}): readonly PlannedReport[] {
  return new ReportSplit(insights).reportsOf(DAYS).map((report) => ({ ...report, part: { ...report.part, ...part } }));
}

function parametersOf(insights: FacebookOptions['insights'], part: Partial<ReportPart> = {}) {
  const resolved = insightsOf(insights);
  return planned(resolved, part).map((report) => reportParameters(report, resolved));
}

describe('what a report is asked for', () => {
  test.each(LEVELS)('of each %s: its level, a row for each day, both borders', (level) => {
    for (const parameters of parametersOf({ level })) {
      expect(parameters).toMatchObject({
        level,
        time_increment: 1,
        time_range: JSON.stringify({ since: '2026-03-01', until: '2026-03-08' }),
      });
      // A list of ranges would make one row of each of them.
      expect(parameters).not.toHaveProperty('time_ranges');
    }
  });

  test.each(LEVELS)('of each %s: who it is about is in every report of it', (level) => {
    for (const parameters of parametersOf({ level })) {
      const fields = String(parameters['fields']).split(',');
      expect(fields).toEqual(
        expect.arrayContaining(['account_id', 'account_name', 'account_currency', ...idColumns(level)]),
      );
      expect(new Set(fields).size).toBe(fields.length);
    }
  });

  test('counts of people are asked for apart from everything else', () => {
    const [core = {}, unique = {}, ...more] = parametersOf({});
    expect(more).toEqual([]);
    const unlike = (fields: unknown): string[] => String(fields).split(',');
    for (const field of ['reach', 'frequency', 'unique_clicks', 'unique_ctr', 'cpp']) {
      expect(unlike(unique['fields'])).toContain(field);
      expect(unlike(core['fields'])).not.toContain(field);
    }
    expect(unlike(core['fields'])).toEqual(expect.arrayContaining(['spend', 'impressions', 'clicks', 'actions']));
  });

  test.each<[string, InsightField[], number]>([
    ['nothing but counts of people', ['reach', 'frequency'], 1],
    ['no counts of people', ['spend', 'impressions'], 1],
    ['some of both', ['spend', 'reach'], 2],
    ['everything', FIELD_NAMES, 2],
  ])('%s is so many reports', (_what, fields, count) => {
    const all = parametersOf({ fields });
    expect(all).toHaveLength(count);
    const asked = all.flatMap((parameters) => String(parameters['fields']).split(','));
    for (const field of fields) expect(asked.filter((name) => name === field)).toHaveLength(1);
  });

  test('attribution windows are asked for with actions only, all six of them', () => {
    const [core = {}, unique = {}] = parametersOf({});
    expect(JSON.parse(String(core['action_attribution_windows']))).toEqual([...ATTRIBUTION_WINDOWS]);
    expect(unique).not.toHaveProperty('action_attribution_windows');
    const [some = {}] = parametersOf({ attributionWindows: ['7d_click'] });
    expect(JSON.parse(String(some['action_attribution_windows']))).toEqual(['7d_click']);
    const [none = {}] = parametersOf({ fields: ['spend', 'impressions'] });
    expect(none).not.toHaveProperty('action_attribution_windows');
  });

  test.each(['campaign', 'adset', 'ad'] as const)('of each %s: rows of what is archived or deleted, too', (level) => {
    for (const parameters of parametersOf({ level })) {
      expect(JSON.parse(String(parameters['filtering']))).toEqual([
        { field: `${level}.effective_status`, operator: 'IN', value: REPORT_STATUSES[level] },
      ]);
    }
  });

  test('the account is asked as a whole: it has the rows of everything', () => {
    for (const parameters of parametersOf({ level: 'account' })) expect(parameters['filtering']).toBeUndefined();
  });

  test('breakdowns are asked for as breakdowns, never as fields', () => {
    for (const parameters of parametersOf({ breakdowns: ['age', 'gender'] })) {
      expect(parameters['breakdowns']).toBe('age,gender');
      expect(String(parameters['fields']).split(',')).not.toContain('age');
    }
    for (const parameters of parametersOf({})) expect(parameters).not.toHaveProperty('breakdowns');
  });

  test.each<[string, Partial<ReportPart>, readonly unknown[]]>([
    [
      'some campaigns',
      { level: 'campaign', ids: ['1', '2'] },
      [{ field: 'campaign.id', operator: 'IN', value: ['1', '2'] }],
    ],
    [
      'all but some',
      { level: 'campaign', without: ['1'] },
      [{ field: 'campaign.id', operator: 'NOT_IN', value: ['1'] }],
    ],
    [
      'ad sets of a campaign',
      { level: 'adset', parent: '1', ids: ['5'] },
      [
        { field: 'campaign.id', operator: 'IN', value: ['1'] },
        { field: 'adset.id', operator: 'IN', value: ['5'] },
      ],
    ],
    [
      'all other ads of an ad set',
      { level: 'ad', parent: '5', without: ['8', '9'] },
      [
        { field: 'adset.id', operator: 'IN', value: ['5'] },
        { field: 'ad.id', operator: 'NOT_IN', value: ['8', '9'] },
      ],
    ],
  ])('of a part: %s', (_what, part, filters) => {
    for (const parameters of parametersOf({}, part)) {
      const [status, ...own] = JSON.parse(String(parameters['filtering'])) as readonly unknown[];
      expect(status).toMatchObject({ field: 'ad.effective_status' });
      expect(own).toEqual(filters);
    }
  });

  test('the same is asked for with the same parameters, so that an earlier run’s report is found', () => {
    expect(parametersOf({})).toEqual(parametersOf({}));
    expect(JSON.stringify(parametersOf({}))).toBe(JSON.stringify(parametersOf({})));
  });
});

describe('the totals of an account', () => {
  test('are of the whole account, day by day, with what is compared and nothing else', () => {
    expect(totalsParameters(DAYS, ['spend', 'clicks'])).toEqual({
      level: 'account',
      time_increment: 1,
      time_range: JSON.stringify(DAYS),
      fields: 'spend,clicks',
    });
  });
});
