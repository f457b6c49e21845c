import type { Checkpoint, StateEntry } from '@etl/core';

/** The entries that the next checkpoint will carry. */
export class CheckpointDraft {
  readonly #entries = new Map<string, StateEntry>();

  set(entry: StateEntry): void {
    this.#entries.set(JSON.stringify([entry.stream, entry.partition]), entry);
  }

  take(): Checkpoint {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    return { entries };
  }
}
