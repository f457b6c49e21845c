import { EtlError } from '@etl/core';
import { productOf, timesOf } from './exact-arithmetic.ts';
import { decimalOf } from './exact-text.ts';
import { isIdentity, REPORTING_CURRENCY, type ExchangeRate } from './exchange-rate.ts';
import type { GraphObject } from './graph-client.ts';
import { INSIGHT_FIELDS } from './insight-fields.ts';

/** Places of a restated amount. */
const AMOUNT_SCALE = 6;
/** Of the platform's own numbers none is cut before it is multiplied. */
const GIVEN_SCALE = 20;
const MONEY_FIELDS = Object.entries(INSIGHT_FIELDS).flatMap(([field, type]) => (type === 'money' ? [field] : []));
/** Lists whose entries are amounts; those of all others are counts and ratios. */
export const MONEY_LISTS: ReadonlySet<string> = new Set(['action_values', 'conversion_values', 'cost_per_action_type']);
const RESULT = 'cost_per_result';
/** `value`, and the windows by which it is counted, as the platform and as tables name them. */
const AMOUNT_KEY = /^(?:value|_?\d+d_(?:click|view))$/;

/** What a row says of how it was restated. */
export function rateStamps(rate: ExchangeRate): Readonly<Record<string, string>> {
  return {
    source_currency: rate.sourceCurrency,
    reporting_currency: REPORTING_CURRENCY,
    fx_rate_to_aed: rate.rate,
    fx_requested_date: rate.requestedDate,
    fx_effective_date: rate.effectiveDate,
    fx_rate_status: rate.status,
  };
}

/**
 * A row of a report with its amounts in the reporting currency, before anything is made of them. Each entry of a list
 * of amounts keeps its `value_source`. What is in that currency already stays as the platform wrote it.
 *
 * @throws FACEBOOK_AMOUNT_INVALID (data)
 */
export function restatedInsight(given: GraphObject, rate: ExchangeRate): GraphObject {
  const restated: Record<string, unknown> = { ...given };
  const amount = isIdentity(rate) ? (value: unknown): unknown => value : restating(rate);
  for (const field of MONEY_FIELDS) if (field in given) restated[field] = amount(given[field], field);
  for (const list of MONEY_LISTS) {
    if (list in given) restated[list] = each(given[list], (entry) => withSource(entry, amount, list));
  }
  if (RESULT in given) {
    restated[RESULT] = each(given[RESULT], (result) =>
      'values' in result
        ? { ...result, values: each(result['values'], (entry) => amounts(entry, amount, RESULT)) }
        : result,
    );
  }
  return restated;
}

/**
 * Columns of amounts in the smallest unit of the currency, of which both currencies have a hundred in one, with what
 * they were before.
 *
 * @throws FACEBOOK_AMOUNT_INVALID (data)
 */
export function restatedMinorUnits(
  row: Readonly<Record<string, unknown>>,
  columns: readonly string[],
  rate: ExchangeRate,
): Readonly<Record<string, unknown>> {
  const pairs = columns.flatMap((column): [string, unknown][] => {
    const source = row[column] ?? null;
    if (source !== null && (typeof source !== 'string' || !/^-?\d+$/.test(source))) throw invalid(column);
    const own = source === null || isIdentity(rate) ? source : productOf(source, rate.rate, 0);
    return [
      [column, own],
      [`${column}_source`, source],
    ];
  });
  return Object.fromEntries(pairs);
}

/** An amount, or none, of a field in the reporting currency. */
type Restating = (value: unknown, field: string) => unknown;

function withSource(entry: GraphObject, amount: Restating, field: string): GraphObject {
  return { ...amounts(entry, amount, field), value_source: entry['value'] ?? null };
}

function amounts(entry: GraphObject, amount: Restating, field: string): GraphObject {
  const restated: Record<string, unknown> = { ...entry };
  for (const key of Object.keys(entry)) if (AMOUNT_KEY.test(key)) restated[key] = amount(entry[key], field);
  return restated;
}

function restating({ rate }: ExchangeRate): Restating {
  const times = timesOf(rate, AMOUNT_SCALE);
  // In a row the same amount stands under several windows.
  const known = new Map<unknown, string>();
  return (value, field) => {
    if (value === undefined || value === null) return value;
    const before = known.get(value);
    if (before !== undefined) return before;
    const text = decimalOf(value, GIVEN_SCALE);
    if (text === undefined) throw invalid(field);
    const restated = times(text);
    known.set(value, restated);
    return restated;
  };
}

function each(list: unknown, change: (entry: GraphObject) => GraphObject): unknown {
  if (!Array.isArray(list)) return list;
  return list.map((entry: unknown) =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry) ? change(entry as GraphObject) : entry,
  );
}

function invalid(field: string): EtlError {
  return new EtlError({
    code: 'FACEBOOK_AMOUNT_INVALID',
    kind: 'data',
    message: `A row came with a ${field} that is no number and cannot be restated in ${REPORTING_CURRENCY}.`,
    hint: 'Run again; report it if it repeats, for the API may have changed.',
    context: { field },
  });
}
