import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ACTION_METRICS,
  actionMetric,
  funnelColumns,
  funnelMetrics,
  subscriptionRevenue,
} from '../src/action-metrics.ts';
import { resolveOptions } from '../src/options.ts';
import { decimalOf, scaledOf, sumOf } from '../src/exact-text.ts';

const types = [...new Set(ACTION_METRICS.map(({ actionType }) => actionType)), 'other'];
const entries = fc.array(
  fc.record({
    action_type: fc.constantFrom(...types),
    value: fc
      .tuple(fc.nat(1_000_000), fc.nat(9999))
      .map(([whole, part]) => `${whole}.${String(part).padStart(4, '0')}`),
  }),
  { maxLength: 12 },
);

test('gives what adding up the nested rows gives, however often an action type comes', () => {
  fc.assert(
    fc.property(entries, fc.constantFrom(...ACTION_METRICS), (list, metric) => {
      const own = list.filter(({ action_type: type }) => type === metric.actionType).map(({ value }) => value);
      const scalar = actionMetric(metric, list);
      if (own.length === 0) expect(scalar).toBeNull();
      else if (metric.rule === 'only') expect(scalar).toBe(new Set(own).size === 1 ? decimalOf(own[0], 10) : undefined);
      else {
        const sum = own.reduce((total, value) => total + scaledOf(value, 4), 0n);
        expect(scaledOf(scalar ?? '', 4)).toBe(sum);
      }
    }),
  );
});

test('prefers the total over all channels, else adds app and web, else takes the bare name', () => {
  const action = (action_type: string, value: string) => ({ action_type, value });
  const app = action('app_custom_event.fb_mobile_subscribe', '2');
  const web = action('offsite_conversion.fb_pixel_subscribe', '3');
  expect(funnelMetrics({ actions: [app, web, action('omni_subscribe', '4')] })).toMatchObject({ subscriptions: '4' });
  expect(funnelMetrics({ actions: [app, web] })).toMatchObject({ subscriptions: '5' });
  expect(funnelMetrics({ conversions: [action('subscribe_mobile_app', '2')], actions: [app, web] })).toMatchObject({
    subscriptions: '5',
  });
  expect(funnelMetrics({ actions: [action('Subscribe', '7')] })).toMatchObject({ subscriptions: '7' });
  expect(funnelMetrics({ actions: [action('start_trial', 'none')] })).toEqual({
    trial_starts: '0',
    trial_start_value: '0',
    subscriptions: '0',
    subscription_value: '0',
  });
});

test('adds up the revenue of whatever is named after subscribing', () => {
  const values = [
    { action_type: 'subscribe_mobile_app', value: '19.995' },
    { action_type: 'offsite_conversion.fb_pixel_custom.Subscribe_premium', value: '5.25' },
    { action_type: 'subscribe_website', value: 'n/a' },
    { action_type: 'purchase', value: '100' },
  ];
  expect(subscriptionRevenue(values)).toBe('25.245');
});

test('keeps every digit, and rounds only what doubles leave behind', () => {
  expect(decimalOf('149.97000000000003', 10)).toBe('149.97');
  expect(decimalOf('9007199254740993.123456', 6)).toBe('9007199254740993.123456');
  expect(decimalOf('-0.00000000005', 10)).toBe('-0.0000000001');
  expect(decimalOf('1e-7', 10)).toBe('0.0000001');
  expect(decimalOf('', 2)).toBeUndefined();
});

test('refuses a number that came as a double and may have been another one', () => {
  expect(decimalOf(12.5, 2)).toBe('12.5');
  expect(decimalOf(123_456_789_012_345, 0)).toBe('123456789012345');
  expect(() => decimalOf(2 ** 53 + 2, 0)).toThrowError(
    expect.objectContaining({ code: 'FACEBOOK_NUMBER_INEXACT', kind: 'data' }),
  );
  expect(() => decimalOf(0.1 + 0.2, 2)).toThrowError(expect.objectContaining({ code: 'FACEBOOK_NUMBER_INEXACT' }));
});

test('a value is the same however many zeros it ends in', () => {
  const metric = ACTION_METRICS.find(({ column }) => column === 'cpa_link_click');
  const list = ['1.5', '1.50'].map((value) => ({ action_type: 'link_click', value }));
  expect(metric && actionMetric(metric, list)).toBe('1.5');
});

test('has no value of trials and subscriptions where no values are asked for, rather than 0', () => {
  expect(funnelColumns(['actions', 'spend'])).toEqual(['trial_starts', 'subscriptions']);
  expect(funnelColumns(['conversion_values'])).toEqual(['trial_start_value', 'subscription_value']);
  expect(funnelColumns(['actions', 'action_values'])).toHaveLength(4);
  expect(funnelColumns(['spend'])).toEqual([]);
  const insights = { fields: ['actions' as const], hasSubscriptionRevenue: true };
  expect(() => resolveOptions({ token: 'a token', accountIds: ['1'], insights })).toThrowError(
    expect.objectContaining({ code: 'FACEBOOK_OPTIONS_INVALID' }),
  );
});

describe('trials and subscriptions', () => {
  const entry = (action_type: string, value: unknown) => ({ action_type, value });
  const EVENTS = [
    ['start_trial', 'trial_starts', 'trial_start_value'],
    ['subscribe', 'subscriptions', 'subscription_value'],
  ] as const;

  test.each(EVENTS)('%s: the total over all channels stands for its components', (event, count, value) => {
    const channels = [
      entry(`omni_${event}`, '9'),
      entry(`${event}_mobile_app`, '2'),
      entry(`offsite_conversion.fb_pixel_${event}`, '3'),
      entry(event, '4'),
    ];
    for (const list of [channels, channels.toReversed()]) {
      expect(funnelMetrics({ actions: list })[count]).toBe('9');
      expect(funnelMetrics({ action_values: list })[value]).toBe('9');
    }
  });

  test.each(EVENTS)('%s: of several names of the app the first counts, never their sum', (event, count) => {
    const names = [`${event}_mobile_app`, `app_custom_event.fb_mobile_${event}`, `fb_mobile_${event}`];
    for (const [index] of names.entries()) {
      const list = names.slice(index).map((name, position) => entry(name, String(10 + index + position)));
      expect(funnelMetrics({ actions: list })[count]).toBe(String(10 + index));
    }
  });

  test.each(EVENTS)('%s: a type that two lists have is counted as the first has it', (event, count, value) => {
    const [one, other] = [[entry(`omni_${event}`, '5')], [entry(`omni_${event}`, '7')]];
    expect(funnelMetrics({ conversions: one, actions: other })[count]).toBe('5');
    expect(funnelMetrics({ actions: other })[count]).toBe('7');
    expect(funnelMetrics({ conversion_values: one, action_values: other })[value]).toBe('5');
    expect(funnelMetrics({ conversion_values: [], action_values: other })[value]).toBe('7');
  });

  test.each(EVENTS)('%s: counts and values do not mix', (event, count, value) => {
    const list = [entry(event, '6')];
    expect(funnelMetrics({ actions: list })).toMatchObject({ [count]: '6', [value]: '0' });
    expect(funnelMetrics({ action_values: list })).toMatchObject({ [count]: '0', [value]: '6' });
  });

  test.each(EVENTS)('%s: letters of either case are the same', (event, count) => {
    expect(funnelMetrics({ actions: [entry(event.toUpperCase(), '3'), entry(`Omni_${event}`, '8')] })[count]).toBe('8');
  });

  test.each([
    ['no list', {}],
    ['empty lists', { actions: [], conversions: [] }],
    ['an entry without a type', { actions: [{ value: '3' }] }],
    ['an entry without a value', { actions: [{ action_type: 'subscribe' }] }],
    ['a value that is text', { actions: [entry('subscribe', 'n/a')] }],
    ['a value that is a list', { actions: [entry('subscribe', ['3'])] }],
    ['a value that is null', { actions: [entry('subscribe', null)] }],
    ['another event', { actions: [entry('subscribed', '3'), entry('pre_subscribe', '4')] }],
  ])('%s is none', (_what, lists) => {
    expect(funnelMetrics(lists)).toEqual({
      trial_starts: '0',
      trial_start_value: '0',
      subscriptions: '0',
      subscription_value: '0',
    });
  });

  test('whatever the lists hold, the rule is the same: the total, else app and web, else the bare name', () => {
    const names = [
      'omni_subscribe',
      'subscribe_mobile_app',
      'app_custom_event.fb_mobile_subscribe',
      'fb_mobile_subscribe',
      'offsite_conversion.fb_pixel_subscribe',
      'subscribe',
      'purchase',
    ];
    const list = fc.array(fc.record({ action_type: fc.constantFrom(...names), value: fc.nat(1000).map(String) }), {
      maxLength: 10,
    });
    fc.assert(
      fc.property(list, list, (conversions, actions) => {
        const total = (name: string): string | undefined => {
          for (const one of [conversions, actions]) {
            const own = one.filter(({ action_type: type }) => type === name);
            if (own.length > 0) return sumOf(own.map(({ value }) => value));
          }
          return undefined;
        };
        const [omni, ...rest] = names;
        const app = rest
          .slice(0, 3)
          .map(total)
          .find((value) => value !== undefined);
        const web = total('offsite_conversion.fb_pixel_subscribe');
        const parts = app === undefined && web === undefined ? undefined : sumOf([app ?? '0', web ?? '0']);
        const expected = total(omni ?? '') ?? parts ?? total('subscribe') ?? '0';
        expect(funnelMetrics({ conversions, actions })['subscriptions']).toBe(expected);
      }),
      { numRuns: 300, seed: 10 },
    );
  });

  test.each([
    [[], '0'],
    [[entry('subscribe', '1')], '1'],
    [[entry('SUBSCRIBE_total', '1.00005')], '1.0001'],
    [[entry('unsubscribe', '2')], '2'],
    [[entry('purchase', '2')], '0'],
    [[entry('subscribe', '-3'), entry('subscribe', '1')], '-2'],
    [[entry('subscribe', '0.00004'), entry('subscribe', '0.00004')], '0.0001'],
    [[entry('subscribe', undefined), entry('subscribe', {})], '0'],
  ])('the revenue of %j is %s', (list, revenue) => {
    expect(subscriptionRevenue(list)).toBe(revenue);
  });
});
