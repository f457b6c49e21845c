import type { LoadPackage, SchemaChange } from '../destination.ts';
import type { SourceDrift } from '../source.ts';

/** Hands a drift that the source found to the destination, where it keeps such; gives back what is reported. */
export async function recordedDrift(load: LoadPackage, stream: string, drift: SourceDrift): Promise<SchemaChange> {
  const recorded = await load.recordDrift?.(stream, drift);
  return recorded ?? { type: 'drift-found', stream, table: stream, ...drift };
}
