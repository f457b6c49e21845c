import { dayNumber, dayText } from '../../world/calendar.ts';
import { Random } from '../../random.ts';

export const CURRENCIES = ['GBP', 'USD'] as const;
export type EcbCurrency = (typeof CURRENCIES)[number];

/** What one euro is worth on a day, as it is written; a currency that is left out was not published. */
export type DayRates = Readonly<Partial<Record<EcbCurrency, string>>>;

/** Where each currency stands on average, and how far from it a day may be, in ten-thousandths. */
const LEVELS: Readonly<Record<EcbCurrency, readonly [middle: number, reach: number]>> = {
  GBP: [8650, 180],
  USD: [11_450, 450],
};

/** The rates are published at about 16:00 in Frankfurt, which is never before this hour in UTC. */
const PUBLISHED_AT_HOUR = 15;
const HOUR_MS = 3_600_000;
const FIXED_HOLIDAYS: ReadonlySet<string> = new Set(['01-01', '05-01', '12-25', '12-26']);

/**
 * The euro reference rates of the world: each business day has its own, by the seed alone, none is there before
 * it is published, and what a test says of a day takes their place.
 */
export class ReferenceRates {
  readonly #seed: string;
  readonly #given: Readonly<Record<string, DayRates>>;

  constructor(seed: string, given: Readonly<Record<string, DayRates>> = {}) {
    this.#seed = seed;
    for (const day of Object.keys(given)) dayNumber(day);
    this.#given = given;
  }

  /** What is published of a day at a moment; `undefined` when the day has no row, empty when its rows have no value. */
  of(day: string, now: number): DayRates | undefined {
    const number = dayNumber(day);
    if (now < Date.parse(`${day}T00:00:00Z`) + PUBLISHED_AT_HOUR * HOUR_MS) return undefined;
    const given = this.#given[day];
    if (given !== undefined) return given;
    if (isWeekend(number)) return undefined;
    if (isHoliday(number)) return {};
    return { GBP: this.#rate('GBP', number), USD: this.#rate('USD', number) };
  }

  #rate(currency: EcbCurrency, day: number): string {
    const [middle, reach] = LEVELS[currency];
    const phase = new Random(`${this.#seed}|ecb|${currency}`).next() * 2 * Math.PI;
    const noise = new Random(`${this.#seed}|ecb|${currency}|${day}`).integer(-40, 40);
    const units = String(Math.round(middle + reach * Math.sin(day / 45 + phase)) + noise).padStart(5, '0');
    return `${units.slice(0, -4)}.${units.slice(-4)}`;
  }
}

function isWeekend(day: number): boolean {
  return [0, 6].includes(new Date(day * 24 * HOUR_MS).getUTCDay());
}

/** Days on which no payments are settled in euro: those of the calendar, and two around Easter. */
function isHoliday(day: number): boolean {
  const text = dayText(day);
  const easter = easterOf(Number(text.slice(0, 4)));
  return FIXED_HOLIDAYS.has(text.slice(5)) || day === easter - 2 || day === easter + 1;
}

/** Easter Sunday of the Gregorian calendar, by the rule of Meeus. */
function easterOf(year: number): number {
  const century = Math.floor(year / 100);
  const ofYear = year % 100;
  const moon = year % 19;
  const correction = century - Math.floor(century / 4) - Math.floor((century - Math.floor((century + 8) / 25) + 1) / 3);
  const epact = (19 * moon + correction + 15) % 30;
  const weekday = (32 + 2 * (century % 4) + 2 * Math.floor(ofYear / 4) - epact - (ofYear % 4)) % 7;
  const late = Math.floor((moon + 11 * epact + 22 * weekday) / 451);
  const sum = epact + weekday - 7 * late + 114;
  const month = String(Math.floor(sum / 31)).padStart(2, '0');
  return dayNumber(`${year}-${month}-${String((sum % 31) + 1).padStart(2, '0')}`);
}
