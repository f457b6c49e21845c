import type { PipelineEvent, PipelineReport } from '@etl/core';

/** Which run it is, for the first and the last line. */
export interface RunHeading {
  /** `pg shop`. */
  readonly subject: string;
  readonly pipeline: string;
  /** Name of the destination. */
  readonly destination: string;
  /** `clickhouse travel at host:8443 (shop)`. */
  readonly target: string;
  /** What was asked for besides what is due, a line each: `backfill 2026-11-01 … 2026-11-08 (8 days)`. */
  readonly asked?: readonly string[];
}

/** Tells somebody how a run goes. */
export interface Reporter {
  started(): void;
  event(event: PipelineEvent): void;
  ended(report: PipelineReport, exitCode: number): void;
  /** Stops timers and leaves the terminal tidy, also when the run never came to its end. */
  close(): void;
}
