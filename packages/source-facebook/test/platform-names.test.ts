import * as sdk from 'facebook-nodejs-business-sdk';
import type { RowSchema } from '@etl/core';
import { expect, test } from 'vitest';
import { entityFields } from '../src/entity-row.ts';
import { adCreativeSchema, adSchema, adSetSchema, campaignSchema } from '../src/entity-schemas.ts';
import { ATTRIBUTION_WINDOWS, FIELD_NAMES, idColumns, LEVELS } from '../src/insight-fields.ts';
import { REPORT_STATUSES, STATUSES } from '../src/object-statuses.ts';
import { resolveOptions } from '../src/options.ts';
import { reportParameters, totalsParameters } from '../src/report-request.ts';
import { ReportSplit } from '../src/report-split.ts';
import { startWorld } from './world.ts';

// The lists of the SDK are generated from the platform's own schema; its published types do not know them.
type Names = Readonly<Record<string, string>>;
interface SdkObject {
  readonly Fields: Names;
  readonly EffectiveStatus: Names;
  readonly ActionAttributionWindows: Names;
  readonly Breakdowns: Names;
  readonly Level: Names;
}
const { Ad, AdAccount, AdCreative, AdReportRun, AdSet, AdsInsights, Campaign } = sdk as unknown as Readonly<
  Record<string, SdkObject>
>;

function namesOf(names: Names | undefined): ReadonlySet<string> {
  const known = new Set(Object.values(names ?? {}));
  expect(known.size).toBeGreaterThan(0);
  return known;
}

function unknownOf(asked: readonly string[], names: Names | undefined): readonly string[] {
  const known = namesOf(names);
  return asked.filter((name) => !known.has(name));
}

/** What the blog of 2026-01-08 adds to a report with v25.0, and the SDK of v24.0 cannot have. */
const OF_V25 = ['error_subcode', 'error_message'];

test.each<[string, RowSchema, SdkObject | undefined]>([
  ['campaigns', campaignSchema, Campaign],
  ['ad_sets', adSetSchema, AdSet],
  ['ads', adSchema, Ad],
  ['ad_creatives', adCreativeSchema, AdCreative],
])('every field that %s is filled with exists on the platform', (_stream, schema, object) => {
  const asked = entityFields(schema);
  expect(asked.length).toBeGreaterThan(9);
  expect(unknownOf(asked, object?.Fields)).toEqual([]);
});

test.each(LEVELS)('every field of a report of each %s exists', (level) => {
  const { insights } = resolveOptions({
    token: 'a token',
    accountIds: ['1'],
    insights: { level, fields: FIELD_NAMES },
  });
  const split = new ReportSplit(insights);
  const reports = split.reportsOf({ since: '2026-03-01', until: '2026-03-08' });
  const asked = reports.flatMap((report) => String(reportParameters(report, insights)['fields']).split(','));
  expect(asked).toEqual(expect.arrayContaining([...FIELD_NAMES, ...idColumns(level)]));
  expect(unknownOf(asked, AdsInsights?.Fields)).toEqual([]);
  expect(unknownOf([level], AdsInsights?.Level)).toEqual([]);
});

test('every field of the totals of an account exists', () => {
  const { fields } = totalsParameters({ since: '2026-03-01', until: '2026-03-08' }, ['spend', 'impressions', 'clicks']);
  expect(unknownOf(String(fields).split(','), AdsInsights?.Fields)).toEqual([]);
});

test('every attribution window exists', () => {
  expect(unknownOf(ATTRIBUTION_WINDOWS, AdsInsights?.ActionAttributionWindows)).toEqual([]);
});

test.each<['campaign' | 'adset' | 'ad', SdkObject | undefined]>([
  ['campaign', Campaign],
  ['adset', AdSet],
  ['ad', Ad],
])(
  'the statuses of each %s are all that exist: of the list without deleted ones, of reports with them',
  (level, object) => {
    const all = [...namesOf(object?.EffectiveStatus)].toSorted();
    expect([...REPORT_STATUSES[level]].toSorted()).toEqual(all);
    expect([...STATUSES[level]].toSorted()).toEqual(all.filter((status) => status !== 'DELETED'));
  },
);

test('what is asked of an account and of a report that is computed exists', async () => {
  await using world = await startWorld({ isLively: false });
  const [accountId = ''] = world.accountIds;
  const insights = { historyDays: 1, lookbackDays: 1, breakdowns: ['age', 'gender'] };
  const report = await world.run({ accountIds: [accountId], insights }, { streams: ['insights'] });
  expect(report.failures).toEqual([]);
  const log = world.sandbox.control.requests();
  const fieldsOf = (pattern: RegExp): readonly string[] =>
    log.filter(({ path }) => pattern.test(path)).flatMap(({ parameters }) => parameters['fields']?.split(',') ?? []);
  const ofAccount = fieldsOf(/\/act_\d+$/);
  expect(ofAccount).toContain('timezone_name');
  expect(unknownOf(ofAccount, AdAccount?.Fields)).toEqual([]);
  const ofRun = fieldsOf(/\/62\d+$/);
  expect(ofRun).toContain('async_status');
  expect(unknownOf([...new Set(ofRun)], AdReportRun?.Fields)).toEqual(OF_V25);
  const breakdowns = log.flatMap(({ parameters }) => parameters['breakdowns']?.split(',') ?? []);
  expect(new Set(breakdowns)).toEqual(new Set(insights.breakdowns));
  expect(unknownOf(breakdowns, AdsInsights?.Breakdowns)).toEqual([]);
});

test('every breakdown that the platform has can be asked for', () => {
  const all = [...namesOf(AdsInsights?.Breakdowns)];
  for (const breakdown of all) {
    const { insights } = resolveOptions({ token: 'a token', accountIds: ['1'], insights: { breakdowns: [breakdown] } });
    expect(insights.breakdowns).toEqual([breakdown]);
  }
});

test('a field that was taken away is refused by name, and no other is put in its place', async () => {
  await using world = await startWorld();
  const { baseUrl, token } = world.sandbox.facebook;
  const [accountId = ''] = world.accountIds;
  for (const path of [`act_${accountId}/adcreatives`, world.sandbox.world.creatives(accountId)[0]?.id ?? '']) {
    const response = await fetch(`${baseUrl}/v25.0/${path}?fields=id,instagram_actor_id&access_token=${token}`);
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { code: number; message: string } };
    expect(error.code).toBe(100);
    expect(error.message).toContain('nonexisting field (instagram_actor_id)');
  }
});
