import { EtlError } from '@etl/core';
import {
  ACTION_METRICS,
  ACTION_SCALE,
  actionMetric,
  funnelColumns,
  funnelMetrics,
  subscriptionRevenue,
  type ActionEntries,
} from './action-metrics.ts';
import { decimalOf } from './exact-text.ts';
import type { ExchangeRate } from './exchange-rate.ts';
import { ATTRIBUTION_WINDOWS, idColumns, INSIGHT_FIELDS, type InsightField } from './insight-fields.ts';
import { scaleOf } from './insight-schema.ts';
import type { GraphObject } from './graph-client.ts';
import type { InsightsOptions } from './options.ts';
import { rateStamps, restatedInsight } from './restated-amounts.ts';

/** The lists that a scalar of trials and subscriptions may be made of: with one of them unknown, so is the scalar. */
const FUNNEL_LISTS: Readonly<Record<string, readonly string[]>> = {
  trial_starts: ['actions', 'conversions'],
  subscriptions: ['actions', 'conversions'],
  trial_start_value: ['action_values', 'conversion_values'],
  subscription_value: ['action_values', 'conversion_values'],
};

export interface RowContext {
  readonly insights: InsightsOptions;
  readonly managingSystem: string;
  readonly currency: string;
  /** By what amounts are restated. Absent: they stay as they are. */
  readonly rate?: ExchangeRate | undefined;
  /** Fields that were given up because they were too much, or whose report lacks the row: unknown, not absent. */
  readonly unfetched: ReadonlySet<string>;
  /** Told how the row falls short. */
  readonly flag: (flag: string) => void;
}

/** @throws FACEBOOK_FIELD_MISSING (data) when a row comes without a field that every row of its report has */
export function requireFields(row: GraphObject, names: readonly string[]): void {
  for (const name of names) if (row[name] === undefined) throw missing(name);
}

/** A row of the table from a row of the platform. What a row does not have is NULL, never 0. */
export function insightRow(source: GraphObject, context: RowContext): Record<string, unknown> {
  const { insights, managingSystem, currency, rate } = context;
  // Before scalars are made of the lists: they have to be of the amounts that stand beside them.
  const given = rate === undefined ? source : restatedInsight(source, rate);
  const { level, breakdowns, fields, numbers } = insights;
  const row: Record<string, unknown> = {
    account_id: given['account_id'],
    date_start: given['date_start'],
    date_stop: given['date_stop'],
    managing_system: managingSystem,
    account_name: given['account_name'] ?? null,
    account_currency: given['account_currency'] ?? currency,
  };
  for (const id of idColumns(level)) {
    row[id] = given[id];
    row[id.replace('_id', '_name')] = given[id.replace('_id', '_name')] ?? null;
  }
  for (const breakdown of breakdowns) row[breakdown] = given[breakdown] ?? `no_${breakdown}`;
  const lists: Record<string, ActionEntries> = {};
  for (const field of fields) {
    const value = given[field];
    const type = INSIGHT_FIELDS[field];
    if (context.unfetched.has(field)) row[field] = type === 'actions' ? [] : null;
    else if (type === 'actions') {
      lists[field] = entriesOf(value);
      row[field] = lists[field].map((entry) => nestedEntry(entry, numbers));
    } else if (type === 'result') row[field] = firstResult(value);
    else row[field] = scalarOf(field, value, numbers);
  }
  if (rate !== undefined) {
    Object.assign(row, rateStamps(rate), { spend_source: scalarOf('spend', source['spend'], numbers) });
  }
  addMetrics(row, lists, context);
  // A list cannot be NULL: this tells one that is unknown from one that is empty.
  row['_unfetched'] = context.unfetched.size === 0 ? null : [...context.unfetched].sort().join(',');
  return row;
}

function addMetrics(
  row: Record<string, unknown>,
  lists: Readonly<Record<string, ActionEntries>>,
  { insights, unfetched, flag }: RowContext,
): void {
  for (const metric of ACTION_METRICS) {
    const entries = lists[metric.list];
    if (unfetched.has(metric.list)) row[metric.column] = null;
    if (entries === undefined) continue;
    const value = actionMetric(metric, entries);
    if (value === undefined) flag(`ambiguous:${metric.column}`);
    row[metric.column] = value ?? null;
  }
  const { fields, hasSubscriptionRevenue } = insights;
  const funnel = funnelMetrics(lists);
  for (const column of funnelColumns(fields)) {
    const isKnown = FUNNEL_LISTS[column]?.some((list) => unfetched.has(list)) !== true;
    row[column] = isKnown ? (funnel[column] ?? null) : null;
  }
  if (hasSubscriptionRevenue) {
    row['subscription_revenue'] = unfetched.has('conversion_values')
      ? null
      : subscriptionRevenue(lists['conversion_values'] ?? []);
  }
}

function scalarOf(field: InsightField, value: unknown, numbers: InsightsOptions['numbers']): unknown {
  if (value === undefined || value === null) return null;
  if (numbers === 'text' || INSIGHT_FIELDS[field] === 'text') return textOf(value);
  return decimalOf(value, scaleOf(field) ?? 20) ?? textOf(value);
}

function entriesOf(value: unknown): ActionEntries {
  if (!Array.isArray(value)) return [];
  return value.filter((entry): entry is Record<string, unknown> => typeof entry === 'object' && entry !== null);
}

function nestedEntry(entry: GraphObject, numbers: InsightsOptions['numbers']): Record<string, unknown> {
  const number = (value: unknown): unknown =>
    value === undefined || value === null
      ? null
      : numbers === 'text'
        ? textOf(value)
        : (decimalOf(value, ACTION_SCALE) ?? textOf(value));
  return {
    action_type: String(entry['action_type']),
    value: number(entry['value']),
    ...('value_source' in entry ? { value_source: number(entry['value_source']) } : {}),
    ...Object.fromEntries(ATTRIBUTION_WINDOWS.map((window) => [window, number(entry[window])])),
  };
}

/** `[{ indicator, values: [{ value }] }]`, of which the first is the campaign's own result. */
function firstResult(value: unknown): string | null {
  const [result] = entriesOf(value);
  const [first] = entriesOf(result?.['values']);
  return decimalOf(first?.['value'], ACTION_SCALE) ?? null;
}

function missing(field: string): EtlError {
  return new EtlError({
    code: 'FACEBOOK_FIELD_MISSING',
    kind: 'data',
    message: `A row of an insights report came without ${field}.`,
    hint: 'The slice is read again by the next run; look whether the platform had an outage if it repeats.',
    context: { field },
  });
}

/** What is no number is left to the schema, which refuses it by name. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
