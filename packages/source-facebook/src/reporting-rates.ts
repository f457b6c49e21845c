import { addDays, dayIn, EtlError, silentLogger, type ReadRequest } from '@etl/core';
import type { Clock } from '@etl/core/http';
import type { AdAccounts } from './ad-accounts.ts';
import type { EuroRatesClient } from './euro-rates.ts';
import {
  ageDays,
  identityRate,
  isIdentity,
  PoundRates,
  REPORTING_CURRENCY,
  SOURCE_CURRENCIES,
  type ExchangeRate,
} from './exchange-rate.ts';

/** The longest time without rates, around Easter, is four days. */
const USUAL_AGE_DAYS = 4;
const GREATEST_AGE_DAYS = 7;
/** So that the first day of all has a rate of a day before it. */
const CARRY_DAYS = 10;
/** So that a backfill of not much more finds its rates there as well. */
const MARGIN_DAYS = 60;
/** After it, rates are asked for again although they are there: a long run goes past the hour of new ones. */
const FRESH_MS = 6 * 3_600_000;
/** For how long, at least, what went wrong is told to all who ask, before anybody asks the bank again. */
const FAILURE_MS = 60_000;

interface Reading {
  readonly since: string;
  readonly rates: Promise<PoundRates>;
  hasFailed: boolean;
  /** When it is made anew. */
  until: number;
}

/** Rates for the rows of one account. */
export interface AccountRates {
  readonly currency: string;
  /** In the account's own time zone. */
  readonly today: string;
  /**
   * The rate for a row that says that it is in this currency.
   *
   * @throws FACEBOOK_CURRENCY_UNCERTAIN, FACEBOOK_RATE_MISSING (data)
   */
  readonly rateOf: (currency: unknown, day: string) => ExchangeRate;
}

/** The rates of a source: asked for once a run, and only when an account needs one. */
export class ReportingRates {
  readonly #client: EuroRatesClient;
  readonly #accounts: AdAccounts;
  readonly #clock: Clock;
  readonly #used = new Map<string, Map<string, ExchangeRate>>();
  readonly #warned = new Set<string>();
  /** Streams of this run. */
  readonly #streams = new Set<string>();
  #readings: readonly Reading[] = [];
  #firstPlanned: string | undefined;

  constructor(client: EuroRatesClient, accounts: AdAccounts, clock: Clock) {
    this.#client = client;
    this.#accounts = accounts;
    this.#clock = clock;
  }

  /**
   * Tells of days of a stream that are going to be read. A stream whose days that are due by themselves are planned
   * once more is how the next run begins.
   */
  planned(stream: string, days: readonly string[], { isBackfill }: { readonly isBackfill: boolean }): void {
    if (!isBackfill && (this.#streams.size === 0 || this.#streams.has(stream))) {
      this.#streams.clear();
      this.#readings = [];
      this.#firstPlanned = undefined;
    }
    this.#streams.add(stream);
    this.#firstPlanned = [...days, ...(this.#firstPlanned === undefined ? [] : [this.#firstPlanned])].toSorted()[0];
  }

  /**
   * Rates from the first day on, by default today.
   *
   * @throws FACEBOOK_CURRENCY_UNSUPPORTED (config), FACEBOOK_RATES_UNAVAILABLE, FACEBOOK_RATES_INVALID
   */
  async of(accountId: string, firstDay: string | undefined, request: ReadRequest): Promise<AccountRates> {
    const { currency, timeZone } = await this.#accounts.get(accountId, request);
    const today = dayIn(timeZone, request.now ?? new Date(this.#clock.now()));
    if (!SOURCE_CURRENCIES.includes(currency)) throw unsupported(accountId, currency);
    const pounds = currency === REPORTING_CURRENCY ? undefined : await this.#pounds(firstDay ?? today, request);
    const rateOf = (given: unknown, day: string): ExchangeRate => {
      if (given !== currency) throw uncertain(accountId, given);
      const rate = pounds === undefined ? identityRate(day) : pounds.on(day);
      if (rate === undefined || ageDays(rate) > GREATEST_AGE_DAYS) throw missing(accountId, day, rate);
      this.#note(accountId, rate, request);
      return rate;
    };
    return { currency, today, rateOf };
  }

  /** By what the rows of an account were restated so far. */
  used(accountId: string): readonly ExchangeRate[] {
    return [...(this.#used.get(accountId)?.values() ?? [])];
  }

  #pounds(firstDay: string, request: ReadRequest): Promise<PoundRates> {
    const now = this.#clock.now();
    const fresh = this.#readings.filter(({ until }) => now < until);
    const usable = fresh.filter((reading) => reading.since <= addDays(firstDay, -CARRY_DAYS));
    // Days that the bank could not be asked for keep nobody from those that it was asked for before.
    const known = usable.find(({ hasFailed }) => !hasFailed) ?? usable[0];
    if (known !== undefined) return known.rates;
    const [first = firstDay] = [firstDay, this.#firstPlanned ?? firstDay].toSorted();
    const since = addDays(first, -(CARRY_DAYS + MARGIN_DAYS));
    const rates = this.#client.since(since, request).then((euro) => new PoundRates(euro));
    const reading: Reading = { since, rates, hasFailed: false, until: now + FRESH_MS };
    this.#readings = [...fresh, reading];
    rates.catch((error: unknown) => {
      reading.hasFailed = true;
      // A reader that left has learned nothing of the bank.
      reading.until = EtlError.isInstance(error) ? this.#nextAttempt(error, now) : 0;
    });
    return rates;
  }

  /** A bank that keeps who asks it waiting is left alone for as long again: not each account is to wait for it. */
  #nextAttempt({ retryAfterMs = 0 }: EtlError, askedAt: number): number {
    const now = this.#clock.now();
    return now + Math.max(FAILURE_MS, now - askedAt, retryAfterMs);
  }

  #note(accountId: string, rate: ExchangeRate, { logger = silentLogger }: ReadRequest): void {
    if (isIdentity(rate)) return;
    const { requestedDate: day, effectiveDate } = rate;
    const used = this.#used.get(accountId) ?? new Map<string, ExchangeRate>();
    this.#used.set(accountId, used.set(day, rate));
    if (!isOld(rate) || this.#warned.has(day)) return;
    this.#warned.add(day);
    const reason = `the newest rate for ${day} is of ${effectiveDate}`;
    logger.warn({ requested_date: day, effective_date: effectiveDate, reason }, 'exchange rate is old');
  }
}

/** Whether it is older than holidays make rates. */
export function isOld(rate: ExchangeRate): boolean {
  return ageDays(rate) > USUAL_AGE_DAYS;
}

function unsupported(accountId: string, currency: string): EtlError {
  return new EtlError({
    code: 'FACEBOOK_CURRENCY_UNSUPPORTED',
    kind: 'config',
    message: `The ad account ${accountId} is in ${currency}, which cannot be restated in ${REPORTING_CURRENCY}.`,
    hint: `Leave out the reporting currency, or read only accounts in ${SOURCE_CURRENCIES.join(' or ')} with it.`,
    context: { accountId, currency },
  });
}

function uncertain(accountId: string, given: unknown): EtlError {
  return new EtlError({
    code: 'FACEBOOK_CURRENCY_UNCERTAIN',
    kind: 'data',
    message: `A row of the ad account ${accountId} came ${typeof given === 'string' ? 'in another currency than its account' : 'without its currency'}.`,
    hint: 'Run again; report it if it repeats, for amounts of an unknown currency cannot be restated.',
    context: { accountId },
  });
}

function missing(accountId: string, day: string, newest: ExchangeRate | undefined): EtlError {
  const what = newest === undefined ? 'none was published' : `the newest is of ${newest.effectiveDate}`;
  return new EtlError({
    code: 'FACEBOOK_RATE_MISSING',
    kind: 'data',
    message: `There is no exchange rate to restate ${day} of the ad account ${accountId}: ${what}.`,
    hint: 'Run again when the European Central Bank has published its reference rates.',
    context: { accountId, day },
  });
}
