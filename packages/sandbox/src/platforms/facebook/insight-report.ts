import { decimalText } from '../../world/ad-account.ts';
import type { AdInsight } from '../../world/ad-insights.ts';
import type { AttributionWindow } from '../../world/attribution.ts';
import type { World } from '../../world/world.ts';
import { passes, type Filter } from './filtering.ts';
import { invalidParameter } from './graph-error.ts';
import { fieldsFor, type InsightParameters } from './insight-parameters.ts';
import { namesOf, writeInsight, type InsightRow, type RowContext } from './insight-row.ts';

export interface Report {
  readonly rows: readonly InsightRow[];
  readonly summary: InsightRow | undefined;
  /** Rows times fields, which is what the platform limits. */
  readonly dataPoints: number;
}

export interface ReportSubject {
  readonly accountId: string;
  /** Campaign, ad set or ad the report is about; absent for a whole account. */
  readonly objectId?: string;
}

/** Computes a report as of now. */
export function createReport(
  world: World,
  subject: ReportSubject,
  parameters: InsightParameters,
  returnedWindows: readonly AttributionWindow[],
): Report {
  const account = world.account(subject.accountId);
  const { level, ranges, timeIncrement, breakdowns, filters, summary } = parameters;
  const names = namesOf(world, account.id);
  const context: RowContext = {
    account,
    names,
    windows: parameters.windows.filter((window) => returnedWindows.includes(window)),
  };
  const aboutAds = filters.filter(({ field }) => /^(?:campaign|adset|ad)\.(?:id|name|effective_status)$/.test(field));
  const aboutRows = filters.filter((filter) => !aboutAds.includes(filter));
  const query = {
    accountId: account.id,
    ...(subject.objectId === undefined ? {} : { under: subject.objectId }),
    ...(aboutAds.length === 0 ? {} : { adIds: adsThatPass(world, account.id, aboutAds) }),
    includeRemoved: asksForRemoved(filters),
  };
  const found = ranges
    .flatMap(([since, until]) => world.insights({ ...query, level, timeIncrement, since, until, breakdowns }))
    .filter((row) => passes(aboutRows, (field) => METRICS[field.slice(field.indexOf('.') + 1)]?.(row)));
  const fields = fieldsFor(parameters);
  const rows = found.map((row) => writeInsight(row, fields, context));
  const dataPoints = rows.length * (fields.length + fields.filter((field) => LISTS.has(field)).length * 5);
  if (summary === undefined || found.length === 0) return { rows, summary: undefined, dataPoints };
  const [[since, until] = ['', ''], ...others] = ranges;
  if (others.length > 0) throw invalidParameter('The sandbox sums up one time range, not several.');
  const [total] = world.insights({ ...query, level: 'account', timeIncrement: 'all_days', since, until });
  return { rows, summary: total === undefined ? undefined : writeInsight(total, summary, context), dataPoints };
}

const LISTS = new Set(['actions', 'action_values', 'conversions', 'conversion_values', 'cost_per_action_type']);

// Rows of archived and deleted objects come to those who ask for them, unlike the objects themselves.
function asksForRemoved(filters: readonly Filter[]): boolean {
  return filters.some(({ field, value }) => {
    const statuses = new Set([value].flat().map(String));
    return field.endsWith('effective_status') && (statuses.has('ARCHIVED') || statuses.has('DELETED'));
  });
}

// What filters say of campaigns, ad sets and ads decides what is added up, at any level.
function adsThatPass(world: World, accountId: string, filters: readonly Filter[]): string[] {
  const campaigns = new Map(world.campaigns(accountId).map((campaign) => [campaign.id, campaign]));
  const adSets = new Map(world.adSets(accountId).map((adSet) => [adSet.id, adSet]));
  const passing = world.ads(accountId).filter((ad) =>
    passes(filters, (field) => {
      const [level = '', property] = field.split('.');
      const object = { campaign: campaigns.get(ad.campaignId), adset: adSets.get(ad.adSetId), ad }[level];
      if (property === 'id') return object?.id;
      return property === 'name' ? object?.name : object?.effectiveStatus;
    }),
  );
  return passing.map(({ id }) => id);
}

const METRICS: Readonly<Record<string, (row: AdInsight) => string>> = {
  impressions: (row) => String(row.impressions),
  reach: (row) => String(row.reach),
  clicks: (row) => String(row.clicks),
  spend: (row) => decimalText(row.spendMinor, row.currency),
};
