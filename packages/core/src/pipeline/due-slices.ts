import type { LedgerEntry } from '../destination.ts';
import type { Slice } from '../slice.ts';

/**
 * Why a slice has to be read: it never was (`new`, or `gap` when later slices of its lane were), its
 * last attempt `failed`, the platform may still restate it (`unsettled`), or somebody `asked` for it.
 */
export type DueReason = 'new' | 'gap' | 'failed' | 'unsettled' | 'asked';

export interface DueSlice {
  readonly slice: Slice;
  readonly reason: DueReason;
  /** What the ledger says of it; absent when it was never attempted. */
  readonly previous?: LedgerEntry;
}

/** Expected slices minus those that are good and were read after the platform stopped restating them. */
export function dueSlices(expected: readonly Slice[], ledger: readonly LedgerEntry[], now: Date): readonly DueSlice[] {
  const entries = new Map(ledger.map((entry) => [entry.slice, entry]));
  const newest = newestGoodDays(expected, entries);
  const due: DueSlice[] = [];
  for (const slice of expected) {
    const previous = entries.get(slice.key);
    if (previous === undefined) due.push({ slice, reason: isGap(slice, newest) ? 'gap' : 'new' });
    else if (previous.status === 'failed') due.push({ slice, reason: 'failed', previous });
    else if (!isSettled(slice, previous, now)) due.push({ slice, reason: 'unsettled', previous });
  }
  return due;
}

/** Every expected slice, because somebody asked for it. */
export function askedSlices(expected: readonly Slice[], ledger: readonly LedgerEntry[]): readonly DueSlice[] {
  const entries = new Map(ledger.map((entry) => [entry.slice, entry]));
  return expected.map((slice) => {
    const previous = entries.get(slice.key);
    return { slice, reason: 'asked', ...(previous === undefined ? {} : { previous }) };
  });
}

/** How many slices are due, by reason. */
export function countByReason(due: readonly DueSlice[]): Readonly<Partial<Record<DueReason, number>>> {
  const counts: Partial<Record<DueReason, number>> = {};
  for (const { reason } of due) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

// Anything that is not a time compares as false: such a slice stays due. So does one that was read at a time
// that has not come yet: the clock of that run was ahead, and nobody knows what it was in truth.
function isSettled(slice: Slice, { readAt }: LedgerEntry, now: Date): boolean {
  const at = Date.parse(readAt);
  return slice.settledAt !== undefined && at >= Date.parse(slice.settledAt) && at <= now.getTime();
}

function newestGoodDays(
  expected: readonly Slice[],
  entries: ReadonlyMap<string, LedgerEntry>,
): ReadonlyMap<string, string> {
  const newest = new Map<string, string>();
  for (const slice of expected) {
    const day = slice.scope?.days?.start;
    if (day === undefined || entries.get(slice.key)?.loadedAt === undefined) continue;
    const place = placeOf(slice);
    if (day > (newest.get(place) ?? '')) newest.set(place, day);
  }
  return newest;
}

function isGap(slice: Slice, newest: ReadonlyMap<string, string>): boolean {
  const day = slice.scope?.days?.start;
  return day !== undefined && day < (newest.get(placeOf(slice)) ?? '');
}

function placeOf(slice: Slice): string {
  return JSON.stringify(Object.entries(slice.scope?.equals ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
}
