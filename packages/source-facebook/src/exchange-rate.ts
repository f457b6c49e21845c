import { productOf, quotientOf } from './exact-arithmetic.ts';

/** The currency in which amounts are restated. */
export const REPORTING_CURRENCY = 'AED';
/** The currencies of accounts that can be restated. */
export const SOURCE_CURRENCIES: readonly string[] = [REPORTING_CURRENCY, 'GBP'];

/** The dirham has had this rate to the dollar since 1997 (Central Bank of the UAE). */
export const AED_PER_USD = '3.6725';
/** Names how a rate is made: another way of making it is another version, and another row of the table of rates. */
export const METHOD_VERSION = 'ecb-cross-1';
export const RATE_SCALE = 10;

/** What one euro is worth. */
export interface EuroRates {
  readonly usd: string;
  readonly gbp: string;
}

/**
 * `exact`: of the day itself. `carried`: of the last day before it that had one, and later days have theirs, so
 * the day will never have its own. `provisional`: the day may still get one.
 */
export type RateStatus = 'exact' | 'carried' | 'provisional';

/** By what amounts of a currency and a day are multiplied. */
export interface ExchangeRate {
  readonly sourceCurrency: string;
  readonly requestedDate: string;
  /** The day that the rate is of. */
  readonly effectiveDate: string;
  readonly rate: string;
  readonly status: RateStatus;
  /** What it is made of; absent for a currency that needs no rate. */
  readonly euro?: EuroRates;
}

/** For amounts that are in the reporting currency already. */
export function identityRate(day: string): ExchangeRate {
  const sourceCurrency = REPORTING_CURRENCY;
  return { sourceCurrency, requestedDate: day, effectiveDate: day, rate: '1', status: 'exact' };
}

export function isIdentity({ sourceCurrency }: ExchangeRate): boolean {
  return sourceCurrency === REPORTING_CURRENCY;
}

/** Days from the day that the rate is of to the day that it is for. */
export function ageDays({ requestedDate, effectiveDate }: ExchangeRate): number {
  return (Date.parse(requestedDate) - Date.parse(effectiveDate)) / 86_400_000;
}

/** Dirhams per pound, by day. */
export class PoundRates {
  /** In order. */
  readonly #days: readonly string[];
  readonly #euro: ReadonlyMap<string, EuroRates>;
  /** Rows of a day are many. */
  readonly #known = new Map<string, ExchangeRate | undefined>();

  constructor(euro: ReadonlyMap<string, EuroRates>) {
    this.#euro = euro;
    this.#days = [...euro.keys()].toSorted();
  }

  /** `undefined` when nothing was published up to the day. */
  on(day: string): ExchangeRate | undefined {
    if (!this.#known.has(day)) this.#known.set(day, this.#made(day));
    return this.#known.get(day);
  }

  #made(day: string): ExchangeRate | undefined {
    const effectiveDate = this.#days.findLast((published) => published <= day);
    const euro = this.#euro.get(effectiveDate ?? '');
    if (effectiveDate === undefined || euro === undefined) return undefined;
    return {
      sourceCurrency: 'GBP',
      requestedDate: day,
      effectiveDate,
      rate: quotientOf(productOf(euro.usd, AED_PER_USD), euro.gbp, RATE_SCALE),
      status: effectiveDate === day ? 'exact' : (this.#days.at(-1) ?? '') > day ? 'carried' : 'provisional',
      euro,
    };
  }
}
