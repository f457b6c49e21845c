import { EtlError } from '../etl-error.ts';
import { isExact } from './exact-number.ts';
import { mayHoldInexactNumber } from './long-number.ts';

export interface LosslessOptions {
  /** How an integer beyond ±(2⁵³ − 1) is given. @default 'bigint' */
  readonly integers?: 'bigint' | 'string' | undefined;
  /**
   * What every number becomes that a double would change, made of the number as it is written. For
   * those who have to tell such a number from text. Absent: see {@link parseLossless}.
   */
  readonly inexact?: ((source: string) => unknown) | undefined;
}

/**
 * `JSON.parse` that changes no number. A number that a double holds exactly as it is written is a
 * `number`; any other integer is a `bigint` (or its text), any other decimal is its text. So a
 * column of 64-bit ids may mix numbers and bigints, and a column of decimals numbers and text:
 * schemas should accept both, as `decimal()` does.
 *
 * Costs about as much as `JSON.parse` for a text whose numbers a double holds.
 *
 * @throws JSON_MALFORMED, whose message quotes nothing of the text.
 */
export function parseLossless(text: string, { integers = 'bigint', inexact }: LosslessOptions = {}): unknown {
  try {
    if (!mayHoldInexactNumber(text)) return JSON.parse(text);
    return parseWithSource(text, (_key: string, value: unknown, context: { source?: string }) =>
      typeof value === 'number' && context.source !== undefined
        ? exact(value, context.source, inexact ?? ((source) => inexactNumber(source, integers)))
        : value,
    );
  } catch (error) {
    throw malformed(error, text.length);
  }
}

/** `JSON.parse` with the errors of {@link parseLossless}. */
export function parsePlain(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(error, text.length);
  }
}

/** TypeScript's library does not know the third parameter yet; Node has it from version 21 on. */
const parseWithSource = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
) => unknown;

const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

/** `JSON.stringify` for what {@link parseLossless} gives: a `bigint` is written as the integer it is. */
export function losslessText(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? rawJSON(String(part)) : part));
}

/** {@link parseLossless} for a text that may not be JSON at all. */
export function tryParseJson(text: string): unknown {
  try {
    return parseLossless(text);
  } catch {
    return undefined;
  }
}

function exact(value: number, source: string, inexact: (source: string) => unknown): unknown {
  return isExact(source) ? value : inexact(source);
}

function inexactNumber(source: string, integers: 'bigint' | 'string'): unknown {
  return integers === 'bigint' && /^-?\d+$/.test(source) ? BigInt(source) : source;
}

/** V8's own message quotes the text around the mistake, which may be a secret or somebody's data. */
function malformed(error: unknown, length: number): EtlError {
  const [, position] = /position (\d+)/.exec(error instanceof Error ? error.message : '') ?? [];
  return new EtlError({
    code: 'JSON_MALFORMED',
    kind: 'data',
    message: `A text of ${length} characters is not JSON${position === undefined ? '' : ` from character ${position} on`}.`,
    hint: 'Look at what the platform answers; a page of a proxy or a body that was cut short looks like this.',
    context: { length, ...(position === undefined ? {} : { position: Number(position) }) },
  });
}
