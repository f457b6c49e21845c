import { z } from 'zod';
import type { ColumnHint } from '../columns-of.ts';

/**
 * A column of exact decimals, as text: `decimal(18, 6)` for money. Accepts decimal text and
 * numbers, gives text.
 */
export function decimal(precision: number, scale: number): z.ZodType<string, string | number> {
  const text = z.union([
    z.string().regex(/^-?\d+(\.\d+)?$/, 'expected decimal text'),
    z
      .number()
      .transform(String)
      .pipe(z.string().regex(/^-?\d+(\.\d+)?$/, 'expected a decimal')),
  ]);
  return text.meta({ etl: { type: 'decimal', precision, scale } satisfies ColumnHint });
}
