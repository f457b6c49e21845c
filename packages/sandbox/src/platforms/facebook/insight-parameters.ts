import { LEVELS, type Level } from '../../world/ad-insights.ts';
import { ATTRIBUTION_WINDOWS, type AttributionWindow } from '../../world/attribution.ts';
import { dayNumber, dayText } from '../../world/calendar.ts';
import { BREAKDOWNS, HOURLY } from '../../world/tally-insights.ts';
import { parseFields } from './field-selection.ts';
import { parseFiltering, type Filter } from './filtering.ts';
import { GraphError, invalidParameter } from './graph-error.ts';
import { INSIGHT_FIELDS } from './insight-row.ts';
import { jsonParameter, listParameter } from './json-parameter.ts';

/** A report as it is asked for, checked. */
export interface InsightParameters {
  readonly level: Level;
  readonly fields: readonly string[];
  /** First and last days, both included. */
  readonly ranges: readonly (readonly [since: string, until: string])[];
  readonly timeIncrement: number | 'monthly' | 'all_days';
  readonly breakdowns: readonly string[];
  readonly windows: readonly AttributionWindow[];
  readonly filters: readonly Filter[];
  /** Fields to sum in `summary`; absent if none was asked for. */
  readonly summary: readonly string[] | undefined;
}

const DEFAULT_FIELDS = ['account_id', 'impressions', 'spend'];
const RETENTION_MONTHS = 37;

// Pairs that the platform computes together; anything else alone. (Insights API, Combining breakdowns.)
const COMBINATIONS: readonly (readonly string[])[] = [
  ['age', 'gender'],
  ['publisher_platform', 'platform_position'],
  ['publisher_platform', 'platform_position', 'impression_device'],
  ['publisher_platform', 'impression_device'],
  ['publisher_platform', 'platform_position', 'device_platform'],
  ['publisher_platform', 'device_platform'],
  ['country', 'region'],
];

export function parseInsightParameters(
  parameters: Readonly<Record<string, string>>,
  ownLevel: Level,
  today: string,
): InsightParameters {
  const level = (parameters['level'] ?? ownLevel) as Level;
  if (!LEVELS.includes(level)) {
    throw invalidParameter(`level must be one of the following values: ${LEVELS.join(', ')}`);
  }
  const other = listParameter(parameters, 'action_breakdowns')?.find((name) => name !== 'action_type');
  if (other !== undefined)
    throw invalidParameter(`The sandbox has no action_breakdowns but action_type, not ${other}.`);
  const ranges = parseRanges(parameters, today);
  const oldest = dayNumber(monthsBefore(today, RETENTION_MONTHS));
  for (const [since, until] of ranges) {
    if (since > until) throw invalidParameter('Must be a valid time range: since is after until.');
    if (dayNumber(since) < oldest) {
      throw new GraphError({
        code: 3018,
        message: `(#3018) The start date of the time range cannot be beyond ${RETENTION_MONTHS} months from the current date`,
      });
    }
  }
  return {
    level,
    fields: parseInsightFields(parameters['fields']) ?? DEFAULT_FIELDS,
    ranges,
    timeIncrement: parseIncrement(parameters['time_increment']),
    breakdowns: parseBreakdowns(listParameter(parameters, 'breakdowns') ?? []),
    windows: parseWindows(listParameter(parameters, 'action_attribution_windows') ?? []),
    filters: parseFiltering(parameters),
    summary: parseSummary(parameters),
  };
}

/** @throws GraphError 100 for a name that is no field of a report, a breakdown among them. */
export function parseInsightFields(text: string | undefined): string[] | undefined {
  if (text === undefined || text === '') return undefined;
  const names = text.trim().startsWith('[')
    ? (listParameter({ text }, 'text') ?? [])
    : parseFields(text).map(({ name }) => name);
  const unknown = names.find((name) => !INSIGHT_FIELDS.has(name));
  if (unknown !== undefined) {
    throw invalidParameter(
      `${unknown} is not valid for fields param. please check https://developers.facebook.com/docs/marketing-api/reference/ads-insights/ for all valid values`,
    );
  }
  return names;
}

function parseRanges(parameters: Readonly<Record<string, string>>, today: string): [string, string][] {
  const many = jsonParameter(parameters, 'time_ranges');
  if (many !== undefined) {
    if (!Array.isArray(many) || many.length === 0)
      throw invalidParameter('Param time_ranges must be a non-empty array.');
    return many.map((range) => parseRange(range, 'time_ranges'));
  }
  const one = jsonParameter(parameters, 'time_range');
  if (one !== undefined) return [parseRange(one, 'time_range')];
  return [presetRange(parameters['date_preset'] ?? 'last_30d', today)];
}

function parseRange(value: unknown, name: string): [string, string] {
  const { since, until } = (value ?? {}) as { since?: unknown; until?: unknown };
  if (typeof since !== 'string' || typeof until !== 'string')
    throw invalidParameter(`param ${name} must be non-empty.`);
  try {
    return [dayText(dayNumber(since)), dayText(dayNumber(until))];
  } catch {
    throw invalidParameter(`${name} must hold days written YYYY-MM-DD.`);
  }
}

// Presets of past days end yesterday. (Insights API, date_preset.)
function presetRange(preset: string, today: string): [string, string] {
  const end = dayNumber(today);
  const days = /^last_(3|7|14|28|30|90)d$/.exec(preset)?.[1];
  if (days !== undefined) return [dayText(end - Number(days)), dayText(end - 1)];
  if (preset === 'today') return [today, today];
  if (preset === 'yesterday') return [dayText(end - 1), dayText(end - 1)];
  if (preset === 'this_month') return [`${today.slice(0, 8)}01`, today];
  if (preset === 'last_month') {
    const last = dayText(dayNumber(`${today.slice(0, 8)}01`) - 1);
    return [`${last.slice(0, 8)}01`, last];
  }
  if (preset === 'maximum') return [monthsBefore(today, RETENTION_MONTHS), today];
  throw invalidParameter(`date_preset ${preset} is not supported.`);
}

function parseIncrement(text: string | undefined): number | 'monthly' | 'all_days' {
  if (text === undefined || text === 'all_days') return 'all_days';
  if (text === 'monthly') return 'monthly';
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1 || days > 90) {
    throw invalidParameter('time_increment must be monthly, all_days or a number from 1 to 90');
  }
  return days;
}

function parseBreakdowns(breakdowns: string[]): string[] {
  for (const [index, breakdown] of breakdowns.entries()) {
    if (!BREAKDOWNS.includes(breakdown)) {
      throw invalidParameter(`breakdowns[${index}] must be one of the following values: ${BREAKDOWNS.join(', ')}`);
    }
  }
  const isKnown = COMBINATIONS.some(
    (combination) => combination.length === breakdowns.length && breakdowns.every((name) => combination.includes(name)),
  );
  const isAlone = breakdowns.length < 2 && breakdowns[0] !== 'platform_position';
  if (!isKnown && !isAlone) {
    throw invalidParameter(
      `Current combination of data breakdown columns (${breakdowns.join(', ')}) and action breakdown columns (action_type) is invalid`,
    );
  }
  return breakdowns;
}

function parseWindows(windows: string[]): AttributionWindow[] {
  const known: readonly string[] = [...ATTRIBUTION_WINDOWS, 'dda', 'default'];
  for (const [index, window] of windows.entries()) {
    if (!known.includes(window)) {
      throw invalidParameter(
        `action_attribution_windows[${index}] must be one of the following values: ${known.join(', ')}`,
      );
    }
  }
  return ATTRIBUTION_WINDOWS.filter((window) => windows.includes(window));
}

function parseSummary(parameters: Readonly<Record<string, string>>): string[] | undefined {
  if (parameters['default_summary'] === 'true') return DEFAULT_FIELDS;
  const text = parameters['summary'];
  return text === undefined || text === 'false' || text === 'true' ? undefined : parseInsightFields(text);
}

function monthsBefore(day: string, months: number): string {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCMonth(date.getUTCMonth() - months);
  return date.toISOString().slice(0, 10);
}

/** Reach by the hour is not computed. (Insights API, hourly breakdowns.) */
export function fieldsFor({ fields, breakdowns }: InsightParameters): string[] {
  const isHourly = breakdowns.includes(HOURLY);
  const unique = new Set(['reach', 'frequency', 'cpp', 'unique_clicks', 'unique_ctr']);
  return fields.filter((field) => !isHourly || !unique.has(field));
}
