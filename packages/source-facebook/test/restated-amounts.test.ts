import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ACTION_METRICS } from '../src/action-metrics.ts';
import { productOf } from '../src/exact-arithmetic.ts';
import { sumOf } from '../src/exact-text.ts';
import { identityRate, type ExchangeRate } from '../src/exchange-rate.ts';
import type { GraphObject } from '../src/graph-client.ts';
import { FIELD_NAMES } from '../src/insight-fields.ts';
import { insightRow } from '../src/insight-row.ts';
import { insightSchema } from '../src/insight-schema.ts';
import { resolveOptions, type FacebookOptions } from '../src/options.ts';
import { MONEY_LISTS, restatedInsight, restatedMinorUnits } from '../src/restated-amounts.ts';

const POUND: ExchangeRate = {
  sourceCurrency: 'GBP',
  requestedDate: '2026-03-28',
  effectiveDate: '2026-03-27',
  rate: '4.9882078278',
  status: 'carried',
  euro: { usd: '1.1643', gbp: '0.8572' },
};
const DIRHAM = identityRate('2026-03-28');

const IDENTITY = {
  account_id: '1',
  account_currency: 'GBP',
  campaign_id: '10',
  adset_id: '100',
  ad_id: '1000',
  date_start: '2026-03-28',
  date_stop: '2026-03-28',
};

/** A row of the table, which takes it as it is. */
function made(
  given: GraphObject,
  rate: ExchangeRate | null = POUND,
  options: FacebookOptions['insights'] = {},
): Readonly<Record<string, unknown>> {
  const { insights } = resolveOptions({
    token: 'a token',
    accountIds: ['1'],
    insights: { fields: [...FIELD_NAMES], hasSubscriptionRevenue: true, ...options },
  });
  const context = {
    insights,
    managingSystem: 'd1',
    currency: 'GBP',
    rate: rate ?? undefined,
    unfetched: new Set<string>(),
    flag: () => undefined,
  };
  const row = insightRow({ ...IDENTITY, ...given }, context);
  return insightSchema(insights, rate !== null).parse(row);
}

function aed(text: string): string {
  return productOf(text, POUND.rate, 6);
}

describe('amounts of a row', () => {
  test.each(['spend', 'cpc', 'cpm', 'cpp'])('%s is restated to six places, half up', (field) => {
    expect(made({ [field]: '12.34' })[field]).toBe('61.554485');
    expect(made({ [field]: '0' })[field]).toBe('0');
    expect(made({ [field]: '0.01' })[field]).toBe('0.049882');
    expect(made({ [field]: '-12.34' })[field]).toBe('-61.554485');
    expect(made({ [field]: 12.34 })[field]).toBe('61.554485');
    expect(made({})[field]).toBeNull();
    expect(made({ [field]: null })[field]).toBeNull();
  });

  test('that are the same under several windows are restated alike, and no row has them of another', () => {
    const entry = {
      action_type: 'omni_purchase',
      value: '2',
      '1d_click': '2',
      '7d_click': 2,
      '28d_click': '2.00',
      '1d_view': '1',
    };
    const restated = {
      action_type: 'omni_purchase',
      value: aed('2'),
      value_source: '2',
      '1d_click': aed('2'),
      '7d_click': aed('2'),
      '28d_click': aed('2'),
      '1d_view': aed('1'),
    };
    const row = { spend: '2', action_values: [entry, entry], conversion_values: [entry] };
    expect(restatedInsight(row, POUND)).toEqual({
      spend: aed('2'),
      action_values: [restated, restated],
      conversion_values: [restated],
    });
    expect(restatedInsight(row, { ...POUND, rate: '5' })).toMatchObject({
      spend: '10',
      action_values: [{ value: '10' }, {}],
    });
    expect(row.action_values[0]).toBe(entry);
  });

  test('are rounded once: nothing is cut off before they are multiplied', () => {
    // Cut to six places first it would be 0.
    expect(made({ cpc: '0.0000004' })['cpc']).toBe('0.000002');
  });

  test.each<[string, string]>([
    ['impressions', '1000'],
    ['reach', '900'],
    ['clicks', '12'],
    ['unique_clicks', '11'],
    ['inline_link_clicks', '9'],
    ['frequency', '1.11'],
    ['ctr', '1.2'],
    ['unique_ctr', '1.1'],
  ])('%s is a count or a ratio, and stays', (field, value) => {
    expect(made({ [field]: value })[field]).toBe(value);
  });

  test('the spend as the platform wrote it stands beside, with how it was restated', () => {
    expect(made({ spend: '12.34' })).toMatchObject({
      spend: '61.554485',
      spend_source: '12.34',
      source_currency: 'GBP',
      reporting_currency: 'AED',
      fx_rate_to_aed: '4.9882078278',
      fx_requested_date: '2026-03-28',
      fx_effective_date: '2026-03-27',
      fx_rate_status: 'carried',
      account_currency: 'GBP',
    });
  });

  test('without the option nothing of it is there', () => {
    const plain = Object.keys(made({ spend: '12.34', action_values: [{ action_type: 'x', value: '1' }] }, null));
    for (const column of ['spend_source', 'source_currency', 'fx_rate_to_aed']) expect(plain).not.toContain(column);
  });
});

describe('lists of amounts', () => {
  const entry = { action_type: 'omni_purchase', value: '10', '1d_click': '4', '7d_click': '10', '28d_view': '0.5' };

  test.each([...MONEY_LISTS])('%s: value and each window, and what the value was', (list) => {
    const [row] = made({ [list]: [entry] })[list] as readonly Record<string, unknown>[];
    expect(row).toEqual({
      action_type: 'omni_purchase',
      value: aed('10'),
      value_source: '10',
      '1d_click': aed('4'),
      '7d_click': aed('10'),
      '28d_click': null,
      '1d_view': null,
      '7d_view': null,
      '28d_view': aed('0.5'),
    });
  });

  test.each(['actions', 'conversions', 'website_ctr', 'purchase_roas'])(
    '%s: counts and ratios stay, and have no other value beside them',
    (list) => {
      const [row] = made({ [list]: [entry] })[list] as readonly Record<string, unknown>[];
      expect(row).toMatchObject({ value: '10', '1d_click': '4', '28d_view': '0.5' });
      expect(row).not.toHaveProperty('value_source');
    },
  );

  test('windows named as tables name them are restated too, other keys are not', () => {
    const given = { _7d_view: '2', '90d_click': '3', '7d_click_first': '4', action_destination: '5', value: '1' };
    const { action_values: list } = restatedInsight({ action_values: [given] }, POUND);
    expect(list).toEqual([
      {
        _7d_view: aed('2'),
        '90d_click': aed('3'),
        '7d_click_first': '4',
        action_destination: '5',
        value: aed('1'),
        value_source: '1',
      },
    ]);
  });

  test('an entry with windows only has no value, then and now', () => {
    const [row] = made({ action_values: [{ action_type: 'x', '7d_click': '2' }] })[
      'action_values'
    ] as readonly unknown[];
    expect(row).toMatchObject({ value: null, value_source: null, '7d_click': aed('2') });
  });

  test('the cost of a result is restated in each of its series', () => {
    const series = [
      {
        indicator: 'actions:omni_purchase',
        values: [{ value: '7.5', attribution_windows: ['default'] }, { value: '9' }],
      },
      { indicator: 'actions:lead' },
    ];
    expect(made({ cost_per_result: series })['cost_per_result']).toBe(aed('7.5'));
    expect(restatedInsight({ cost_per_result: series }, POUND)).toEqual({
      cost_per_result: [
        {
          indicator: 'actions:omni_purchase',
          values: [{ value: aed('7.5'), attribution_windows: ['default'] }, { value: aed('9') }],
        },
        { indicator: 'actions:lead' },
      ],
    });
    expect(made({ cost_per_result: [{ indicator: 'x' }] })['cost_per_result']).toBeNull();
  });

  test.each([undefined, null, 'x', 7, {}, ['x', null, 7]])(
    'what is no list of entries stays what it is: %j',
    (list) => {
      const given = { action_values: list, cost_per_result: list };
      expect(restatedInsight(given, POUND)).toEqual(given);
    },
  );

  test('what was given is not changed: it may be of a page that is read again', () => {
    const given = { spend: '1', action_values: [{ ...entry }] };
    restatedInsight(given, POUND);
    expect(given).toEqual({ spend: '1', action_values: [entry] });
  });
});

describe('partial maps are ordered before flatten', () => {
  test('scalars are of the amounts that stand beside them', () => {
    const row = made({
      action_values: [
        { action_type: 'omni_purchase', value: '10.01' },
        { action_type: 'omni_purchase', value: '0.02' },
        { action_type: 'donate_total', value: '3' },
        { action_type: 'omni_start_trial', value: '4' },
      ],
      cost_per_action_type: [{ action_type: 'link_click', value: '0.25' }],
      conversion_values: [
        { action_type: 'subscribe_mobile_app', value: '5' },
        { action_type: 'offsite_conversion.custom.subscribe', value: '1.5' },
      ],
      actions: [{ action_type: 'link_click', value: '3' }],
      purchase_roas: [{ action_type: 'omni_purchase', value: '2.5' }],
    });
    expect(row).toMatchObject({
      action_values_omni_purchase: sumOf([aed('10.01'), aed('0.02')]),
      action_values_donate_total: aed('3'),
      trial_start_value: aed('4'),
      cpa_link_click: aed('0.25'),
      subscription_value: aed('5'),
      actions_link_click: '3',
      purchase_roas_omni_purchase: '2.5',
    });
    expect(Number(row['subscription_revenue'])).toBeCloseTo(Number(sumOf([aed('5'), aed('1.5')])), 4);
  });

  test('entries that have only some of the windows are restated like all others', () => {
    const maps = [
      { action_type: 'omni_purchase', '1d_click': '1' },
      { action_type: 'omni_purchase', value: '2' },
      { action_type: 'omni_purchase' },
    ];
    const row = made({ action_values: maps });
    expect(row['action_values_omni_purchase']).toBe(aed('2'));
    expect(row['action_values']).toMatchObject([{ '1d_click': aed('1') }, { value: aed('2') }, { value: null }]);
  });

  test('each scalar is made of the restated entries of its list, whatever they are', () => {
    const metrics = ACTION_METRICS.filter(({ list, rule }) => MONEY_LISTS.has(list) && rule === 'sum');
    const amount = fc.integer({ min: 0, max: 10_000_000 }).map((minor) => (minor / 100).toFixed(2));
    const given = fc.array(
      fc.record({
        action_type: fc.constantFrom(...metrics.map(({ actionType }) => actionType), 'other'),
        value: amount,
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(given, (entries) => {
        const row = made({ action_values: entries });
        for (const { column, actionType } of metrics) {
          const own = (row['action_values'] as readonly Record<string, string>[]).filter(
            (entry) => entry['action_type'] === actionType,
          );
          expect(row[column]).toBe(own.length === 0 ? null : sumOf(own.map(({ value = '' }) => value)));
          for (const [index, entry] of own.entries()) {
            expect(entry['value']).toBe(aed(entry['value_source'] ?? ''));
            expect(index).toBeLessThan(entries.length);
          }
        }
      }),
    );
  });
});

describe('amounts in dirhams', () => {
  const given = {
    account_currency: 'AED',
    spend: '12.3400',
    cpc: '0.10',
    cpm: '1e1',
    action_values: [{ action_type: 'omni_purchase', value: '100.00', '7d_click': '1.50' }],
    cost_per_result: [{ indicator: 'x', values: [{ value: '7.50' }] }],
  };

  test.each(['exact', 'text'] as const)('are byte-identical to those without the option: %s numbers', (numbers) => {
    const plain = made(given, null, { numbers, hasSubscriptionRevenue: true });
    const row = made(given, DIRHAM, { numbers, hasSubscriptionRevenue: true });
    for (const [column, value] of Object.entries(plain)) {
      if (column !== 'action_values') expect([column, row[column]]).toEqual([column, value]);
    }
    const [entry] = plain['action_values'] as readonly object[];
    expect(row['action_values']).toEqual([{ ...entry, value_source: (entry as { value: string }).value }]);
    expect(row).toMatchObject({
      spend_source: row['spend'],
      source_currency: 'AED',
      reporting_currency: 'AED',
      fx_rate_to_aed: '1',
      fx_requested_date: '2026-03-28',
      fx_effective_date: '2026-03-28',
      fx_rate_status: 'exact',
    });
  });

  test('text stays the very text of the platform', () => {
    expect(made(given, DIRHAM, { numbers: 'text' })).toMatchObject({
      spend: '12.3400',
      spend_source: '12.3400',
      cpm: '1e1',
    });
    expect(made({ ...given, account_currency: 'GBP' }, POUND, { numbers: 'text' })).toMatchObject({
      spend: aed('12.34'),
      spend_source: '12.3400',
    });
  });
});

describe('money that is no number', () => {
  test.each<[string, GraphObject]>([
    ['spend', { spend: 'much' }],
    ['spend', { spend: '' }],
    ['spend', { spend: '1,000.00' }],
    ['cpc', { cpc: '£1' }],
    ['cpm', { cpm: { amount: 1 } }],
    ['cpp', { cpp: true }],
    ['action_values', { action_values: [{ action_type: 'x', value: 'NaN' }] }],
    ['action_values', { action_values: [{ action_type: 'x', value: '1', '7d_click': '-' }] }],
    ['conversion_values', { conversion_values: [{ action_type: 'x', value: 'Infinity' }] }],
    ['cost_per_action_type', { cost_per_action_type: [{ action_type: 'x', value: [] }] }],
    ['cost_per_result', { cost_per_result: [{ indicator: 'x', values: [{ value: 'free' }] }] }],
  ])('fails the slice, naming %s and never the value', (field, given) => {
    const value = JSON.stringify(given);
    try {
      made(given);
    } catch (error) {
      expect(error).toMatchObject({
        code: 'FACEBOOK_AMOUNT_INVALID',
        kind: 'data',
        message: expect.stringContaining(field),
        hint: expect.any(String),
        context: { field },
      });
      for (const secret of ['much', '1,000', '£1']) {
        if (value.includes(secret)) expect((error as Error).message).not.toContain(secret);
      }
      return;
    }
    throw new Error(`${value} was restated`);
  });
});

describe('amounts in the smallest unit', () => {
  const columns = ['daily_budget', 'lifetime_budget', 'bid_amount'];

  test.each([
    ['5000', '24941'],
    ['1', '5'],
    ['0', '0'],
    ['150', '748'],
    ['-5', '-25'],
    ['9007199254740993', '44929781829053348'],
  ])('%s pence are %s fils: whole, half up', (pence, fils) => {
    const row = restatedMinorUnits({ daily_budget: pence, name: 'x' }, columns, POUND);
    expect(row['daily_budget_source']).toBe(pence);
    expect(row['daily_budget']).toBe(fils);
    expect(row).not.toHaveProperty('name');
  });

  test('that are not there are not there', () => {
    expect(restatedMinorUnits({ daily_budget: null }, columns, POUND)).toEqual({
      daily_budget: null,
      daily_budget_source: null,
      lifetime_budget: null,
      lifetime_budget_source: null,
      bid_amount: null,
      bid_amount_source: null,
    });
  });

  test('in dirhams stay as they are', () => {
    expect(restatedMinorUnits({ bid_amount: '007' }, ['bid_amount'], DIRHAM)).toEqual({
      bid_amount: '007',
      bid_amount_source: '007',
    });
  });

  test.each(['12.5', 'x', '', '1e3'])('%s is refused by the name of its column', (value) => {
    expect(() => restatedMinorUnits({ lifetime_budget: value }, columns, POUND)).toThrowError(
      expect.objectContaining({ code: 'FACEBOOK_AMOUNT_INVALID', context: { field: 'lifetime_budget' } }),
    );
  });
});
