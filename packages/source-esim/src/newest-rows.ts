import type { Row } from '@etl/core';
import { datasetError } from './dataset-error.ts';
import { exactJson, ExactNumber } from './exact-value.ts';
import type { Dataset } from './manifest.ts';

type RowsDataset = Pick<Dataset, 'name' | 'primaryKey' | 'watermark'>;

/** A row of a dataset, and its moment in microseconds; 0 in a dataset without a watermark. */
export interface DatedRow {
  readonly row: Row;
  readonly at: bigint;
}

/**
 * Rows of which only the newest of each key is kept; without a key, all. Without a watermark nothing tells
 * which of two rows is newer: they have to be the same.
 */
export class NewestRows {
  readonly #dataset: RowsDataset;
  readonly #primaryKey: readonly string[];
  readonly #rows = new Map<string, DatedRow>();
  #added = 0;

  constructor(dataset: RowsDataset) {
    this.#dataset = dataset;
    this.#primaryKey = dataset.primaryKey;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** @throws `ESIM_KEY_NOT_UNIQUE` (data). */
  add(dated: DatedRow): void {
    this.#added += 1;
    const key = this.#keyOf(dated.row);
    const present = this.#rows.get(key);
    if (present !== undefined) this.#requireSame(present.row, dated.row);
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
      this.#requireSame(before.row, dated.row);
      if (before.at > dated.at) this.#rows.set(key, before);
      earlier.#rows.delete(key);
    }
  }

  *batches(size: number): Generator<readonly DatedRow[]> {
    const all = [...this.#rows.values()];
    for (let start = 0; start < all.length; start += size) yield all.slice(start, start + size);
  }

  #requireSame(one: Row, other: Row): void {
    const { name, watermark, primaryKey } = this.#dataset;
    if (watermark !== undefined || exactJson(one) === exactJson(other)) return;
    throw datasetError(
      'ESIM_KEY_NOT_UNIQUE',
      'data',
      name,
      `has two different rows with one primary key (${primaryKey.join(', ')})`,
      'Ask whoever runs the API: the key lacks a column, or rows moved between pages while they were read.',
    );
  }

  #keyOf(row: Row): string {
    if (this.#primaryKey.length === 0) return String(this.#added);
    return JSON.stringify(this.#primaryKey.map((name) => textOf(row[name])));
  }
}

function textOf(value: unknown): string {
  return String(value instanceof ExactNumber ? value.text : value);
}
