import type { DestinationSession, LedgerEntry } from '../destination.ts';
import type { DayRange } from '../slice.ts';
import type { DueSlice } from './due-slices.ts';

const MEMORY_KEY = '_etl_backfill';

/** After this long a backfill of the same days is a new wish, not the rest of an old one. */
const MAX_AGE_MS = 7 * 86_400_000;

/**
 * A backfill of one stream. It remembers when it began, so that after a kill it goes on with what it
 * has not read yet instead of from the start.
 */
export interface Backfill {
  /** What of the asked slices it still has to read. */
  readonly due: readonly DueSlice[];
  /** To be called when all of them are good. */
  finish(): Promise<void>;
}

export async function beginBackfill(
  session: DestinationSession,
  stream: string,
  days: DayRange,
  asked: readonly DueSlice[],
  options: { readonly now: Date; readonly onlyMissing: boolean },
): Promise<Backfill> {
  const since = options.onlyMissing ? '' : await startOf(session, stream, days, options.now);
  // What was read by a clock that was ahead says nothing of when that was.
  const isSince = (readAt: number): boolean => readAt >= Date.parse(since) && readAt <= options.now.getTime();
  const isDone = (entry: LedgerEntry | undefined): boolean =>
    entry?.status === 'good' && (options.onlyMissing || isSince(Date.parse(entry.readAt)));
  return {
    due: asked.filter(({ previous }) => !isDone(previous)),
    finish: async () => {
      if (!options.onlyMissing) await session.writeMemory(stream, MEMORY_KEY, null);
    },
  };
}

async function startOf(session: DestinationSession, stream: string, days: DayRange, now: Date): Promise<string> {
  const known = (await session.readMemory(stream, MEMORY_KEY)) as
    | { readonly start: string; readonly end: string; readonly since: string }
    | undefined;
  const isSame = known?.start === days.start && known.end === days.end;
  if (isSame && now.getTime() - Date.parse(known.since) < MAX_AGE_MS) return known.since;
  const since = now.toISOString();
  await session.writeMemory(stream, MEMORY_KEY, { start: days.start, end: days.end, since });
  return since;
}
