import { decimalText, minorDigits, type AdAccount } from '../../world/ad-account.ts';
import type { AdInsight } from '../../world/ad-insights.ts';
import { ATTRIBUTION_WINDOWS, type AttributionWindow, type WindowTallies } from '../../world/attribution.ts';
import type { World } from '../../world/world.ts';
import { resultType, tallyActionTypes, type ActionList } from './action-types.ts';

/** A row as the Graph API writes it: numbers are text, what is not known is absent. */
export type InsightRow = Record<string, unknown>;

/** What fields of rows are made from. */
export interface RowContext {
  readonly account: AdAccount;
  /** Windows to report beside the account's own setting, which is `value`. */
  readonly windows: readonly AttributionWindow[];
  /** Current names by id. */
  readonly names: ReadonlyMap<
    string,
    { readonly name: string; readonly objective?: string; readonly createdAt: number; readonly updatedAt: number }
  >;
}

type FieldWriter = (row: AdInsight, context: RowContext) => unknown;

const FIELDS: Readonly<Record<string, FieldWriter>> = {
  account_id: (row) => row.accountId,
  account_name: (_, { account }) => account.name,
  account_currency: (row) => row.currency,
  campaign_id: (row) => row.campaignId,
  campaign_name: (row, { names }) => names.get(row.campaignId ?? '')?.name,
  adset_id: (row) => row.adSetId,
  adset_name: (row, { names }) => names.get(row.adSetId ?? '')?.name,
  ad_id: (row) => row.adId,
  ad_name: (row, { names }) => names.get(row.adId ?? '')?.name,
  objective: (row, { names }) => names.get(row.campaignId ?? '')?.objective,
  created_time: (row, { names }) => dayOfObject(row, names, 'createdAt'),
  updated_time: (row, { names }) => dayOfObject(row, names, 'updatedAt'),
  attribution_setting: () => '7d_click_1d_view',
  impressions: (row) => String(row.impressions),
  reach: (row) => String(row.reach),
  frequency: (row) => ratio(row.impressions, row.reach),
  clicks: (row) => String(row.clicks),
  unique_clicks: (row) => String(row.uniqueClicks),
  inline_link_clicks: (row) => (row.linkClicks === 0 ? undefined : String(row.linkClicks)),
  spend: (row) => decimalText(row.spendMinor, row.currency),
  ctr: (row) => ratio(row.clicks * 100, row.impressions) ?? '0',
  unique_ctr: (row) => ratio(row.uniqueClicks * 100, row.reach) ?? '0',
  inline_link_click_ctr: (row) => ratio(row.linkClicks * 100, row.impressions),
  cpc: (row) => ratio(spend(row), row.clicks),
  cpm: (row) => ratio(spend(row) * 1000, row.impressions),
  cpp: (row) => ratio(spend(row) * 1000, row.reach),
  actions: (row, context) => counts(row, context, 'actions'),
  action_values: (row, context) => values(row, context, 'actions'),
  conversions: (row, context) => counts(row, context, 'conversions'),
  conversion_values: (row, context) => values(row, context, 'conversions'),
  cost_per_action_type: (row, context) => costs(row, context, 'actions'),
  cost_per_conversion: (row, context) => costs(row, context, 'conversions'),
  website_ctr: (row) => {
    const value = row.linkClicks === 0 ? undefined : ratio(row.linkClicks * 100, row.impressions);
    return value === undefined ? undefined : [{ action_type: 'link_click', value }];
  },
  purchase_roas: (row, context) => returnOnSpend(row, context),
  cost_per_result: (row, context) => {
    const type = resultType(row);
    const cost = costs(row, context, 'actions')?.find((entry) => entry['action_type'] === type)?.['value'];
    const result = { indicator: `actions:${type}` };
    return [cost === undefined ? result : { ...result, values: [{ value: cost, attribution_windows: ['default'] }] }];
  },
};

/** Names that the parameter `fields` of a report can hold, besides the dates, which every row has. */
export const INSIGHT_FIELDS: ReadonlySet<string> = new Set([...Object.keys(FIELDS), 'date_start', 'date_stop']);

export function writeInsight(row: AdInsight, fields: readonly string[], context: RowContext): InsightRow {
  const written: InsightRow = {};
  for (const field of fields) {
    const value = FIELDS[field]?.(row, context);
    if (value !== undefined) written[field] = value;
  }
  written['date_start'] = row.dateStart;
  written['date_stop'] = row.dateStop;
  return { ...written, ...row.breakdowns };
}

/** Names of everything an account holds, for its rows. */
export function namesOf(world: World, accountId: string): RowContext['names'] {
  const objectives = {
    shop: 'OUTCOME_SALES',
    app: 'OUTCOME_APP_PROMOTION',
    subscription: 'OUTCOME_LEADS',
    charity: 'OUTCOME_ENGAGEMENT',
  };
  const campaigns = world
    .campaigns(accountId)
    .map((campaign) => ({ ...campaign, objective: objectives[campaign.plan.profile] }));
  const objects = [...campaigns, ...world.adSets(accountId), ...world.ads(accountId)];
  return new Map(objects.map((object) => [object.id, object]));
}

type ActionEntry = Record<string, string>;

// An entry has `value` always, and of the windows those that are not zero.
function entries(
  row: AdInsight,
  { account, windows }: RowContext,
  list: ActionList,
  write: (tally: { count: number; valueMinor: number }) => string | undefined,
): ActionEntry[] | undefined {
  const found: ActionEntry[] = [];
  for (const [type, tallies] of tallyActionTypes(row, account.naming, list)) {
    const entry: ActionEntry = { action_type: type };
    let isEmpty = true;
    for (const window of ['default', ...ATTRIBUTION_WINDOWS] as (keyof WindowTallies)[]) {
      if (window !== 'default' && !windows.includes(window)) continue;
      const value = write(tallies[window]);
      if (value !== undefined) isEmpty = false;
      if (window === 'default') entry['value'] = value ?? '0';
      else if (value !== undefined) entry[window] = value;
    }
    if (!isEmpty) found.push(entry);
  }
  return found.length === 0 ? undefined : found;
}

function counts(row: AdInsight, context: RowContext, list: ActionList): ActionEntry[] | undefined {
  return entries(row, context, list, ({ count }) => (count === 0 ? undefined : String(count)));
}

function values(row: AdInsight, context: RowContext, list: ActionList): ActionEntry[] | undefined {
  const unit = 10 ** minorDigits(row.currency);
  return entries(row, context, list, ({ valueMinor }) => (valueMinor === 0 ? undefined : String(valueMinor / unit)));
}

function costs(row: AdInsight, context: RowContext, list: ActionList): ActionEntry[] | undefined {
  const found = entries(row, context, list, ({ count }) => ratio(spend(row), count));
  // What did not happen has no cost.
  return found?.filter((entry) => entry['value'] !== '0');
}

function returnOnSpend(row: AdInsight, context: RowContext): ActionEntry[] | undefined {
  const unit = 10 ** minorDigits(row.currency);
  const found = entries(row, context, 'actions', ({ valueMinor }) =>
    valueMinor === 0 ? undefined : ratio(valueMinor / unit, spend(row)),
  )?.filter((entry) => entry['action_type'] === 'omni_purchase');
  return found === undefined || found.length === 0 ? undefined : found;
}

function spend({ spendMinor, currency }: AdInsight): number {
  return spendMinor / 10 ** minorDigits(currency);
}

// Six places at most, as the platform writes them; not known if there is nothing to divide by.
function ratio(dividend: number, divisor: number): string | undefined {
  if (divisor === 0) return undefined;
  return String(Number((dividend / divisor).toFixed(6)));
}

function dayOfObject(row: AdInsight, names: RowContext['names'], time: 'createdAt' | 'updatedAt'): string | undefined {
  const object = names.get(row.adId ?? row.adSetId ?? row.campaignId ?? '');
  return object === undefined ? undefined : new Date(object[time]).toISOString().slice(0, 10);
}
