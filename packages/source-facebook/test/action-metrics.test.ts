import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  ACTION_METRICS,
  actionMetric,
  funnelColumns,
  funnelMetrics,
  subscriptionRevenue,
} from '../src/action-metrics.ts';
import { resolveOptions } from '../src/options.ts';
import { decimalOf, scaledOf } from '../src/exact-text.ts';

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
