import { describe, expect, test } from 'vitest';
import { EtlError } from '@etl/core';
import { HastyClock } from '@etl/testing';
import { API_VERSION, sunsetOf } from '../src/api-version.ts';
import { facebook } from '../src/index.ts';
import { DEFAULT_FIELDS } from '../src/insight-fields.ts';
import { resolveOptions } from '../src/options.ts';

const OWN = { token: 'EAAsecret-of-nobody', accountIds: ['1'] };

type Given = Readonly<Record<string, unknown>>;

function refused(options: Given): EtlError {
  try {
    resolveOptions({ ...OWN, ...options });
  } catch (error) {
    if (EtlError.isInstance(error)) return error;
    throw error;
  }
  throw new Error(`${JSON.stringify(options)} was taken`);
}

describe('options', () => {
  test('have defaults that are told in the README', () => {
    expect(resolveOptions(OWN)).toEqual({
      ...OWN,
      managingSystem: 'facebook',
      baseUrl: 'https://graph.facebook.com',
      apiVersion: API_VERSION,
      structurePageSize: 200,
      slowDownAt: 0.9,
      longestSpacingSeconds: 30,
      insights: {
        level: 'ad',
        fields: [...DEFAULT_FIELDS],
        breakdowns: [],
        attributionWindows: ['1d_click', '7d_click', '28d_click', '1d_view', '7d_view', '28d_view'],
        historyDays: 30,
        lookbackDays: 28,
        windowDays: 8,
        loadWindowDays: 32,
        reconcileTolerance: 0.001,
        numbers: 'exact',
        hasSubscriptionRevenue: false,
      },
      reports: {
        startTimeoutSeconds: 300,
        timeoutSeconds: 3600,
        maxPollSeconds: 60,
        maxRetries: 2,
        retryDelaySeconds: 30,
        maxInFlight: 50,
        pageSize: 500,
        reattachSeconds: 21_600,
      },
      creatives: { refresh: 'auto', fullAfterDays: 7, pageSize: 250, listPageSize: 500, batchSize: 50 },
    });
  });

  test('take ids of accounts with and without act_, and keep them without', () => {
    expect(resolveOptions({ ...OWN, accountIds: ['act_12', '34'] }).accountIds).toEqual(['12', '34']);
  });

  test.each<[string, Given, string]>([
    ['no token', { token: '' }, 'token'],
    ['no accounts', { accountIds: [] }, 'accountIds'],
    ['an account of letters', { accountIds: ['abc'] }, 'accountIds'],
    ['an account of nothing', { accountIds: [''] }, 'accountIds'],
    ['an account with two prefixes', { accountIds: ['act_act_1'] }, 'accountIds'],
    ['an account that is a number', { accountIds: [1] }, 'accountIds'],
    ['an account twice', { accountIds: ['1', 'act_1'] }, 'accountIds'],
    ['a managing system without a name', { managingSystem: '' }, 'managingSystem'],
    ['a base URL that is none', { baseUrl: 'graph.facebook.com' }, 'baseUrl'],
    ['a base URL of a file', { baseUrl: 'file:///etc/passwd' }, 'baseUrl'],
    ['a version without its v', { apiVersion: '25.0' }, 'apiVersion'],
    ['a version of one number', { apiVersion: 'v25' }, 'apiVersion'],
    ['a version that is a path', { apiVersion: 'v25.0/../v1.0' }, 'apiVersion'],
    ['a page of none', { structurePageSize: 0 }, 'structurePageSize'],
    ['a page of too many', { structurePageSize: 5001 }, 'structurePageSize'],
    ['a page of a half', { structurePageSize: 1.5 }, 'structurePageSize'],
    ['a threshold of nothing', { slowDownAt: 0 }, 'slowDownAt'],
    ['a threshold in percent', { slowDownAt: 90 }, 'slowDownAt'],
    ['a negative space', { longestSpacingSeconds: -1 }, 'longestSpacingSeconds'],
    ['an option that nobody knows', { tokens: ['a'] }, 'options'],
    ['a level that nobody knows', { insights: { level: 'creative' } }, 'insights.level'],
    ['no fields', { insights: { fields: [] } }, 'insights.fields'],
    ['a field that nobody knows', { insights: { fields: ['wealth'] } }, 'insights.fields'],
    ['a breakdown that is two', { insights: { breakdowns: ['age,gender'] } }, 'insights.breakdowns'],
    ['a breakdown without a name', { insights: { breakdowns: [''] } }, 'insights.breakdowns'],
    ['a window that nobody knows', { insights: { attributionWindows: ['3d_click'] } }, 'insights.attributionWindows'],
    ['history of nothing', { insights: { historyDays: 0 } }, 'insights.historyDays'],
    ['a negative lookback', { insights: { lookbackDays: -1 } }, 'insights.lookbackDays'],
    ['a lookback without end', { insights: { lookbackDays: 91 } }, 'insights.lookbackDays'],
    ['a window of nothing', { insights: { windowDays: 0 } }, 'insights.windowDays'],
    ['a load of nothing', { insights: { loadWindowDays: 0 } }, 'insights.loadWindowDays'],
    ['a tolerance of more than all', { insights: { reconcileTolerance: 1.1 } }, 'insights.reconcileTolerance'],
    ['numbers that are neither', { insights: { numbers: 'float' } }, 'insights.numbers'],
    [
      'revenue of values that are not read',
      { insights: { hasSubscriptionRevenue: true } },
      'insights.hasSubscriptionRevenue',
    ],
    ['an option of insights that nobody knows', { insights: { days: 3 } }, 'insights'],
    ['no time to begin', { reports: { startTimeoutSeconds: 0 } }, 'reports.startTimeoutSeconds'],
    ['no time to end', { reports: { timeoutSeconds: 0 } }, 'reports.timeoutSeconds'],
    ['too many retries', { reports: { maxRetries: 11 } }, 'reports.maxRetries'],
    ['a negative delay', { reports: { retryDelaySeconds: -1 } }, 'reports.retryDelaySeconds'],
    ['no reports in flight', { reports: { maxInFlight: 0 } }, 'reports.maxInFlight'],
    ['a mode that nobody knows', { creatives: { refresh: 'sometimes' } }, 'creatives.refresh'],
    ['a reading of zero days', { creatives: { fullAfterDays: 0 } }, 'creatives.fullAfterDays'],
    ['a batch of too many', { creatives: { batchSize: 51 } }, 'creatives.batchSize'],
    ['a page of no creatives', { creatives: { pageSize: 0 } }, 'creatives.pageSize'],
    ['another reporting currency', { reportingCurrency: { currency: 'USD' } }, 'reportingCurrency.currency'],
    ['a reporting currency by its name alone', { reportingCurrency: 'AED' }, 'reportingCurrency'],
    ['rates of a file', { reportingCurrency: { ratesBaseUrl: 'file:///rates' } }, 'reportingCurrency.ratesBaseUrl'],
    ['a rate of its own', { reportingCurrency: { rate: 5 } }, 'reportingCurrency'],
    [
      'a lookback in which no rate is the last',
      { reportingCurrency: {}, insights: { lookbackDays: 7 } },
      'insights.lookbackDays: has to be 8',
    ],
    [
      'a history in which no rate is the last',
      { reportingCurrency: {}, insights: { historyDays: 7 } },
      'insights.historyDays: has to be 8',
    ],
  ])('with %s are refused by name, and never by value', (_what, options, name) => {
    const error = refused(options);
    expect(error).toMatchObject({ code: 'FACEBOOK_OPTIONS_INVALID', kind: 'config' });
    expect(error.message).toContain(name);
    expect(error.message).not.toContain(OWN.token);
    expect(error.hint).toContain('README');
  });

  test('with several problems name all of them at once', () => {
    const { message } = refused({ structurePageSize: 0, insights: { historyDays: 0 }, reports: { maxRetries: -1 } });
    for (const name of ['structurePageSize', 'insights.historyDays', 'reports.maxRetries'])
      expect(message).toContain(name);
  });

  test('are looked at before anything is asked', () => {
    let asked = 0;
    const fetch = (): Promise<Response> => {
      asked += 1;
      return Promise.reject(new Error('asked'));
    };
    expect(() => facebook({ ...OWN, insights: { historyDays: 0 }, fetch })).toThrowError(/historyDays/);
    expect(asked).toBe(0);
  });
});

test('a reporting currency is dirhams, at the rates of the European Central Bank, and none unless it is asked for', () => {
  expect(resolveOptions(OWN)).not.toHaveProperty('reportingCurrency');
  expect(resolveOptions({ ...OWN, reportingCurrency: {} }).reportingCurrency).toEqual({
    currency: 'AED',
    ratesBaseUrl: 'https://data-api.ecb.europa.eu',
  });
  const insights = { historyDays: 8, lookbackDays: 8 };
  expect(resolveOptions({ ...OWN, insights, reportingCurrency: { currency: 'AED' } }).insights.lookbackDays).toBe(8);
  expect(resolveOptions({ ...OWN, insights: { historyDays: 1, lookbackDays: 0 } }).insights.lookbackDays).toBe(0);
});

describe('the version that is asked for', () => {
  test('has a date from which on it is not answered', () => {
    expect(sunsetOf(API_VERSION)).toMatch(/^\d{4}-\d\d-\d\d$/);
  });

  test('those before it ended before it', () => {
    const ends = ['v22.0', 'v23.0', 'v24.0', 'v25.0'].map((version) => sunsetOf(version) ?? '');
    expect(ends.toSorted()).toEqual(ends);
    expect(sunsetOf('v99.0')).toBeUndefined();
  });
});

describe('the streams of a source', () => {
  test('are insights first, then what they are about', async () => {
    const source = facebook({ ...OWN, fetch: () => Promise.reject(new Error('nobody is asked')) });
    const specs = await source.discover();
    expect(specs.map(({ name }) => name)).toEqual(['insights', 'campaigns', 'ad_sets', 'ads', 'ad_creatives']);
  });

  test.each([
    ['campaigns', ['id'], 'merge'],
    ['ad_sets', ['id'], 'merge'],
    ['ads', ['id'], 'merge'],
    ['ad_creatives', ['id'], 'merge'],
    ['insights', ['account_id', 'date_start', 'ad_id'], 'replace'],
  ])('%s has the key %j and is written by %s', async (name, primaryKey, writeDisposition) => {
    const specs = await facebook(OWN).discover();
    expect(specs.find((spec) => spec.name === name)).toMatchObject({ primaryKey, writeDisposition });
  });

  test.each([
    ['campaign', ['account_id', 'date_start', 'campaign_id']],
    ['adset', ['account_id', 'date_start', 'adset_id']],
    ['account', ['account_id', 'date_start']],
  ] as const)('a report of each %s has its level in its key', async (level, primaryKey) => {
    const specs = await facebook({ ...OWN, insights: { level } }).discover();
    expect(specs.find(({ name }) => name === 'insights')?.primaryKey).toEqual(primaryKey);
  });

  test('a money column is a decimal, a count an integer, a tree JSON', async () => {
    const specs = await facebook(OWN).discover();
    const typeOf = (stream: string, column: string): unknown =>
      specs.find(({ name }) => name === stream)?.columns.find(({ name }) => name === column)?.type;
    expect(typeOf('insights', 'spend')).toBe('decimal');
    expect(typeOf('insights', 'impressions')).toBe('int64');
    expect(typeOf('insights', 'ctr')).toBe('float64');
    expect(typeOf('insights', 'actions_link_click')).toBe('decimal');
    expect(typeOf('ad_sets', 'daily_budget')).toBe('int64');
    expect(typeOf('ad_sets', 'targeting')).toBe('json');
    expect(typeOf('ads', 'tracking_specs')).toBe('json');
    expect(typeOf('ad_creatives', 'object_story_spec')).toBe('json');
    expect(typeOf('campaigns', 'updated_time')).toBe('timestamp');
  });

  test('as text, numbers of reports are text, and what is made of them is not', async () => {
    const specs = await facebook({ ...OWN, insights: { numbers: 'text' } }).discover();
    const columns = new Map(specs[0]?.columns.map(({ name, type }) => [name, type]));
    for (const name of ['spend', 'impressions', 'ctr', 'cpc']) expect(columns.get(name)).toBe('string');
    expect(columns.get('actions_link_click')).toBe('decimal');
  });

  test('with a reporting currency have columns that say how, where there are amounts', async () => {
    const source = facebook({
      ...OWN,
      reportingCurrency: {},
      insights: { fields: ['spend', 'actions', 'action_values'] },
    });
    const specs = new Map((await source.discover()).map((spec) => [spec.name, spec]));
    const typesOf = (stream: string): Readonly<Record<string, unknown>> =>
      Object.fromEntries(
        specs
          .get(stream)
          ?.columns.map(({ name, type, precision, scale }) => [
            name,
            precision === undefined ? type : `${type} ${precision} ${scale}`,
          ]) ?? [],
      );
    const stamps = {
      source_currency: 'string',
      reporting_currency: 'string',
      fx_rate_to_aed: 'decimal 20 10',
      fx_requested_date: 'date',
      fx_effective_date: 'date',
      fx_rate_status: 'string',
    };
    expect(typesOf('insights')).toMatchObject({ ...stamps, spend: 'decimal 20 6', spend_source: 'decimal 20 6' });
    expect(typesOf('campaigns')).toMatchObject({
      ...stamps,
      daily_budget_source: 'int64',
      lifetime_budget_source: 'int64',
    });
    expect(typesOf('ad_sets')).toMatchObject({ ...stamps, bid_amount: 'int64', bid_amount_source: 'int64' });
    expect(typesOf('fx_daily_rates')).toMatchObject({
      rate: 'decimal 20 10',
      requested_date: 'date',
      usd_per_eur: 'decimal 20 10',
    });
    const nested = (list: string): readonly string[] =>
      specs
        .get('insights')
        ?.columns.find(({ name }) => name === list)
        ?.fields?.map(({ name }) => name) ?? [];
    expect(nested('action_values').slice(0, 3)).toEqual(['action_type', 'value', 'value_source']);
    expect(nested('actions')).not.toContain('value_source');
  });

  test('with a reporting currency compare sums in the currency of the account', async () => {
    const gateOf = async (reportingCurrency: object | undefined): Promise<unknown> => {
      const source = facebook({
        ...OWN,
        ...(reportingCurrency === undefined ? {} : { reportingCurrency }),
        fetch: () => Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } })),
        clock: new HastyClock(),
      });
      const plans = (await source.plan?.({ now: new Date('2026-03-10T12:00:00Z') })) ?? [];
      return plans.find(({ stream }) => stream.name === 'insights')?.gate?.reconcile;
    };
    expect(await gateOf(undefined)).toEqual(['spend', 'impressions', 'clicks']);
    expect(await gateOf({})).toEqual(['spend_source', 'impressions', 'clicks']);
  });
});
