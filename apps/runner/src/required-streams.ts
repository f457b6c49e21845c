import type { OperationOptions, Source } from '@etl/core';
import { didYouMean } from './did-you-mean.ts';
import { UsageError } from './usage-error.ts';

/** A stream that is asked for by a name nobody has would otherwise be read as nothing, in silence. */
export async function requireStreams(
  source: Source,
  names: readonly string[],
  options: OperationOptions,
): Promise<void> {
  const known = (await source.discover(options)).map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const close = didYouMean(unknown, known);
  throw new UsageError({
    code: 'STREAM_UNKNOWN',
    message: `There is no stream ${unknown}${close === undefined ? '.' : `; did you mean ${close}?`}`,
    hint: `The streams are: ${known.join(', ')}.`,
  });
}
