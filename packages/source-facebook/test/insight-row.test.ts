import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ACTION_METRICS, funnelColumns } from '../src/action-metrics.ts';
import { sumOf } from '../src/exact-text.ts';
import {
  ATTRIBUTION_WINDOWS,
  DEFAULT_FIELDS,
  FIELD_NAMES,
  idColumns,
  INSIGHT_FIELDS,
  insightKey,
  LEVELS,
  type InsightField,
} from '../src/insight-fields.ts';
import { insightRow, requireFields, type RowContext } from '../src/insight-row.ts';
import { insightSchema } from '../src/insight-schema.ts';
import { resolveOptions, type FacebookOptions, type InsightsOptions } from '../src/options.ts';
import type { GraphObject } from '../src/graph-client.ts';

function insightsOf(insights: FacebookOptions['insights'] = {}): InsightsOptions {
  return resolveOptions({ token: 'a token', accountIds: ['1'], insights }).insights;
}

interface Made {
  readonly row: Readonly<Record<string, unknown>>;
  readonly flags: readonly string[];
}

function made(given: GraphObject, options: FacebookOptions['insights'] = {}, unfetched: readonly string[] = []): Made {
  const insights = insightsOf(options);
  const flags: string[] = [];
  const context: RowContext = {
    insights,
    managingSystem: 'd1',
    currency: 'AED',
    unfetched: new Set(unfetched),
    flag: (flag) => flags.push(flag),
  };
  const row = insightRow({ ...IDENTITY, ...given }, context);
  // What is made has to be what the table takes, whatever was given.
  insightSchema(insights).parse(row);
  return { row, flags };
}

const IDENTITY = {
  account_id: '1',
  account_name: 'One',
  account_currency: 'USD',
  campaign_id: '10',
  campaign_name: 'Ten',
  adset_id: '100',
  adset_name: 'Hundred',
  ad_id: '1000',
  ad_name: 'Thousand',
  date_start: '2026-03-01',
  date_stop: '2026-03-01',
};

const click = (value: unknown, more: GraphObject = {}): GraphObject => ({ action_type: 'link_click', value, ...more });

describe('a row of a report', () => {
  test.each<[InsightField, unknown, unknown]>([
    ['spend', '81.55', '81.55'],
    ['spend', '81.5500001', '81.55'],
    ['spend', '0', '0'],
    ['spend', '12345678901234.123456', '12345678901234.123456'],
    ['spend', 81.55, '81.55'],
    ['spend', null, null],
    ['spend', undefined, null],
    ['cpc', '0.271828', '0.271828'],
    ['cpm', '8.1548459', '8.154846'],
    ['impressions', '9007199254740993', '9007199254740993'],
    ['clicks', '12', '12'],
    ['reach', undefined, null],
    ['ctr', '3.000000', '3.000000'],
    ['frequency', '1.2345678901', '1.2345678901'],
    ['objective', 'OUTCOME_SALES', 'OUTCOME_SALES'],
    ['inline_link_clicks', '3', '3'],
    ['cost_per_result', [{ indicator: 'actions:link_click', values: [{ value: '1.25' }] }], '1.25'],
    ['cost_per_result', [{ indicator: 'x', values: [] }], null],
    ['cost_per_result', [{ indicator: 'x' }], null],
    ['cost_per_result', [], null],
    ['cost_per_result', undefined, null],
    ['cost_per_result', 'text', null],
    ['cost_per_result', [null], null],
  ])('has of %s %j: %j', (field, given, value) => {
    const { row, flags } = made({ [field]: given }, { fields: [field] });
    expect(row[field]).toEqual(value);
    expect(flags).toEqual([]);
    expect(row['_unfetched']).toBeNull();
  });

  test.each<[InsightField, unknown]>([
    ['spend', 'much'],
    ['impressions', '12.5'],
    ['impressions', 'many'],
    ['clicks', ''],
    ['ctr', 'high'],
    ['cpc', '1,5'],
    ['reach', true],
    ['spend', {}],
  ])('is refused by the schema, by name, where %s is %j', (field, given) => {
    expect(() => made({ [field]: given }, { fields: [field] })).toThrowError(new RegExp(field));
  });

  test('has who it is about and whose it is', () => {
    const { row } = made({ spend: '1' }, { fields: ['spend'] });
    expect(row).toMatchObject({ ...IDENTITY, managing_system: 'd1' });
  });

  test('has the currency of the account where the platform leaves it out, and no name it was not given', () => {
    const { row } = made({ account_currency: undefined, account_name: undefined, ad_name: undefined, spend: '1' });
    expect(row).toMatchObject({ account_currency: 'AED', account_name: null, ad_name: null });
  });

  test.each(LEVELS)('of each %s has the ids of that level and of those above, and no others', (level) => {
    const { row } = made({ spend: '1' }, { level, fields: ['spend'] });
    for (const id of ['campaign_id', 'adset_id', 'ad_id']) expect(id in row).toBe(idColumns(level).includes(id));
    expect(Object.keys(row)).toEqual(Object.keys(insightSchema(insightsOf({ level, fields: ['spend'] })).shape));
  });

  test('has each breakdown as text, and says where it has none', () => {
    const insights = { breakdowns: ['age', 'gender', 'country'], fields: ['spend'] as InsightField[] };
    const { row } = made({ age: '18-24', gender: 'female', spend: '1' }, insights);
    expect(row).toMatchObject({ age: '18-24', gender: 'female', country: 'no_country' });
    expect(insightKey('ad', insights.breakdowns)).toEqual([
      'account_id',
      'date_start',
      'ad_id',
      'age',
      'gender',
      'country',
    ]);
  });

  test('as text keeps every number as the platform sends it', () => {
    const given = {
      spend: '81.5500001',
      impressions: '12',
      ctr: '3.000000',
      actions: [click('3.0', { '1d_click': '2' })],
    };
    const { row } = made(given, { numbers: 'text', fields: ['spend', 'impressions', 'ctr', 'actions'] });
    expect(row).toMatchObject({ spend: '81.5500001', impressions: '12', ctr: '3.000000' });
    expect(row['actions']).toMatchObject([
      { action_type: 'link_click', value: '3.0', '1d_click': '2', '7d_click': null },
    ]);
    // What is made of several numbers is a number.
    expect(row['actions_link_click']).toBe('3');
  });
});

describe('nested lists', () => {
  test('have one entry for each of the platform’s, with all windows', () => {
    const windows = Object.fromEntries(ATTRIBUTION_WINDOWS.map((window, index) => [window, String(index)]));
    const { row } = made(
      { actions: [click('7', windows), { action_type: 'search', value: '1' }] },
      { fields: ['actions'] },
    );
    expect(row['actions']).toEqual([
      { action_type: 'link_click', value: '7', ...windows },
      { action_type: 'search', value: '1', ...Object.fromEntries(ATTRIBUTION_WINDOWS.map((window) => [window, null])) },
    ]);
  });

  test('keep entries of one type apart, and add them up in the scalar', () => {
    const { row } = made({ actions: [click('3'), click('4'), click('0.5')] }, { fields: ['actions'] });
    expect(row['actions']).toHaveLength(3);
    expect(row['actions_link_click']).toBe('7.5');
  });

  test.each([[undefined], [null], [[]], ['text'], [7], [{}], [[null, 7, 'text', []]]])(
    'that are %j have no entries of use',
    (given) => {
      const { row, flags } = made({ actions: given }, { fields: ['actions'] });
      expect(row['actions_link_click']).toBeNull();
      expect(flags).toEqual([]);
    },
  );

  test('an entry without a value is there, and counts for nothing', () => {
    const { row } = made({ actions: [click(undefined), click('2')] }, { fields: ['actions'] });
    expect(row['actions']).toMatchObject([{ value: null }, { value: '2' }]);
    expect(row['actions_link_click']).toBe('2');
  });

  test('costs that do not agree are no cost, and said to be none', () => {
    const cost = (value: string): GraphObject => ({ action_type: 'link_click', value });
    const fields: InsightField[] = ['cost_per_action_type'];
    expect(made({ cost_per_action_type: [cost('1.5'), cost('1.50')] }, { fields })).toMatchObject({
      row: { cpa_link_click: '1.5' },
      flags: [],
    });
    expect(made({ cost_per_action_type: [cost('1.5'), cost('2')] }, { fields })).toMatchObject({
      row: { cpa_link_click: null },
      flags: ['ambiguous:cpa_link_click'],
    });
  });

  const types = [...new Set(ACTION_METRICS.map(({ actionType }) => actionType)), 'post_engagement', 'Search'];
  const entries = fc.array(
    fc.record({
      action_type: fc.constantFrom(...types),
      value: fc.nat(10_000).map((cents) => (cents / 100).toFixed(2)),
    }),
    { maxLength: 15 },
  );

  test('whatever they hold, each scalar is what a query over them gives', () => {
    fc.assert(
      fc.property(entries, entries, (actions, values) => {
        const { row } = made({ actions, action_values: values }, { fields: ['actions', 'action_values'] });
        for (const { column, list, actionType } of ACTION_METRICS) {
          if (list !== 'actions' && list !== 'action_values') continue;
          const nested = (row[list] as { action_type: string; value: string }[]).filter(
            (entry) => entry.action_type === actionType,
          );
          const sum = nested.length === 0 ? null : sumOf(nested.map(({ value }) => value));
          expect(row[column]).toBe(sum);
        }
      }),
      { numRuns: 60, seed: 8 },
    );
  });
});

describe('what was not given', () => {
  const LISTS = FIELD_NAMES.filter((name) => INSIGHT_FIELDS[name] === 'actions');

  test.each(LISTS)('%s given up: its scalars are unknown, never 0, and the row names it', (list) => {
    const given = Object.fromEntries(LISTS.map((name) => [name, [click('5')]]));
    const { row } = made({ ...given, [list]: undefined }, { fields: LISTS }, [list]);
    expect(row[list]).toEqual([]);
    expect(row['_unfetched']).toBe(list);
    for (const metric of ACTION_METRICS) {
      if (metric.list === list) expect(row[metric.column]).toBeNull();
      else if (metric.actionType === 'link_click') expect(row[metric.column]).toBe('5');
    }
  });

  test.each<[string, readonly string[], readonly string[]]>([
    ['actions', ['trial_starts', 'subscriptions'], ['trial_start_value', 'subscription_value']],
    ['conversions', ['trial_starts', 'subscriptions'], ['trial_start_value', 'subscription_value']],
    ['action_values', ['trial_start_value', 'subscription_value'], ['trial_starts', 'subscriptions']],
    ['conversion_values', ['trial_start_value', 'subscription_value'], ['trial_starts', 'subscriptions']],
  ])('%s given up: %j are unknown, %j are what they are', (list, unknown, known) => {
    const subscribed = [{ action_type: 'subscribe', value: '3' }];
    const given = { actions: subscribed, action_values: subscribed, conversions: [], conversion_values: [] };
    const fields: InsightField[] = ['actions', 'action_values', 'conversions', 'conversion_values'];
    const { row } = made({ ...given, [list]: undefined }, { fields }, [list]);
    for (const column of unknown) expect(row[column]).toBeNull();
    for (const column of known) expect(row[column]).not.toBeNull();
  });

  test('the revenue of subscriptions is unknown without the values it is made of', () => {
    const insights = { fields: ['conversion_values'] as InsightField[], hasSubscriptionRevenue: true };
    expect(made({ conversion_values: [] }, insights).row['subscription_revenue']).toBe('0');
    expect(made({}, insights, ['conversion_values']).row['subscription_revenue']).toBeNull();
  });

  test.each(FIELD_NAMES)('%s alone given up leaves all other columns as they are', (field) => {
    const value = (name: InsightField): unknown =>
      INSIGHT_FIELDS[name] === 'actions'
        ? [click('5')]
        : INSIGHT_FIELDS[name] === 'result'
          ? [{ values: [{ value: '1' }] }]
          : '7';
    const given = Object.fromEntries(FIELD_NAMES.map((name) => [name, value(name)]));
    const whole = made(given, { fields: FIELD_NAMES }).row;
    const lacking = made({ ...given, [field]: undefined }, { fields: FIELD_NAMES }, [field]).row;
    const own = new Set<string>([
      field,
      '_unfetched',
      ...ACTION_METRICS.filter(({ list }) => list === field).map(({ column }) => column),
    ]);
    if (INSIGHT_FIELDS[field] === 'actions') for (const column of funnelColumns([field])) own.add(column);
    for (const [column, was] of Object.entries(whole)) {
      if (own.has(column)) continue;
      expect([column, lacking[column]]).toEqual([column, was]);
    }
    expect(lacking[field] === null || (lacking[field] as unknown[]).length === 0).toBe(true);
  });

  test('several are named in one order, whatever the order in which they were given up', () => {
    const fields: InsightField[] = ['spend', 'actions', 'ctr'];
    expect(made({}, { fields }, ['ctr', 'actions']).row['_unfetched']).toBe('actions,ctr');
    expect(made({}, { fields }, ['actions', 'ctr']).row['_unfetched']).toBe('actions,ctr');
  });

  test('a field that every row has is missed by name', () => {
    expect(() => requireFields({ spend: '1' }, ['spend'])).not.toThrow();
    expect(() => requireFields({ spend: '1' }, ['spend', 'impressions'])).toThrowError(
      expect.objectContaining({
        code: 'FACEBOOK_FIELD_MISSING',
        kind: 'data',
        message: expect.stringContaining('impressions'),
      }),
    );
    expect(() => requireFields({ spend: null }, ['spend'])).not.toThrow();
  });
});

describe('the columns of a report', () => {
  const compatible = [
    'account_id',
    'date_start',
    'date_stop',
    'campaign_id',
    'campaign_name',
    'adset_id',
    'adset_name',
    'ad_id',
    'ad_name',
    'account_name',
    'account_currency',
    'managing_system',
    'reach',
    'impressions',
    'frequency',
    'clicks',
    'unique_clicks',
    'ctr',
    'unique_ctr',
    'cpc',
    'cpm',
    'cpp',
    'spend',
    'actions',
    'action_values',
    'website_ctr',
    'cost_per_action_type',
    'cost_per_result',
    'purchase_roas',
    'actions_omni_app_install',
    'actions_search',
    'actions_donate_total',
    'actions_omni_purchase',
    'actions_link_click',
    'actions_omni_complete_registration',
    'actions_omni_initiated_checkout',
    'actions_omni_activate_app',
    'action_values_donate_total',
    'action_values_omni_purchase',
    'cpa_search',
    'cpa_donate_total',
    'cpa_omni_purchase',
    'cpa_link_click',
    'cpa_omni_app_install',
    'cpa_omni_complete_registration',
    'website_ctr_link_click',
    'purchase_roas_donate_total',
    'purchase_roas_omni_purchase',
    'trial_starts',
    'trial_start_value',
    'subscriptions',
    'subscription_value',
  ];

  test('by default are those that dashboards know, and one that says what is not there', () => {
    expect(Object.keys(insightSchema(insightsOf()).shape).toSorted()).toEqual([...compatible, '_unfetched'].toSorted());
  });

  test('of subscriptions are these besides', () => {
    const shape = insightSchema(
      insightsOf({ fields: [...DEFAULT_FIELDS, 'conversions', 'conversion_values'], hasSubscriptionRevenue: true }),
    ).shape;
    const more = ['conversions', 'conversion_values', 'subscription_revenue'];
    expect(Object.keys(shape).toSorted()).toEqual([...compatible, ...more, '_unfetched'].toSorted());
  });

  test.each(LEVELS)('of each %s hold the whole key', (level) => {
    const insights = insightsOf({ level, breakdowns: ['age', 'gender'] });
    const columns = Object.keys(insightSchema(insights).shape);
    expect(columns).toEqual(expect.arrayContaining([...insightKey(level, insights.breakdowns)]));
  });
});
