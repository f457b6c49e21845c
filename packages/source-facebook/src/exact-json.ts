import { parseLossless, type LosslessOptions } from '@etl/core/http';

/** TypeScript's library does not know it yet; Node has it from version 21 on. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

/**
 * Numbers of the platform's objects that a double would change: integers are `bigint`, for some of them are ids that
 * become text; decimals are kept as they are written, so that in a tree they stay numbers and do not become text.
 */
export const EXACT_NUMBERS: LosslessOptions = {
  inexact: (source) => (/^-?\d+$/.test(source) ? BigInt(source) : rawJSON(source)),
};

/** An object of the platform, of which no digit is lost: `losslessText` writes all of them again. */
export function exactJson(text: string): unknown {
  return parseLossless(text, EXACT_NUMBERS);
}
