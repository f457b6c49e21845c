import type { Slice } from '../slice.ts';

/** What one account brought of one stream. */
export interface AccountReport {
  readonly stream: string;
  /** The lane of the slices; empty where they have none. */
  readonly account: string;
  readonly slicesPublished: number;
  /** Of them, those that were there before just as they are. */
  readonly slicesUnchanged: number;
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

  published(
    stream: string,
    slice: Slice,
    {
      rows,
      isUnchanged,
      flags,
    }: { readonly rows: number; readonly isUnchanged: boolean; readonly flags: readonly string[] },
  ): void {
    const report = this.#of(stream, slice.lane);
    report.slicesPublished += 1;
    if (isUnchanged) report.slicesUnchanged += 1;
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
    const counts = { slicesPublished: 0, slicesUnchanged: 0, slicesFailed: 0, rows: 0, durationMs: 0 };
    const report: Writable<AccountReport> = { stream, account: lane, ...counts, flags: [] };
    this.#reports.set(key, report);
    return report;
  }
}
