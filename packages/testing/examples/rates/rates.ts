import { dailySlices, defineSource, defineStream, EtlError } from '@etl/core';
import { decimal } from '@etl/core/columns';
import { bearer, createHttpClient, paginate, type Clock } from '@etl/core/http';
import { z } from 'zod';

export interface RatesOptions {
  /** In the place of https://rates.example. */
  readonly baseUrl: string;
  readonly token: string;
  readonly currencies: readonly string[];
  readonly clock?: Clock;
}

const row = z.object({
  currency: z.string(),
  day: z.iso.date(),
  bank: z.string(),
  rate: decimal(18, 6),
});

const page = z.object({ total: z.int(), rows: z.array(row), next: z.string().nullable() });

/** Exchange rates by day and bank, which a bank may correct for three days. */
export function rates({ baseUrl, token, currencies, clock }: RatesOptions) {
  const http = createHttpClient({
    baseUrl,
    authorization: bearer(token),
    clock,
  });

  const dailyRates = defineStream({
    name: 'daily_rates',
    schema: row,
    primaryKey: ['currency', 'day', 'bank'],
    writeDisposition: 'replace',
    scope: { keys: ['currency'], day: 'day' },
    windowDays: 7,
    slices: ({ now = new Date(), days }) =>
      currencies.flatMap((id) =>
        dailySlices({
          account: { column: 'currency', id },
          timeZone: 'Europe/Berlin',
          now,
          historyDays: 10,
          lookbackDays: 3,
          days,
        }),
      ),
    async *read({ scope }, { signal, logger, tracer, onCall, deadline }) {
      const { start: since, end: until } = scope?.days ?? { start: '', end: '' };
      const query = { currency: String(scope?.equals['currency']), since, until };
      const pages = paginate({
        name: 'daily_rates',
        read: async (cursor) => {
          const call = { signal, logger, tracer, onCall, deadline, query: { ...query, cursor } };
          const answer = page.safeParse((await http.json('rates', call)).body);
          if (answer.success) return answer.data;
          throw new EtlError({
            code: 'RATES_PAGE_INVALID',
            kind: 'data',
            message: 'The platform answered with a page of rates that is none.',
            hint: 'Look at what the platform answers.',
          });
        },
        end: ({ next, rows, total }) => ({ next: next ?? undefined, count: rows.length, total }),
      });
      for await (const { rows } of pages) yield { rows };
    },
  });

  return defineSource({
    name: 'rates',
    streams: { dailyRates },
    check: async ({ signal, logger, tracer, onCall }) => {
      await http.json('account', { signal, logger, tracer, onCall });
    },
  });
}
