import { EtlError, type OperationOptions } from '@etl/core';
import { createHttpClient, readCsv, type CsvRecord, type HttpClient } from '@etl/core/http';
import type { EuroRates } from './exchange-rate.ts';
import type { FacebookOptions } from './options.ts';

/** Dollars and pounds per euro, each business day (ECB Data Portal, dataset EXR). */
const SERIES = 'service/data/EXR/D.USD+GBP.EUR.SP00.A';
const SERIES_OF: Readonly<Record<string, keyof EuroRates>> = {
  'EXR.D.USD.EUR.SP00.A': 'usd',
  'EXR.D.GBP.EUR.SP00.A': 'gbp',
};
const COLUMNS = ['KEY', 'TIME_PERIOD', 'OBS_VALUE'];
/** All days since there is a euro are a quarter of it. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** As long as Facebook is waited for. */
const TIMEOUTS = { firstByteMs: 300_000, idleMs: 300_000 };

/** Asks the European Central Bank for its reference rates. */
export class EuroRatesClient {
  readonly #http: HttpClient;

  constructor(baseUrl: string, parts: Pick<FacebookOptions, 'fetch' | 'clock' | 'random'>) {
    this.#http = createHttpClient({ baseUrl, maxBodyBytes: MAX_BODY_BYTES, timeouts: TIMEOUTS, ...parts });
  }

  /**
   * Both rates of every day from `since` on that has both.
   *
   * @throws FACEBOOK_RATES_UNAVAILABLE (transient), FACEBOOK_RATES_INVALID (data)
   */
  async since(since: string, { signal, logger, tracer, onCall }: OperationOptions): Promise<Map<string, EuroRates>> {
    const query = { startPeriod: since, format: 'csvdata' };
    try {
      const { body } = await this.#http.bytes(SERIES, { query, signal, logger, tracer, onCall });
      return await euroRatesOf(body);
    } catch (error) {
      if (EtlError.isInstance(error)) throw explained(error);
      throw error;
    }
  }
}

/**
 * The rates in a file of the bank. A day that has one of two, or a row without a value as holidays have it, is left
 * out; whatever else is not as it has to be is refused.
 *
 * @throws FACEBOOK_RATES_INVALID, or what `readCsv` throws
 */
export async function euroRatesOf(file: Uint8Array): Promise<Map<string, EuroRates>> {
  const seen = new Set<string>();
  const days = new Map<string, Partial<EuroRates>>();
  // The bank ends its files with a line break today; one that was cut short has a last row that is too short.
  for await (const record of readCsv([file], { columns: COLUMNS, finalNewline: 'optional' })) {
    const { day, currency, value } = observationOf(record);
    const place = `${currency} ${day}`;
    if (seen.has(place)) throw invalid(`they have ${place} twice`);
    seen.add(place);
    if (value !== undefined) days.set(day, { ...days.get(day), [currency]: value });
  }
  const whole = [...days].flatMap(([day, { usd, gbp }]): [string, EuroRates][] =>
    usd === undefined || gbp === undefined ? [] : [[day, { usd, gbp }]],
  );
  if (whole.length === 0) throw invalid('they are of no day');
  return new Map(whole);
}

interface Observation {
  readonly day: string;
  readonly currency: keyof EuroRates;
  readonly value?: string;
}

function observationOf({ KEY: key = '', TIME_PERIOD: day = '', OBS_VALUE: value = '' }: CsvRecord): Observation {
  const currency = Object.hasOwn(SERIES_OF, key) ? SERIES_OF[key] : undefined;
  if (currency === undefined) throw invalid('they have a series that was not asked for');
  if (!isDay(day)) throw invalid('they have a day that is none');
  // How SDMX writes that there is no value, beside leaving it empty.
  if (value === '' || value === 'NaN') return { day, currency };
  if (!/^\d+(?:\.\d+)?$/.test(value) || !/[1-9]/.test(value)) throw invalid(`the rate of ${day} is no positive number`);
  return { day, currency, value };
}

function isDay(text: string): boolean {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

function invalid(what: string): EtlError {
  return new EtlError({
    code: 'FACEBOOK_RATES_INVALID',
    kind: 'data',
    message: `The reference rates of the European Central Bank cannot be used: ${what}.`,
    hint: 'Run again; look at what reportingCurrency.ratesBaseUrl answers if it repeats.',
  });
}

/**
 * What the bank does wrong is no fault of the ad account's: a refusal of the bank must not look like one of Facebook,
 * for which the account would be parked.
 */
function explained(error: EtlError): EtlError {
  if (error.code === 'FACEBOOK_RATES_INVALID') return error;
  if (error.kind === 'data') {
    const { message, hint } = invalid(error.message.replace(/\.$/, ''));
    return new EtlError({ code: 'FACEBOOK_RATES_INVALID', kind: 'data', message, hint, cause: error });
  }
  return new EtlError({
    code: 'FACEBOOK_RATES_UNAVAILABLE',
    kind: 'transient',
    message: `The reference rates of the European Central Bank cannot be had: ${error.message}`,
    hint: 'Run again later; check reportingCurrency.ratesBaseUrl and the way to it if it repeats.',
    retryAfterMs: error.retryAfterMs,
    cause: error,
  });
}
