import { dailySlices, defineSource, defineStream, EtlError } from '@etl/core';
import { decimal } from '@etl/core/columns';
import { bearer, createHttpClient, type Clock } from '@etl/core/http';
import { z } from 'zod';

const row = z.object({ shop: z.string(), day: z.iso.date(), product: z.string(), price: decimal(18, 2) });
const report = z.object({ rows: z.array(row) });

export function prices(options: { baseUrl: string; token: string; shops: readonly string[]; clock?: Clock }) {
  const { baseUrl, token, shops, clock } = options;
  const http = createHttpClient({ baseUrl, authorization: bearer(token), clock });
  const dailyPrices = defineStream({
    name: 'daily_prices',
    schema: row,
    primaryKey: ['shop', 'day', 'product'],
    writeDisposition: 'replace',
    scope: { keys: ['shop'], day: 'day' },
    slices: ({ now = new Date(), days }) =>
      shops.flatMap((id) =>
        dailySlices({
          account: { column: 'shop', id },
          timeZone: 'Europe/Berlin',
          now,
          historyDays: 3,
          lookbackDays: 1,
          days,
        }),
      ),
    async *read({ scope }, { signal }) {
      const query = { shop: String(scope?.equals['shop']), day: scope?.days?.start };
      const answer = report.safeParse((await http.json('prices', { query, signal })).body);
      if (!answer.success)
        throw new EtlError({ code: 'PRICES_INVALID', kind: 'data', message: 'These are no prices.' });
      yield { rows: answer.data.rows };
    },
  });
  return defineSource({
    name: 'prices',
    streams: { dailyPrices },
    check: async ({ signal }) => void (await http.json('shops', { signal })),
  });
}
