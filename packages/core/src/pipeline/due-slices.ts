import type { LedgerEntry } from '../destination.ts';
import type { Slice } from '../slice.ts';

/** Expected slices minus those that are good and were read after the platform stopped restating them. */
export function dueSlices(expected: readonly Slice[], ledger: readonly LedgerEntry[]): readonly Slice[] {
  const entries = new Map(ledger.map((entry) => [entry.slice, entry]));
  return expected.filter((slice) => {
    const entry = entries.get(slice.key);
    if (entry?.status !== 'good' || slice.settledAt === undefined) return true;
    // Anything that is not a time compares as false: such a slice stays due.
    return !(Date.parse(entry.readAt) >= Date.parse(slice.settledAt));
  });
}
