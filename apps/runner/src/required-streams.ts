import { silentLogger, type Logger, type OperationOptions, type Source } from '@etl/core';
import { didYouMean } from './did-you-mean.ts';
import { UsageError } from './usage-error.ts';

/**
 * A stream that is asked for by a name nobody has would otherwise be read as nothing, in silence. One that is
 * there and cannot be read passes: the run names it with the reason.
 */
export async function requireStreams(
  source: Source,
  names: readonly string[],
  options: OperationOptions,
): Promise<void> {
  const unreadable = new Set<unknown>();
  const logger: Logger = { ...silentLogger, warn: ({ stream }) => void unreadable.add(stream) };
  const known = (await source.discover({ ...options, logger })).map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name) && !unreadable.has(name));
  if (unknown === undefined) return;
  const close = didYouMean(unknown, known);
  throw new UsageError({
    code: 'STREAM_UNKNOWN',
    message: `There is no stream ${unknown}${close === undefined ? '.' : `; did you mean ${close}?`}`,
    hint: `The streams are: ${known.join(', ')}.`,
  });
}
