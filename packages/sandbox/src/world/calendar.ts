const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Days since 1970-01-01 of a day written `YYYY-MM-DD`. */
export function dayNumber(day: string): number {
  const milliseconds = Date.parse(`${day}T00:00:00Z`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day) || Number.isNaN(milliseconds) || dayText(milliseconds / DAY_MS) !== day) {
    throw new RangeError(`${day} is not a day written YYYY-MM-DD.`);
  }
  return milliseconds / DAY_MS;
}

/** `YYYY-MM-DD` of a number of days since 1970-01-01. */
export function dayText(number: number): string {
  return new Date(number * DAY_MS).toISOString().slice(0, 10);
}

export interface LocalTime {
  readonly dayNumber: number;
  readonly hour: number;
  readonly offsetMinutes: number;
}

// Making a formatter costs a hundred times as much as using it.
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(timeZone);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    formatters.set(timeZone, formatter);
  }
  return formatter;
}

/** What the clock on the wall says in a time zone. */
export function localTime(instant: number, timeZone: string): LocalTime {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatterOf(timeZone).formatToParts(instant)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  const wall = Date.UTC(year, month - 1, day, hour, minute, second);
  const offsetMinutes = Math.round((wall - Math.floor(instant / 1000) * 1000) / 60_000);
  return { dayNumber: Math.floor(wall / DAY_MS), hour, offsetMinutes };
}

/** The instant at which a wall clock shows this time; of a skipped hour, the moment after the skip. */
export function instantOf(day: number, minuteOfDay: number, timeZone: string): number {
  const wall = day * DAY_MS + minuteOfDay * 60_000;
  const guess = wall - localTime(wall, timeZone).offsetMinutes * 60_000;
  return wall - localTime(guess, timeZone).offsetMinutes * 60_000;
}

const hoursOfDays = new Map<string, readonly number[]>();

/** The hours that a day has in a time zone: without the one skipped in spring. The doubled one of autumn counts once. */
export function hoursOf(day: number, timeZone: string): readonly [number, ...number[]] {
  const key = `${timeZone} ${day}`;
  let hours = hoursOfDays.get(key);
  if (hours === undefined) {
    const first = instantOf(day, 0, timeZone);
    const found = new Set<number>();
    for (let step = 0; step < 25; step += 1) {
      const local = localTime(first + step * HOUR_MS, timeZone);
      if (local.dayNumber === day) found.add(local.hour);
    }
    hours = [...found];
    if (hoursOfDays.size > 10_000) hoursOfDays.clear();
    hoursOfDays.set(key, hours);
  }
  return hours as readonly [number, ...number[]];
}

/** As the Graph API writes times of ads objects: `2026-03-01T09:30:00-0800`. */
export function offsetTimeText(instant: number, timeZone: string): string {
  const { offsetMinutes } = localTime(instant, timeZone);
  const wall = new Date(instant + offsetMinutes * 60_000).toISOString().slice(0, 19);
  const size = Math.abs(offsetMinutes);
  const pad = (value: number) => String(value).padStart(2, '0');
  return `${wall}${offsetMinutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}${pad(size % 60)}`;
}
