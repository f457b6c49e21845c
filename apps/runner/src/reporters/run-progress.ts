import type { PipelineEvent } from '@etl/core';

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
}

/** Keeps the newest of every stream, for reporters that show it from time to time. */
export class RunProgress {
  readonly #streams = new Map<string, StreamProgress>();
  readonly #now: () => number;
  committedLoads = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get streams(): readonly StreamProgress[] {
    return [...this.#streams.values()];
  }

  get writtenRows(): number {
    return this.streams.reduce((sum, { writtenRows }) => sum + writtenRows, 0);
  }

  apply(event: PipelineEvent): void {
    if (event.type === 'load-committed') this.committedLoads += 1;
    if (!('stream' in event)) return;
    const progress = this.#of(event.stream);
    if (event.type === 'stream-progressed') {
      progress.phase = event.phase;
      progress.phaseRows = event.rows;
      progress.expectedRows = event.expectedRows;
    } else if (event.type === 'batch-written') {
      progress.writtenRows += event.rows;
    } else if (event.type === 'stream-failed') {
      progress.failed = true;
    }
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
    };
    this.#streams.set(stream, progress);
    return progress;
  }
}

/** `41,000 of 110,000 rows`, `about 37 %` left to the eye. */
export function progressText(progress: StreamProgress, number: (value: number) => string): string {
  const phase = progress.phase === undefined ? '' : `${progress.phase}  `;
  const rows = Math.max(progress.phaseRows, progress.writtenRows);
  const expected = progress.expectedRows;
  if (expected === undefined || expected < rows) return `${phase}${number(rows)} rows`;
  return `${phase}${number(rows)} of ${number(expected)} rows`;
}
