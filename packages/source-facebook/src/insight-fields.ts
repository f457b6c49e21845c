/** What one row of a report can be about. */
export const LEVELS = ['account', 'campaign', 'adset', 'ad'] as const;
export type Level = (typeof LEVELS)[number];

/** Windows by which actions are counted. The platform has left out `7d_view` and `28d_view` since 2026-01-12. */
export const ATTRIBUTION_WINDOWS = ['1d_click', '7d_click', '28d_click', '1d_view', '7d_view', '28d_view'] as const;

/** How the value of a field is stored. */
export type FieldType = 'count' | 'money' | 'ratio' | 'text' | 'actions' | 'result';

/** Fields that can be asked for, beside ids, names, currency and the day. */
export const INSIGHT_FIELDS = {
  reach: 'count',
  impressions: 'count',
  frequency: 'ratio',
  clicks: 'count',
  unique_clicks: 'count',
  inline_link_clicks: 'count',
  ctr: 'ratio',
  unique_ctr: 'ratio',
  cpc: 'money',
  cpm: 'money',
  cpp: 'money',
  spend: 'money',
  objective: 'text',
  actions: 'actions',
  action_values: 'actions',
  website_ctr: 'actions',
  cost_per_action_type: 'actions',
  purchase_roas: 'actions',
  conversions: 'actions',
  conversion_values: 'actions',
  cost_per_result: 'result',
} as const satisfies Readonly<Record<string, FieldType>>;

export type InsightField = keyof typeof INSIGHT_FIELDS;
export const FIELD_NAMES = Object.keys(INSIGHT_FIELDS) as InsightField[];

export const DEFAULT_FIELDS: readonly InsightField[] = FIELD_NAMES.filter(
  (name) => !['inline_link_clicks', 'objective', 'conversions', 'conversion_values'].includes(name),
);

/** Counts of people are computed apart by the platform, and slow a report down that has anything else. */
export const UNIQUE_FIELDS: ReadonlySet<string> = new Set(['reach', 'frequency', 'unique_clicks', 'unique_ctr', 'cpp']);

/** Fields that every row of the platform has: without them it is not the row that was asked for. */
export const REQUIRED_FIELDS: readonly InsightField[] = ['impressions', 'spend'];

/** Fields whose sums over all rows are the account's; counts of people are not among them. */
export const ADDITIVE_FIELDS: readonly InsightField[] = ['spend', 'impressions', 'clicks'];

/** What a report is not asked for without, however much it is. */
export const NEVER_GIVEN_UP: ReadonlySet<string> = new Set([...REQUIRED_FIELDS, ...ADDITIVE_FIELDS]);

const ID_COLUMNS: Readonly<Record<Level, readonly string[]>> = {
  account: [],
  campaign: ['campaign_id'],
  adset: ['campaign_id', 'adset_id'],
  ad: ['campaign_id', 'adset_id', 'ad_id'],
};

/** Ids of what a row is about, from the widest to the narrowest. */
export function idColumns(level: Level): readonly string[] {
  return ID_COLUMNS[level];
}

/** Columns that identify a row: they contain every dimension of the report. */
export function insightKey(level: Level, breakdowns: readonly string[]): readonly string[] {
  const own = ID_COLUMNS[level].at(-1);
  return ['account_id', 'date_start', ...(own === undefined ? [] : [own]), ...breakdowns];
}
