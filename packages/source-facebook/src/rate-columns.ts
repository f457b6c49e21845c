import { z } from 'zod';
import { RATE_SCALE } from './exchange-rate.ts';

const PRECISION = 20;
const word = z.string().meta({ etl: { lowCardinality: true } });

/** A column of an exchange rate. */
export const rateColumn = z
  .string()
  .regex(/^\d+(\.\d+)?$/, 'expected a positive decimal')
  .meta({ etl: { type: 'decimal', precision: PRECISION, scale: RATE_SCALE } });

const STATUS =
  '`exact`: of the requested date. `carried`: it has none of its own. `provisional`: it may still get one.';

export const rateStatusColumn = word.describe(STATUS);

/** How the amounts of a row were restated. NULL: they were not, for the row was written before anybody asked for it. */
export const rateStampColumns = {
  source_currency: word.nullable().describe('Currency of the account.'),
  reporting_currency: word
    .nullable()
    .describe('Currency of the amounts of the row, those named `…_source` excepted. NULL: the account’s.'),
  fx_rate_to_aed: rateColumn.nullable().describe('By what the amounts were multiplied.'),
  fx_requested_date: z.iso.date().nullable().describe('Day for which the rate was looked up.'),
  fx_effective_date: z.iso.date().nullable().describe('Day that the rate is of.'),
  fx_rate_status: word.nullable().describe(STATUS),
};
