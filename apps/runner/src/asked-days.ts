import type { DayRange } from '@etl/core';
import { addDays, dayIn, daysOf } from '@etl/core/days';
import { backfillVariables, type BackfillVariable } from './backfill-variables.ts';
import { count } from './quantity.ts';
import { UsageError } from './usage-error.ts';

export interface DayOptions {
  readonly from?: string | undefined;
  /** Inclusive. */
  readonly to?: string | undefined;
  readonly backfillDays?: string | undefined;
  /** What `etl backfill` calls `backfillDays`. */
  readonly days?: string | undefined;
}

/** Days that somebody asked for. */
export interface AskedDays {
  readonly days: DayRange;
  /** What they are to people: `2026-11-01 … 2026-11-08 (8 days)`. */
  readonly text: string;
  /** The option or the variable that asks for them. */
  readonly askedBy: string;
  /** A variable that is set as well and does not count. */
  readonly overruled?: string;
}

// No day is over-asked anywhere as long as it has begun in the time zone that begins it first.
const EARLIEST_ZONE = 'Pacific/Kiritimati';

/**
 * The days of a backfill: of the options, otherwise of the platform's variables; `undefined` when
 * nobody asks for any.
 *
 * @throws usage errors that name the option or the variable.
 */
export function askedDays(
  platform: string,
  options: DayOptions,
  { env, now }: { readonly env: NodeJS.ProcessEnv; readonly now: Date },
): AskedDays | undefined {
  const set = setVariables(platform, env);
  const [variable] = set;
  const byOptions = daysOfOptions(options, now);
  if (byOptions !== undefined) {
    return { ...byOptions, ...(variable === undefined ? {} : { overruled: variable.name }) };
  }
  if (variable === undefined) return undefined;
  if (set.length > 1) {
    throw new UsageError({
      code: 'BACKFILL_AMBIGUOUS',
      message: `${set.map(({ name }) => name).join(' and ')} are both set.`,
      hint: 'Set one of them.',
    });
  }
  const value = wholeNumber(env[variable.name] ?? '', variable.name, variable.unit);
  return variable.unit === 'days' ? lastDays(value, variable.name, now) : lastMonths(value, variable.name, now);
}

/** The number of days that an option asks for, under the name that was typed. */
export function lastDaysOption({ days, backfillDays }: DayOptions): { name: string; value: string } | undefined {
  if (days !== undefined) return { name: '--days', value: days };
  return backfillDays === undefined ? undefined : { name: '--backfill-days', value: backfillDays };
}

/** `2026-11-01 … 2026-11-08 (8 days)`, both ends included. */
export function dayRangeText(days: DayRange): string {
  const all = daysOf(days);
  const [first = days.start] = all;
  const last = all.at(-1) ?? first;
  return first === last ? `${first} (1 day)` : `${first} … ${last} (${count(all.length, 'day')})`;
}

function daysOfOptions(options: DayOptions, now: Date): AskedDays | undefined {
  const { from, to } = options;
  const last = lastDaysOption(options);
  if (last !== undefined) {
    if (from !== undefined || to !== undefined) {
      throw invalid(`${last.name} and --from, --to ask for different things.`, 'Give one of them.');
    }
    return lastDays(wholeNumber(last.value, last.name, 'days'), last.name, now);
  }
  if (from === undefined) {
    if (to === undefined) return undefined;
    throw invalid('--to is given without --from.', 'Say where to begin: --from 2026-11-01.');
  }
  const start = calendarDay(from, '--from');
  const end = to === undefined ? dayIn('UTC', now) : calendarDay(to, '--to');
  const latest = dayIn(EARLIEST_ZONE, now);
  for (const [option, day] of [['--from', start] as const, ['--to', end] as const]) {
    if (day > latest) throw invalid(`${option} ${day} is in the future.`, `The newest day there is: ${latest}.`);
  }
  if (start > end) throw invalid(`--from ${start} is after --to ${end}.`, 'Both days are included; swap them.');
  const days = { start, end: addDays(end, 1) };
  return { days, text: dayRangeText(days), askedBy: '--from' };
}

function lastDays(value: number, askedBy: string, now: Date): AskedDays {
  const today = dayIn('UTC', now);
  const days = { start: addDays(today, -value), end: addDays(today, 1) };
  return { days, text: `${days.start} … ${today} (the last ${count(value, 'day')}, and today)`, askedBy };
}

/** Whole months, because a file of a month is all there is. */
function lastMonths(value: number, askedBy: string, now: Date): AskedDays {
  const first = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - value, 1));
  const today = dayIn('UTC', now);
  const days = { start: dayIn('UTC', first), end: addDays(today, 1) };
  return { days, text: `${days.start} … ${today} (the last ${count(value, 'month')}, and this one)`, askedBy };
}

function setVariables(platform: string, env: NodeJS.ProcessEnv): readonly BackfillVariable[] {
  return backfillVariables(platform).filter(({ name }) => (env[name] ?? '').trim() !== '');
}

function wholeNumber(text: string, name: string, unit: 'days' | 'months'): number {
  if (/^[1-9]\d{0,3}$/.test(text.trim())) return Number(text);
  throw invalid(`${name} is not a whole number of ${unit} from 1 to 9999.`, `Write it like ${name}=30.`);
}

function calendarDay(text: string, option: string): string {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text) && addDaysOrEmpty(text) === text;
  if (isDay) return text;
  throw invalid(`${option} is not a day of the calendar.`, `Write it like ${option} 2026-11-01.`);
}

function addDaysOrEmpty(text: string): string {
  return Number.isNaN(Date.parse(`${text}T00:00:00Z`)) ? '' : addDays(text, 0);
}

function invalid(message: string, hint: string): UsageError {
  return new UsageError({ code: 'DAYS_INVALID', message, hint });
}
