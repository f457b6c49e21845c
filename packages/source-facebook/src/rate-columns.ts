import { z } from 'zod';
import { RATE_SCALE } from './exchange-rate.ts';

const PRECISION = 20;
const word = z.string().meta({ etl: { lowCardinality: true } });

/** A column of an exchange rate. */
export const rateColumn = z
  .string()
  .regex(/^\d+(\.\d+)?$/, 'expected a positive decimal')
  .meta({ etl: { type: 'decimal', precision: PRECISION, scale: RATE_SCALE } });

export const rateStatusColumn = word.describe(
  '`exact`: of the requested date. `carried`: it has none of its own. `provisional`: it may still get one.',
);

/** How the amounts of a row were restated. */
export const rateStampColumns = {
  source_currency: word.describe('Currency of the account.'),
  reporting_currency: word.describe('Currency of the amounts of the row, those named `…_source` excepted.'),
  fx_rate_to_aed: rateColumn.describe('By what the amounts were multiplied.'),
  fx_requested_date: z.iso.date().describe('Day for which the rate was looked up.'),
  fx_effective_date: z.iso.date().describe('Day that the rate is of.'),
  fx_rate_status: rateStatusColumn,
};
