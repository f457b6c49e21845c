import { z } from 'zod';
import { ACTION_METRICS, ACTION_SCALE, funnelColumns } from './action-metrics.ts';
import { ATTRIBUTION_WINDOWS, idColumns, INSIGHT_FIELDS, type FieldType, type InsightField } from './insight-fields.ts';
import type { InsightsOptions } from './options.ts';
import { rateStampColumns } from './rate-columns.ts';
import { MONEY_LISTS } from './restated-amounts.ts';

const MONEY_SCALE = 6;

const decimalText = z.string().regex(/^-?\d+(\.\d+)?$/, 'expected decimal text');
const decimalColumn = (precision: number, scale: number) =>
  decimalText.meta({ etl: { type: 'decimal', precision, scale } }).nullable();
const countColumn = z
  .string()
  .regex(/^-?\d+$/, 'expected digits')
  .meta({ etl: { type: 'int64' } })
  .nullable();
const ratioColumn = decimalText.meta({ etl: { type: 'float64' } }).nullable();
const textColumn = z.string().nullable();
const actionValue = decimalColumn(30, ACTION_SCALE);

const actionEntries = (numbers: InsightsOptions['numbers'], hasSource: boolean) => {
  const value = numbers === 'text' ? textColumn : actionValue;
  return z.array(
    z.object({
      action_type: z.string(),
      value,
      ...(hasSource ? { value_source: value.describe('In the currency of the account.') } : {}),
      ...Object.fromEntries(ATTRIBUTION_WINDOWS.map((window) => [window, value])),
    }),
  );
};

function columnOf(type: FieldType, numbers: InsightsOptions['numbers'], hasSource = false): z.ZodType {
  if (type === 'actions') return actionEntries(numbers, hasSource);
  if (type === 'result') return actionValue;
  if (numbers === 'text' || type === 'text') return textColumn;
  return { count: countColumn, money: decimalColumn(20, MONEY_SCALE), ratio: ratioColumn }[type];
}

/** Digits after the point that a field keeps; `undefined` for what is no decimal. */
export function scaleOf(field: InsightField): number | undefined {
  return INSIGHT_FIELDS[field] === 'money' ? MONEY_SCALE : undefined;
}

/** The columns of a report: its key, names, the fields, what is made of them and, if so, how amounts were restated. */
export function insightSchema(options: InsightsOptions, isRestated = false): z.ZodObject {
  const { level, breakdowns, fields, numbers } = options;
  const ids = idColumns(level);
  const has = new Set<string>(fields);
  const shape: Record<string, z.ZodType> = {
    account_id: z.string(),
    date_start: z.iso.date(),
    date_stop: z.iso.date(),
    managing_system: z.string().meta({ etl: { lowCardinality: true } }),
    account_name: textColumn,
    account_currency: z.string().meta({ etl: { lowCardinality: true } }),
  };
  for (const id of ids) {
    shape[id] = z.string();
    shape[id.replace('_id', '_name')] = textColumn;
  }
  for (const breakdown of breakdowns) shape[breakdown] = z.string();
  for (const field of fields) {
    shape[field] = columnOf(INSIGHT_FIELDS[field], numbers, isRestated && MONEY_LISTS.has(field));
  }
  for (const { column, list } of ACTION_METRICS) if (has.has(list)) shape[column] = actionValue;
  for (const column of funnelColumns(fields)) shape[column] = actionValue;
  if (options.hasSubscriptionRevenue) shape['subscription_revenue'] = actionValue;
  if (isRestated) {
    Object.assign(shape, rateStampColumns, {
      spend_source: columnOf('money', numbers).describe('In the currency of the account.'),
    });
  }
  shape['_unfetched'] = textColumn.describe(
    'Fields, by comma, that the platform did not give for the row: NULL or empty here, and not 0. NULL: none.',
  );
  return z.object(shape);
}
