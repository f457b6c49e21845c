import { byteAt, COLON, digitsAt, isDigit, MINUS, PLUS, POINT, SPACE, UPPER_T, UPPER_Z, ZERO } from './ascii.ts';
import type { Settle } from './number-text.ts';
import { ValueError } from './value-error.ts';
import type { WireBuffer } from './wire-buffer.ts';

/** The range of Date32 and DateTime64 in ClickHouse, which clamps silently beyond it. */
const FIRST_YEAR = 1900;
const LAST_YEAR = 2299;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** `YYYY-MM-DD`. */
export const dateText: Settle = (out, start) => {
  const day = out.length - start === 10 ? dayAt(out.bytes, start) : -1;
  if (day < 0) throw new ValueError('text that is not a day');
  requireDay(day);
  requireRange(yearOf(day));
};

/** `HH:MM:SS[.ffffff]`, stored as text. */
export const timeText: Settle = (out, start) => {
  const { bytes, length } = out;
  const isTime = length - start >= 8 && isTimeShaped(bytes, start) && fractionEnd(bytes, start + 8, length) === length;
  if (!isTime) throw new ValueError('text that is not a time of day');
};

/** ISO 8601 or SQL text with at most microseconds, brought to UTC. */
export const timestampText: Settle = (out, start) => {
  const { bytes, length } = out;
  const separator = length - start >= 19 ? byteAt(bytes, start + 10) : 0;
  const day = separator === UPPER_T || separator === SPACE ? dayAt(bytes, start) : -1;
  if (day < 0 || !isTimeShaped(bytes, start + 11)) throw notATimestamp();
  const end = fractionEnd(bytes, start + 19, length);
  const offset = offsetMinutes(bytes, end, length);
  bytes[start + 10] = SPACE;
  out.length = end;
  requireDay(day);
  if (digitsAt(bytes, start + 11, 2) > 23 || digitsAt(bytes, start + 14, 2) > 59 || digitsAt(bytes, start + 17, 2) > 59)
    throw new ValueError('a time that does not exist');
  if (offset !== 0) shift(out, start, offset);
  requireRange(offset === 0 ? yearOf(day) : digitsAt(bytes, start, 4));
};

/** The digits of `YYYY-MM-DD` as one number; negative when the text is not shaped like a day. */
function dayAt(bytes: Uint8Array, at: number): number {
  const year = digitsAt(bytes, at, 4);
  const month = digitsAt(bytes, at + 5, 2);
  const day = digitsAt(bytes, at + 8, 2);
  const isDay = (year | month | day) >= 0 && byteAt(bytes, at + 4) === MINUS && byteAt(bytes, at + 7) === MINUS;
  return isDay ? year * 10_000 + month * 100 + day : -1;
}

function yearOf(day: number): number {
  return Math.floor(day / 10_000);
}

function isTimeShaped(bytes: Uint8Array, at: number): boolean {
  return (
    digitsAt(bytes, at, 2) >= 0 &&
    byteAt(bytes, at + 2) === COLON &&
    digitsAt(bytes, at + 3, 2) >= 0 &&
    byteAt(bytes, at + 5) === COLON &&
    digitsAt(bytes, at + 6, 2) >= 0
  );
}

/** Where a fraction of one to six digits that may begin at `at` ends. */
function fractionEnd(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end || byteAt(bytes, at) !== POINT) return at;
  let last = at + 1;
  while (last < end && last < at + 7 && isDigit(byteAt(bytes, last))) last += 1;
  return last === at + 1 ? at : last;
}

/** Minutes that the text from `at` to `end` is ahead of UTC: nothing, `Z`, `±HH`, `±HHMM` or `±HH:MM`. */
function offsetMinutes(bytes: Uint8Array, at: number, end: number): number {
  const count = end - at;
  if (count === 0) return 0;
  const sign = byteAt(bytes, at);
  if (count === 1 && sign === UPPER_Z) return 0;
  if (sign !== PLUS && sign !== MINUS) throw notATimestamp();
  const hours = count >= 3 ? digitsAt(bytes, at + 1, 2) : -1;
  let minutes = -1;
  if (count === 3) minutes = 0;
  else if (count === 5) minutes = digitsAt(bytes, at + 3, 2);
  else if (count === 6 && byteAt(bytes, at + 3) === COLON) minutes = digitsAt(bytes, at + 4, 2);
  if (hours < 0 || minutes < 0) throw notATimestamp();
  if (hours > 23 || minutes > 59) throw new ValueError('a timestamp that does not exist');
  return (sign === MINUS ? -1 : 1) * (hours * 60 + minutes);
}

function shift(out: WireBuffer, start: number, offset: number): void {
  const { bytes } = out;
  const field = (at: number, count: number): number => digitsAt(bytes, start + at, count);
  // Date.UTC takes the years 0 to 99 for those of the last century.
  if (field(0, 4) < FIRST_YEAR - 1) throw outOfRange();
  const local = Date.UTC(field(0, 4), field(5, 2) - 1, field(8, 2), field(11, 2), field(14, 2), field(17, 2));
  const utc = new Date(local - offset * 60_000);
  if (utc.getUTCFullYear() > LAST_YEAR) throw outOfRange();
  putDigits(bytes, start, 4, utc.getUTCFullYear());
  putDigits(bytes, start + 5, 2, utc.getUTCMonth() + 1);
  putDigits(bytes, start + 8, 2, utc.getUTCDate());
  putDigits(bytes, start + 11, 2, utc.getUTCHours());
  putDigits(bytes, start + 14, 2, utc.getUTCMinutes());
}

function putDigits(bytes: Uint8Array, at: number, count: number, number: number): void {
  let left = number;
  for (let index = at + count - 1; index >= at; index -= 1) {
    bytes[index] = ZERO + (left % 10);
    left = Math.floor(left / 10);
  }
}

function requireDay(date: number): void {
  if (!exists(yearOf(date), Math.floor(date / 100) % 100, date % 100))
    throw new ValueError('a day that does not exist');
}

function exists(year: number, month: number, day: number): boolean {
  const isLeap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day >= 1 && day <= (isLeap ? 29 : (MONTH_DAYS[month - 1] ?? 0));
}

/** Whether a day exists and can be stored. Numbers below zero are no day. */
export function isDayInRange(year: number, month: number, day: number): boolean {
  return isInRange(year) && exists(year, month, day);
}

function isInRange(year: number): boolean {
  return year >= FIRST_YEAR && year <= LAST_YEAR;
}

function requireRange(year: number): void {
  if (!isInRange(year)) throw outOfRange();
}

function outOfRange(): ValueError {
  return new ValueError('a day outside 1900-01-01 … 2299-12-31');
}

function notATimestamp(): ValueError {
  return new ValueError('text that is not a timestamp');
}
