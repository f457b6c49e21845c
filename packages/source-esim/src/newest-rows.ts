import type { Row } from '@etl/core';
import { ExactNumber } from './exact-value.ts';

/** A row of a dataset, and its moment in microseconds; 0 in a dataset without a watermark. */
export interface DatedRow {
  readonly row: Row;
  readonly at: bigint;
}

/** Rows of which only the newest of each key is kept; without a key, all. */
export class NewestRows {
  readonly #primaryKey: readonly string[];
  readonly #rows = new Map<string, DatedRow>();
  #added = 0;

  constructor(primaryKey: readonly string[]) {
    this.#primaryKey = primaryKey;
  }

  get size(): number {
    return this.#rows.size;
  }

  add(dated: DatedRow): void {
    this.#added += 1;
    const key = this.#keyOf(dated.row);
    const present = this.#rows.get(key);
    if (present === undefined || dated.at >= present.at) this.#rows.set(key, dated);
  }

  clear(): void {
    this.#rows.clear();
  }

  /** Takes over what of an earlier page came again, so that the earlier page no longer has it. */
  takeFrom(earlier: NewestRows): void {
    if (this.#primaryKey.length === 0) return;
    for (const [key, dated] of this.#rows) {
      const before = earlier.#rows.get(key);
      if (before === undefined) continue;
      if (before.at > dated.at) this.#rows.set(key, before);
      earlier.#rows.delete(key);
    }
  }

  *batches(size: number): Generator<readonly DatedRow[]> {
    const all = [...this.#rows.values()];
    for (let start = 0; start < all.length; start += size) yield all.slice(start, start + size);
  }

  #keyOf(row: Row): string {
    if (this.#primaryKey.length === 0) return String(this.#added);
    return JSON.stringify(this.#primaryKey.map((name) => textOf(row[name])));
  }
}

function textOf(value: unknown): string {
  return String(value instanceof ExactNumber ? value.text : value);
}
