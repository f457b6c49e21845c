import { daysOf } from '@etl/core';
import { TestPlatform, type PlatformRequest } from '@etl/testing';

export const TOKEN = 'canary-71c0ffee';
export const CURRENCIES = ['EUR', 'GBP'];

const BANKS = ['north', 'south'];
const PAGE = 4;

type RateRow = Readonly<Record<'currency' | 'day' | 'bank' | 'rate', string>>;

/** The truth of the example's platform, and how it answers. */
export class RatesWorld {
  readonly #corrected = new Map<string, string>();
  isEmpty = false;

  /** The platform on a port of its own. */
  async start(): Promise<TestPlatform> {
    return TestPlatform.start({ token: TOKEN, answer: (request) => this.#answer(request) });
  }

  /** The rates of some days, `until` not included. */
  rows(currency: string, since: string, until: string): readonly RateRow[] {
    if (this.isEmpty) return [];
    return daysOf({ start: since, end: until }).flatMap((day) =>
      BANKS.map((bank, index) => {
        const rate = this.#corrected.get(`${currency} ${day} ${bank}`) ?? `1.${Number(day.slice(8))}${index + 1}`;
        return { currency, day, bank, rate };
      }),
    );
  }

  /** A bank corrects a day. */
  correct(currency: string, day: string, rate: string): void {
    this.#corrected.set(`${currency} ${day} ${BANKS[0]}`, rate);
  }

  #answer({ url }: PlatformRequest): unknown {
    if (url.pathname === '/account') return { name: 'somebody' };
    if (url.pathname !== '/rates') return undefined;
    const { currency = '', since = '', until = '', cursor = '0' } = Object.fromEntries(url.searchParams);
    const all = this.rows(currency, since, until);
    const end = Number(cursor) + PAGE;
    const next = end < all.length ? String(end) : null;
    return { total: all.length, rows: all.slice(Number(cursor), end), next };
  }
}
