import { defineStream, type Stream } from '@etl/core';
import { z } from 'zod';
import { accountSlices } from './entity-stream.ts';
import { AED_PER_USD, METHOD_VERSION, REPORTING_CURRENCY } from './exchange-rate.ts';
import type { ResolvedOptions } from './options.ts';
import { rateColumn, rateStatusColumn } from './rate-columns.ts';
import type { ReportingRates } from './reporting-rates.ts';

const schema = z.object({
  source_currency: z.string().meta({ etl: { lowCardinality: true } }),
  target_currency: z.string().meta({ etl: { lowCardinality: true } }),
  requested_date: z.iso.date(),
  method_version: z
    .string()
    .meta({ etl: { lowCardinality: true } })
    .describe('How the rate is made.'),
  effective_date: z.iso.date(),
  rate: rateColumn,
  rate_status: rateStatusColumn,
  usd_per_eur: rateColumn,
  gbp_per_eur: rateColumn,
  aed_per_usd: rateColumn,
});

/**
 * By what rows were restated, for whoever wants to look: nothing reads it. The slice of an account comes after its
 * other streams, in its own lane, so that the rates are written after the rows that were made with them.
 */
export function fxDailyRatesStream(rates: ReportingRates, options: ResolvedOptions): Stream<z.output<typeof schema>> {
  return defineStream({
    name: 'fx_daily_rates',
    schema,
    primaryKey: ['source_currency', 'target_currency', 'requested_date', 'method_version'],
    writeDisposition: 'merge',
    description: 'Exchange rates by which amounts were restated.',
    slices: () => accountSlices(options),
    async *read(slice) {
      const rows = rates.used(slice.lane ?? '').flatMap(({ euro, ...rate }) =>
        euro === undefined
          ? []
          : [
              {
                source_currency: rate.sourceCurrency,
                target_currency: REPORTING_CURRENCY,
                requested_date: rate.requestedDate,
                method_version: METHOD_VERSION,
                effective_date: rate.effectiveDate,
                rate: rate.rate,
                rate_status: rate.status,
                usd_per_eur: euro.usd,
                gbp_per_eur: euro.gbp,
                aed_per_usd: AED_PER_USD,
              },
            ],
      );
      yield { rows };
    },
  });
}
