import { idColumns, INSIGHT_FIELDS, type Level } from './insight-fields.ts';
import type { Parameters } from './graph-client.ts';
import { REPORT_STATUSES } from './object-statuses.ts';
import type { InsightsOptions } from './options.ts';
import { filtersOf } from './report-part.ts';
import type { PlannedReport, ReportDays } from './report-split.ts';

/** The parameters of a report of an account's own rows. */
export function reportParameters(report: PlannedReport, insights: InsightsOptions): Parameters {
  const { level, breakdowns, attributionWindows } = insights;
  const { part, group } = report;
  const ids = idColumns(level);
  const names = ['account_name', ...ids.map((id) => id.replace('_id', '_name'))];
  const hasActions = group.some((field) => INSIGHT_FIELDS[field as keyof typeof INSIGHT_FIELDS] === 'actions');
  return {
    level,
    ...daily(report),
    // Every report has who it is about, so that a row that only one of them has is a row.
    fields: ['account_id', 'account_currency', ...ids, ...names, ...group].join(','),
    filtering: filtering(level, filtersOf(part)),
    // A breakdown is never a field: the platform refuses it there.
    ...(breakdowns.length === 0 ? {} : { breakdowns: breakdowns.join(',') }),
    ...(hasActions ? { action_attribution_windows: JSON.stringify(attributionWindows) } : {}),
  };
}

/** The parameters of the account's own sums: of all it has, so that what reports below it leave out is missed. */
export function totalsParameters(days: ReportDays, fields: readonly string[]): Parameters {
  return { level: 'account', ...daily(days), fields: fields.join(',') };
}

function daily({ since, until }: ReportDays): Parameters {
  return { time_increment: 1, time_range: JSON.stringify({ since, until }) };
}

/** Reports below the account have the rows of what is archived or deleted only if they are asked for; the account always. */
function filtering(level: Level, filters: ReturnType<typeof filtersOf>): string | undefined {
  if (level === 'account') return undefined;
  const all = [{ field: `${level}.effective_status`, operator: 'IN', value: REPORT_STATUSES[level] }, ...filters];
  return JSON.stringify(all);
}
