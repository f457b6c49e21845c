import type { ApiCallEvent, ApiCallTotals } from '../api-call.ts';
import type { LoadSummary, SchemaChange } from '../destination.ts';
import type { EtlError } from '../etl-error.ts';
import type { Slice } from '../slice.ts';
import { AccountTally } from './account-report.ts';
import { ApiCallTally } from './api-call-tally.ts';
import { countByReason, type DueSlice } from './due-slices.ts';
import type { PipelineEvent } from './pipeline-event.ts';
import type { PipelineFailure, PipelineReport } from './pipeline-report.ts';
import type { PublishedSlice } from './published-slice.ts';
import { addSliceCounts, NO_SLICES, type SliceCounts } from './slice-counts.ts';

/** Turns what happens into events for reporters, and at the end into the report. */
export class RunRecorder {
  readonly #pipeline: string;
  readonly #onEvent: (event: PipelineEvent) => void;
  readonly #startedAt = performance.now();
  readonly #slices = new Map<string, SliceCounts>();
  readonly #due = new Map<string, number>();
  readonly #left = new Map<string, number>();
  readonly #streams = new Set<string>();
  readonly #failures: PipelineFailure[] = [];
  readonly #loads: LoadSummary[] = [];
  readonly #schemaChanges: SchemaChange[] = [];
  readonly #accounts = new AccountTally();
  readonly #calls: ApiCallTally;
  #rolledForward: readonly LoadSummary[] = [];
  #isUnfinished = false;

  constructor(
    pipeline: string,
    onEvent: ((event: PipelineEvent) => void) | undefined,
    now: () => Date = () => new Date(),
  ) {
    this.#pipeline = pipeline;
    this.#calls = new ApiCallTally(now);
    this.#onEvent = onEvent ?? (() => undefined);
  }

  rolledForward(summaries: readonly LoadSummary[]): void {
    this.#rolledForward = summaries;
    for (const summary of summaries) this.#onEvent({ type: 'load-rolled-forward', summary });
  }

  event(event: PipelineEvent): void {
    this.#onEvent(event);
  }

  streamSeen(stream: string): void {
    this.#streams.add(stream);
  }

  called(stream: string, account: string, event: ApiCallEvent): void {
    this.#calls.add(stream, account, event);
    if (event.type !== 'call-waiting') return;
    const { reason, waitMs, about } = event;
    this.#onEvent({ type: 'call-waiting', stream, account, reason, waitMs, ...(about === undefined ? {} : { about }) });
  }

  /** What was asked of the platform so far. */
  get calls(): readonly ApiCallTotals[] {
    return this.#calls.totals;
  }

  schemaChanged(stream: string, changes: readonly SchemaChange[]): void {
    if (changes.length === 0) return;
    this.#schemaChanges.push(...changes);
    this.#onEvent({ type: 'schema-changed', stream, changes });
  }

  slicesPlanned(stream: string, expected: number, due: readonly DueSlice[]): void {
    this.#due.set(stream, (this.#due.get(stream) ?? 0) + due.length);
    this.#onEvent({ type: 'slices-planned', stream, expected, due: countByReason(due) });
  }

  slicesLeft(stream: string, slices: number): void {
    this.#left.set(stream, (this.#left.get(stream) ?? 0) + slices);
  }

  /** A log that ended before everything was read. */
  unfinished(): void {
    this.#isUnfinished = true;
  }

  /** A window was read and published, all its slices with it. */
  windowPublished(stream: string, slices: readonly PublishedSlice[], durationMs: number): void {
    this.#accounts.took(stream, slices[0]?.slice.lane, durationMs);
    for (const published of slices) this.#slicePublished(stream, published, durationMs);
  }

  #slicePublished(stream: string, published: PublishedSlice, durationMs: number): void {
    const { slice, rows, isUnchanged, restated } = published;
    this.#accounts.published(stream, published);
    this.#slices.set(stream, addSliceCounts(this.#slices.get(stream) ?? NO_SLICES, published));
    const event = { type: 'slice-published', stream, slice: slice.key, rows, durationMs, isUnchanged } as const;
    this.#onEvent(restated === undefined ? event : { ...event, restated });
  }

  sliceFailed(stream: string, slice: Slice, error: EtlError): void {
    this.#accounts.failed(stream, slice);
    this.#failures.push({ stream, slice: slice.key, error });
    this.#onEvent({ type: 'slice-failed', stream, slice: slice.key, error });
  }

  streamFailed(stream: string, error: EtlError): void {
    this.#failures.push({ stream, error });
    this.#onEvent({ type: 'stream-failed', stream, error });
  }

  loadCommitted(summary: LoadSummary): void {
    this.#loads.push(summary);
    this.#onEvent({ type: 'load-committed', summary });
  }

  report(): PipelineReport {
    const rows = new Map<string, number>([...this.#streams].map((stream) => [stream, 0]));
    for (const load of this.#loads) {
      for (const [stream, count] of Object.entries(load.rowsWritten)) {
        rows.set(stream, (rows.get(stream) ?? 0) + count);
      }
    }
    const failed = new Set(this.#failures.filter(({ slice }) => slice === undefined).map(({ stream }) => stream));
    const goodStreams = [...rows.keys()].filter((stream) => !failed.has(stream));
    const slices = [...this.#slices.values()].reduce((sum, { slicesPublished }) => sum + slicesPublished, 0);
    const sliced = this.#failures.some(({ slice }) => slice !== undefined);
    const anyGood = sliced ? slices > 0 : goodStreams.length > 0;
    const isUnfinished = this.#isUnfinished || this.#left.size > 0;
    return {
      pipeline: this.#pipeline,
      status: this.#failures.length > 0 ? (anyGood ? 'partial' : 'failed') : isUnfinished ? 'partial' : 'ok',
      streams: [...rows].map(([stream, count]) => ({
        stream,
        rows: count,
        ...(this.#slices.get(stream) ?? NO_SLICES),
        slicesDue: this.#due.get(stream) ?? 0,
        slicesLeft: this.#left.get(stream) ?? 0,
      })),
      accounts: this.#accounts.reports,
      failures: this.#failures,
      isUnfinished,
      calls: this.#calls.totals,
      loads: this.#loads,
      rolledForward: this.#rolledForward,
      schemaChanges: this.#schemaChanges,
      rows: [...rows.values()].reduce((sum, count) => sum + count, 0),
      durationMs: performance.now() - this.#startedAt,
    };
  }
}
