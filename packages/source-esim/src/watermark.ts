import type { Row } from '@etl/core';
import { datasetError } from './dataset-error.ts';
import type { DatasetState } from './dataset-state.ts';
import { microsecondsOf } from './exact-value.ts';
import type { Dataset } from './manifest.ts';

/**
 * How far a dataset was read. Moments are compared as microseconds, never as text: the API may write
 * one moment with any offset and any number of digits.
 */
export class Watermark {
  /** Newest moment that earlier runs have read; absent where everything has to be read. */
  readonly through: bigint | undefined;
  readonly #dataset: Dataset;
  #newest: bigint;

  constructor(dataset: Dataset, before: DatasetState, isAfresh: boolean) {
    this.#dataset = dataset;
    const isOther = before.field !== (dataset.watermark ?? null);
    this.through = isAfresh || isOther || before.through === null ? undefined : BigInt(before.through);
    this.#newest = this.through ?? 0n;
  }

  /** Newest moment that was read, earlier runs included. */
  get newest(): bigint {
    return this.#newest;
  }

  /** Where reading begins again: rows that are committed late are dated before what was read then. */
  startOf(overlapSeconds: number): bigint | undefined {
    return this.through === undefined ? undefined : this.through - BigInt(overlapSeconds) * 1_000_000n;
  }

  /** @throws `ESIM_WATERMARK_INVALID` (data). */
  momentOf(row: Row): bigint {
    const { name, watermark } = this.#dataset;
    if (watermark === undefined) return 0n;
    const value = row[watermark];
    const at = typeof value === 'string' ? microsecondsOf(value) : undefined;
    if (at !== undefined) return at;
    throw datasetError(
      'ESIM_WATERMARK_INVALID',
      'data',
      name,
      `has a row whose ${watermark} is no time`,
      'Ask whoever runs the API.',
    );
  }

  saw(at: bigint): void {
    if (at > this.#newest) this.#newest = at;
  }

  /** What to store. A row that is dated into the future must not hide what comes before it. */
  reached(now: Date): string | null {
    if (this.#dataset.watermark === undefined) return null;
    const latest = BigInt(now.getTime()) * 1000n;
    const reached = this.#newest > latest ? latest : this.#newest;
    if (reached === 0n) return null;
    return String(this.through !== undefined && this.through > reached ? this.through : reached);
  }
}
