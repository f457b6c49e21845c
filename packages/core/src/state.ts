import type { JsonValue } from './json.ts';

/**
 * One position of a pipeline. State is keyed, never one blob: a load carries only the entries that
 * it moved, so loads of different streams cannot overwrite each other's progress.
 */
export interface StateEntry {
  /** Stream the position belongs to; empty for a position of the whole source, such as an LSN. */
  readonly stream: string;
  /** What of the stream: an account, a slot, or empty. */
  readonly partition: string;
  /** The position. `null` forgets the entry. */
  readonly value: JsonValue;
}

/** A point up to which everything was yielded; safe to store once those rows are durable. */
export interface Checkpoint {
  /** The entries that moved since the checkpoint before. */
  readonly entries: readonly StateEntry[];
}

/** The newest entry per (stream, partition), later ones winning; those that forget included. */
export function newestEntries(entries: Iterable<StateEntry>): readonly StateEntry[] {
  const newest = new Map<string, StateEntry>();
  for (const entry of entries) newest.set(JSON.stringify([entry.stream, entry.partition]), entry);
  return [...newest.values()];
}

/** The value stored for (stream, partition), or `undefined`. */
export function findState(entries: readonly StateEntry[], stream: string, partition: string): JsonValue | undefined {
  return entries.findLast((entry) => entry.stream === stream && entry.partition === partition)?.value;
}
