import type { PipelineEvent } from '@etl/core';
import { OpenWindows, windowText, type WindowProgress } from './open-windows.ts';

/** How far one stream is. */
export interface StreamProgress {
  readonly stream: string;
  /** What is being done, as the source names it; absent before it says so. */
  phase: string | undefined;
  /** Rows read in this phase, as the source counts them. */
  phaseRows: number;
  expectedRows: number | undefined;
  /** Rows handed to the destination in this run. */
  writtenRows: number;
  /** When the stream was first heard of, as milliseconds of the monotonic clock. */
  readonly startedAt: number;
  failed: boolean;
  /** Slices that are due in this run; 0 for a log. */
  due: number;
  /** Of them, those whose fate is known. */
  done: number;
  /** Reads under way. */
  windows: readonly WindowProgress[];
}

/** Keeps the newest of every stream, for reporters that show it from time to time. */
export class RunProgress {
  readonly #streams = new Map<string, StreamProgress>();
  readonly #windows: OpenWindows;
  readonly #now: () => number;
  readonly #startedAt: number;
  #areLoadsEnded = false;
  committedLoads = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#startedAt = now();
    this.#windows = new OpenWindows(now);
  }

  get streams(): readonly StreamProgress[] {
    return [...this.#streams.values()];
  }

  /** Those that something is done for. */
  get active(): readonly StreamProgress[] {
    return this.#areLoadsEnded ? [] : this.streams.filter(isInProgress);
  }

  get writtenRows(): number {
    return this.streams.reduce((sum, { writtenRows }) => sum + writtenRows, 0);
  }

  /** Whether nothing is in progress because it is done: tables are tidied up and the run is recorded. */
  get isEnding(): boolean {
    const { streams } = this;
    if (this.#areLoadsEnded) return true;
    return streams.some(({ due }) => due > 0) ? !streams.some(isInProgress) : this.committedLoads > 0;
  }

  /** Since the run began, waits included. */
  get rowsPerSecond(): number {
    return (this.writtenRows / Math.max(1, this.#now() - this.#startedAt)) * 1000;
  }

  /** Returns the read that has ended with this event. */
  apply(event: PipelineEvent): WindowProgress | undefined {
    if (event.type === 'load-committed') this.committedLoads += 1;
    // Whoever follows a log begins anew after it.
    this.#areLoadsEnded = event.type === 'loads-ended' || (this.#areLoadsEnded && !('stream' in event));
    // The calls of a source's plan are for no stream.
    if (!('stream' in event) || event.type === 'call-waiting') return undefined;
    const progress = this.#of(event.stream);
    const ended = this.#windows.apply(event);
    progress.windows = this.#windows.of(event.stream);
    if (event.type === 'stream-progressed') {
      progress.phase = event.phase;
      progress.phaseRows = event.rows;
      progress.expectedRows = event.expectedRows;
    } else if (event.type === 'batch-written') {
      progress.writtenRows += event.rows;
    } else if (event.type === 'stream-failed') {
      progress.failed = true;
    } else if (event.type === 'slices-planned') {
      progress.due += Object.values(event.due).reduce((sum, slices) => sum + slices, 0);
    } else if (event.type === 'slice-published' || event.type === 'slice-failed') {
      progress.done += 1;
    }
    return ended;
  }

  #of(stream: string): StreamProgress {
    const known = this.#streams.get(stream);
    if (known !== undefined) return known;
    const progress: StreamProgress = {
      stream,
      phase: undefined,
      phaseRows: 0,
      expectedRows: undefined,
      writtenRows: 0,
      startedAt: this.#now(),
      failed: false,
      due: 0,
      done: 0,
      windows: [],
    };
    this.#streams.set(stream, progress);
    return progress;
  }
}

/** `41,000 of 110,000 rows`, `slice 5 of 24 · account_id=1/2026-11-01 · 1,200 rows`. */
export function progressText(progress: StreamProgress, number: (value: number) => string): string {
  if (progress.due > 0) return sliceProgressText(progress, number);
  const phase = progress.phase === undefined ? '' : `${progress.phase}  `;
  const rows = Math.max(progress.phaseRows, progress.writtenRows);
  const expected = progress.expectedRows;
  if (expected === undefined || expected < rows) return `${phase}${number(rows)} rows`;
  return `${phase}${number(rows)} of ${number(expected)} rows`;
}

function sliceProgressText(
  { due, done, windows, writtenRows, phase }: StreamProgress,
  number: (value: number) => string,
): string {
  const reading = windows.reduce((sum, { slices }) => sum + slices, 0);
  const next = done + 1;
  const last = Math.min(due, done + Math.max(1, reading));
  const which =
    last > next
      ? `slices ${number(next)}–${number(last)} of ${number(due)}`
      : `slice ${number(next)} of ${number(due)}`;
  const [first] = windows;
  const others = windows.length > 1 ? ` and ${number(windows.length - 1)} more` : '';
  const what = first === undefined ? 'waiting for its lane' : `${windowText(first)}${others}`;
  const doing = phase === undefined || first === undefined ? [] : [phase];
  return [which, what, ...doing, ...(writtenRows === 0 ? [] : [`${number(writtenRows)} rows`])].join(' · ');
}

/** `1,240 rows/s`. */
export function rateText({ rowsPerSecond }: RunProgress, number: (value: number) => string): string {
  return `${number(Math.round(rowsPerSecond))} rows/s`;
}

function isInProgress({ writtenRows, phase, failed, due, done }: StreamProgress): boolean {
  if (failed) return false;
  return due > 0 ? done < due : writtenRows > 0 || phase !== undefined;
}
