import { decimalOf, scaledOf, sumOf, textOf } from './exact-text.ts';

/** Entries of a nested list as the platform sends them. */
export type ActionEntries = readonly Readonly<Record<string, unknown>>[];

/**
 * How a scalar is made of the entries of one action type: `sum` adds their values up, as a query over
 * the nested rows does; `only` takes the one value they agree on, for ratios do not add up.
 */
export type ActionRule = 'sum' | 'only';

export interface ActionMetric {
  readonly column: string;
  readonly list: string;
  readonly actionType: string;
  readonly rule: ActionRule;
}

/** Digits after the point of everything that is counted by action. */
export const ACTION_SCALE = 10;

const METRICS: readonly (readonly [prefix: string, list: string, rule: ActionRule, types: readonly string[]])[] = [
  [
    'actions',
    'actions',
    'sum',
    [
      'omni_app_install',
      'search',
      'donate_total',
      'omni_purchase',
      'link_click',
      'omni_complete_registration',
      'omni_initiated_checkout',
      'omni_activate_app',
    ],
  ],
  ['action_values', 'action_values', 'sum', ['donate_total', 'omni_purchase']],
  [
    'cpa',
    'cost_per_action_type',
    'only',
    ['search', 'donate_total', 'omni_purchase', 'link_click', 'omni_app_install', 'omni_complete_registration'],
  ],
  ['website_ctr', 'website_ctr', 'only', ['link_click']],
  ['purchase_roas', 'purchase_roas', 'only', ['donate_total', 'omni_purchase']],
];

/** Every scalar that is made of one action type. */
export const ACTION_METRICS: readonly ActionMetric[] = METRICS.flatMap(([prefix, list, rule, types]) =>
  types.map((actionType) => ({ column: `${prefix}_${actionType}`, list, actionType, rule })),
);

/** The scalar of a metric; `null` when there is no such action, `undefined` when entries that should agree do not. */
export function actionMetric({ actionType, rule }: ActionMetric, entries: ActionEntries): string | null | undefined {
  const values = entries
    .filter((entry) => entry['action_type'] === actionType)
    .flatMap((entry) => decimalOf(entry['value'], ACTION_SCALE) ?? []);
  const [first] = values;
  if (first === undefined) return null;
  if (rule === 'sum') return sumOf(values);
  const units = scaledOf(first, ACTION_SCALE);
  return values.every((value) => scaledOf(value, ACTION_SCALE) === units) ? first : undefined;
}

const FUNNEL = { trial: 'start_trial', subscription: 'subscribe' } as const;

/** Those of {@link funnelMetrics} that the fields say something of: counts, values, or both. */
export function funnelColumns(fields: readonly string[]): readonly string[] {
  const has = (one: string, other: string): boolean => fields.includes(one) || fields.includes(other);
  return [
    ...(has('actions', 'conversions') ? ['trial_starts', 'subscriptions'] : []),
    ...(has('action_values', 'conversion_values') ? ['trial_start_value', 'subscription_value'] : []),
  ];
}

/** Trials and subscriptions and what they were worth; 0 when there were none. */
export function funnelMetrics(lists: Readonly<Record<string, ActionEntries>>): Readonly<Record<string, string>> {
  const counts = byType([lists['conversions'] ?? [], lists['actions'] ?? []]);
  const values = byType([lists['conversion_values'] ?? [], lists['action_values'] ?? []]);
  return {
    trial_starts: funnelValue(counts, FUNNEL.trial),
    trial_start_value: funnelValue(values, FUNNEL.trial),
    subscriptions: funnelValue(counts, FUNNEL.subscription),
    subscription_value: funnelValue(values, FUNNEL.subscription),
  };
}

/**
 * Value of every conversion named after subscribing, custom ones included, to four places. Entries
 * without a usable value count as none.
 */
export function subscriptionRevenue(conversionValues: ActionEntries): string {
  const values = conversionValues
    .filter((entry) => String(entry['action_type']).toLowerCase().includes('subscribe'))
    .flatMap((entry) => decimalOf(entry['value'], ACTION_SCALE) ?? []);
  return textOf(scaledOf(decimalOf(sumOf(values), 4) ?? '0', 4), 4);
}

/** A type that several lists have is counted once, as the first of them has it. */
function byType(lists: readonly ActionEntries[]): ReadonlyMap<string, string> {
  const totals = new Map<string, string>();
  for (const entries of lists) {
    const own = new Map<string, string[]>();
    for (const entry of entries) {
      const value = decimalOf(entry['value'], ACTION_SCALE);
      const type = String(entry['action_type']).toLowerCase();
      if (value !== undefined) own.set(type, [...(own.get(type) ?? []), value]);
    }
    for (const [type, values] of own) if (!totals.has(type)) totals.set(type, sumOf(values));
  }
  return totals;
}

/** The total over all channels where the platform gives it, else app plus web, else the bare name. */
function funnelValue(totals: ReadonlyMap<string, string>, event: string): string {
  const omni = totals.get(`omni_${event}`);
  if (omni !== undefined) return omni;
  const apps = [`${event}_mobile_app`, `app_custom_event.fb_mobile_${event}`, `fb_mobile_${event}`];
  const app = apps.map((name) => totals.get(name)).find((value) => value !== undefined);
  const web = totals.get(`offsite_conversion.fb_pixel_${event}`);
  if (app !== undefined || web !== undefined) return sumOf([app ?? '0', web ?? '0']);
  return totals.get(event) ?? '0';
}
