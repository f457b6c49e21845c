import type { Slice } from '../slice.ts';
import type { PublishedSlice } from './published-slice.ts';
import { addSliceCounts, NO_SLICES, type SliceCounts } from './slice-counts.ts';

/** What one account brought of one stream. */
export interface AccountReport extends SliceCounts {
  readonly stream: string;
  /** The lane of the slices; empty where they have none. */
  readonly account: string;
  readonly slicesFailed: number;
  /** Rows that the published slices hold, the unchanged ones included. */
  readonly rows: number;
  /** First and last day of the published slices; absent where slices have no days. */
  readonly firstDay?: string;
  readonly lastDay?: string;
  /** How slices fall short of the whole truth, each flag once. See `RecordBatch.flags`. */
  readonly flags: readonly string[];
  /** From the first request to the commit, of all windows that ended well. */
  readonly durationMs: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Adds up what becomes of slices, per stream and account. */
export class AccountTally {
  readonly #reports = new Map<string, Writable<AccountReport>>();

  get reports(): readonly AccountReport[] {
    return [...this.#reports.values()];
  }

  published(stream: string, published: PublishedSlice): void {
    const { slice, rows, flags } = published;
    const report = this.#of(stream, slice.lane);
    Object.assign(report, addSliceCounts(report, published));
    report.rows += rows;
    report.flags = [...new Set([...report.flags, ...flags])].toSorted();
    const day = slice.scope?.days?.start;
    if (day === undefined) return;
    if (report.firstDay === undefined || day < report.firstDay) report.firstDay = day;
    if (report.lastDay === undefined || day > report.lastDay) report.lastDay = day;
  }

  failed(stream: string, slice: Slice): void {
    this.#of(stream, slice.lane).slicesFailed += 1;
  }

  took(stream: string, lane: string | undefined, durationMs: number): void {
    this.#of(stream, lane).durationMs += durationMs;
  }

  #of(stream: string, lane = ''): Writable<AccountReport> {
    const key = JSON.stringify([stream, lane]);
    const known = this.#reports.get(key);
    if (known !== undefined) return known;
    const counts = { ...NO_SLICES, slicesFailed: 0, rows: 0, durationMs: 0 };
    const report: Writable<AccountReport> = { stream, account: lane, ...counts, flags: [] };
    this.#reports.set(key, report);
    return report;
  }
}
