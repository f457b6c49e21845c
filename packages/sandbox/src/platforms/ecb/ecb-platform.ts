import { TRANSPORT_FAULTS, type FaultKind } from '../../control/fault.ts';
import type { SandboxRequest, SandboxResponse } from '../../http/exchange.ts';
import { dayNumber, dayText } from '../../world/calendar.ts';
import type { Platform, PlatformContext } from '../platform.ts';
import { CURRENCIES, ReferenceRates, type DayRates, type EcbCurrency } from './reference-rates.ts';

export interface EcbOptions {
  /**
   * What the bank says of some days in the place of what the seed says: `{ '2026-03-27': { USD: '1.1643' } }` has one
   * of two currencies, `{}` rows without a value.
   */
  readonly rates?: Readonly<Record<string, DayRates>>;
  /** Days that have no row at all. */
  readonly unpublished?: readonly string[];
}

const PATH = /^\/service\/data\/EXR\/D\.([A-Z+]+)\.EUR\.SP00\.A$/;
const COLUMNS =
  'KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE,OBS_STATUS,OBS_CONF,TIME_FORMAT,' +
  'COLLECTION,DECIMALS,TITLE_COMPL,UNIT,UNIT_MULT';
const NAMES: Readonly<Record<EcbCurrency, string>> = { GBP: 'UK pound sterling', USD: 'US dollar' };
/** Before it there was no euro. */
const FIRST_DAY = '1999-01-04';

/** The euro reference rates of the European Central Bank, daily, as its data portal serves them as CSV. */
export class EcbPlatform implements Platform {
  readonly #context: PlatformContext;
  readonly #rates: ReferenceRates;
  readonly #unpublished: ReadonlySet<string>;

  constructor(context: PlatformContext, { rates, unpublished = [] }: EcbOptions = {}) {
    this.#context = context;
    this.#rates = new ReferenceRates(context.world.seed, rates);
    this.#unpublished = new Set(unpublished);
  }

  /** In the place of `https://data-api.ecb.europa.eu`; no slash at the end. */
  get baseUrl(): string {
    return this.#context.baseUrl();
  }

  /** What is published of a day at this moment. */
  ratesOf(day: string): DayRates | undefined {
    return this.#unpublished.has(day) ? undefined : this.#rates.of(day, this.#context.world.clock.now());
  }

  usage(): unknown {
    return {};
  }

  describe(): { baseUrl: string } {
    return { baseUrl: this.baseUrl };
  }

  issueToken(): string {
    throw new RangeError('The rates of the bank are open to everybody: there is no token.');
  }

  revokeToken(): void {
    this.issueToken();
  }

  canMeet(kind: FaultKind): boolean {
    return TRANSPORT_FAULTS.has(kind);
  }

  handle({ path, parameters }: SandboxRequest): SandboxResponse {
    const asked = PATH.exec(decodeURIComponent(path))?.[1]?.split('+') ?? [];
    const currencies = CURRENCIES.filter((currency) => asked.includes(currency));
    if (currencies.length === 0 || currencies.length < asked.length) return text(404, 'No results found.\n');
    const { format, startPeriod = FIRST_DAY, endPeriod } = parameters;
    if (format !== 'csvdata') return text(406, 'Only format=csvdata is imitated.\n');
    const last = Math.floor(this.#context.world.clock.now() / 86_400_000);
    const days: string[] = [];
    try {
      const until = endPeriod === undefined ? last : Math.min(last, dayNumber(endPeriod));
      for (let day = dayNumber(startPeriod); day <= until; day += 1) days.push(dayText(day));
    } catch (error) {
      return text(400, `${error instanceof Error ? error.message : String(error)}\n`);
    }
    const rows = currencies.flatMap((currency) => days.flatMap((day) => this.#row(currency, day)));
    if (rows.length === 0) return text(404, 'No results found.\n');
    const body = `${[COLUMNS, ...rows].join('\r\n')}\r\n`;
    return { status: 200, headers: { 'content-type': 'text/csv' }, body, caller: 'anybody' };
  }

  #row(currency: EcbCurrency, day: string): readonly string[] {
    const rates = this.ratesOf(day);
    if (rates === undefined) return [];
    const value = rates[currency] ?? '';
    // Of a day on which one currency was published and the other was not, the other has no row.
    if (value === '' && Object.keys(rates).length > 0) return [];
    const key = `EXR.D.${currency}.EUR.SP00.A,D,${currency},EUR,SP00,A`;
    const title = `"ECB reference exchange rate, ${NAMES[currency]}/Euro, 2.15 pm (C.E.T.)"`;
    return [`${key},${day},${value},${value === '' ? 'H' : 'A'},F,P1D,A,4,${title},${currency},0`];
  }
}

function text(status: number, body: string): SandboxResponse {
  return { status, headers: { 'content-type': 'text/plain' }, body, caller: 'anybody' };
}
