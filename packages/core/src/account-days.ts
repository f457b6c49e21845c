import { EtlError } from './etl-error.ts';
import type { DayRange, Slice } from './slice.ts';

const DAY_MS = 86_400_000;

/** The calendar day that it is at an instant in a time zone, as `YYYY-MM-DD`. */
export function dayIn(timeZone: string, instant: Date): string {
  const parts = formatOf(timeZone).formatToParts(instant);
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.find((found) => found.type === type)?.value ?? '';
  return `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`;
}

/** The day that many days later; earlier when negative. */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** The days of a half-open range, in order. */
export function daysOf({ start, end }: DayRange): readonly string[] {
  const days: string[] = [];
  for (let day = start; day < end; day = addDays(day, 1)) days.push(day);
  return days;
}

/**
 * The first instant of a day in a time zone. Where clocks skip midnight, the day begins at the first
 * instant that exists; where midnight comes twice, at the first of the two.
 */
export function startOfDay(timeZone: string, day: string): Date {
  const utc = Date.parse(`${day}T00:00:00Z`);
  // No zone is further than 15 hours from UTC: the day begins within these 30 hours.
  let before = utc - 15 * 3_600_000;
  let after = utc + 15 * 3_600_000;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (dayIn(timeZone, new Date(middle)) < day) before = middle;
    else after = middle;
  }
  return new Date(after);
}

/** What of a daily report of one account should exist. */
export interface DailySlices {
  /** The scope column that tells accounts apart, and its value. */
  readonly account: { readonly column: string; readonly id: string };
  /** IANA name of the account's time zone: days are the account's own. */
  readonly timeZone: string;
  readonly now: Date;
  /** How many days before today the report goes back when nothing else is asked for. */
  readonly historyDays: number;
  /** For how many days after its end the platform may restate a day. */
  readonly lookbackDays: number;
  /** Whether today, which is not over, is part of it. */
  readonly includesToday?: boolean;
  /** A backfill of exactly these days, those that have not begun yet left out. */
  readonly days?: DayRange | undefined;
}

/**
 * One slice per day of a daily report, newest first: what people look at comes before history.
 *
 * @throws `TIME_ZONE_UNKNOWN` (config).
 */
export function dailySlices(report: DailySlices): readonly Slice[] {
  const { account, timeZone, now, historyDays, lookbackDays } = report;
  const today = dayIn(timeZone, now);
  const end = report.includesToday === true ? addDays(today, 1) : today;
  const range = report.days ?? { start: addDays(today, -historyDays), end };
  const days = daysOf({ start: range.start, end: range.end < end ? range.end : end });
  return days.toReversed().map((day) => ({
    key: `${account.column}=${account.id}/${day}`,
    scope: { equals: { [account.column]: account.id }, days: { start: day, end: addDays(day, 1) } },
    lane: account.id,
    settledAt: startOfDay(timeZone, addDays(day, 1 + lookbackDays)).toISOString(),
  }));
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  try {
    const options = { timeZone, calendar: 'iso8601', year: 'numeric', month: '2-digit', day: '2-digit' } as const;
    const format = new Intl.DateTimeFormat('en-u-ca-iso8601', options);
    formats.set(timeZone, format);
    return format;
  } catch (error) {
    throw new EtlError({
      code: 'TIME_ZONE_UNKNOWN',
      kind: 'config',
      message: `There is no time zone ${timeZone}.`,
      hint: 'Use an IANA name such as Europe/Berlin.',
      cause: error,
    });
  }
}
