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
  const statuses = statusesOf(world, account.id);
  const context: RowContext = {
    account,
    names,
    windows: parameters.windows.filter((window) => returnedWindows.includes(window)),
  };
  const query = {
    accountId: account.id,
    ...(subject.objectId === undefined ? {} : { under: subject.objectId }),
    includeRemoved: asksForRemoved(filters),
  };
  const insightsAt = (at: { level: InsightParameters['level']; timeIncrement: InsightParameters['timeIncrement'] }) =>
    ranges
      .flatMap(([since, until]) => world.insights({ ...query, ...at, since, until, breakdowns }))
      .filter((row) => passes(filters, (field) => filterValue(row, field, names, statuses)));
  const found = insightsAt({ level, timeIncrement });
  const fields = fieldsFor(parameters);
  const rows = found.map((row) => writeInsight(row, fields, context));
  const dataPoints = rows.length * (fields.length + fields.filter((field) => LISTS.has(field)).length * 5);
  if (summary === undefined || found.length === 0) return { rows, summary: undefined, dataPoints };
  const [total] = world.insights({
    ...query,
    level: 'account',
    timeIncrement: 'all_days',
    since: first(ranges),
    until: last(ranges),
  });
  return { rows, summary: total === undefined ? undefined : writeInsight(total, summary, context), dataPoints };
}

const LISTS = new Set(['actions', 'action_values', 'conversions', 'conversion_values', 'cost_per_action_type']);

function first(ranges: InsightParameters['ranges']): string {
  return ranges.map(([since]) => since).toSorted()[0] ?? '';
}

function last(ranges: InsightParameters['ranges']): string {
  return (
    ranges
      .map(([, until]) => until)
      .toSorted()
      .at(-1) ?? ''
  );
}

// Rows of archived objects come to those who ask for them; of deleted ones to nobody.
function asksForRemoved(filters: readonly Filter[]): boolean {
  return filters.some(({ field, value }) => {
    if (!field.endsWith('effective_status')) return false;
    const statuses = new Set([value].flat().map(String));
    if (statuses.has('DELETED')) throw invalidParameter('Cannot Request for Deleted Objects');
    return statuses.has('ARCHIVED');
  });
}

function statusesOf(world: World, accountId: string): ReadonlyMap<string, string> {
  const objects = [...world.campaigns(accountId), ...world.adSets(accountId), ...world.ads(accountId)];
  return new Map(objects.map((object) => [object.id, object.effectiveStatus]));
}

const METRICS: Readonly<Record<string, (row: AdInsight) => number>> = {
  impressions: (row) => row.impressions,
  reach: (row) => row.reach,
  clicks: (row) => row.clicks,
  spend: (row) => row.spendMinor / 100,
};

function filterValue(
  row: AdInsight,
  field: string,
  names: RowContext['names'],
  statuses: ReadonlyMap<string, string>,
): string | undefined {
  const [object = '', property = object] = field.split('.');
  const metric = METRICS[property];
  if (metric !== undefined) return String(metric(row));
  const id = { campaign: row.campaignId, adset: row.adSetId, ad: row.adId }[object];
  if (id === undefined) return undefined;
  if (property === 'id') return id;
  if (property === 'name') return names.get(id)?.name;
  return property === 'effective_status' ? statuses.get(id) : undefined;
}
