import type { LoadSummary, SchemaChange } from '../destination.ts';
import type { EtlError } from '../etl-error.ts';

/** Something that is not good after the run. Its data is as it was before, and it stays due. */
export interface PipelineFailure {
  readonly stream: string;
  /** Absent when the whole stream failed. */
  readonly slice?: string;
  readonly error: EtlError;
}

/** What one stream brought. */
export interface StreamReport {
  readonly stream: string;
  /** Rows staged and committed, rows that mark deletions included. */
  readonly rows: number;
  readonly slicesPublished: number;
}

/**
 * How a run ended: `ok`, everything due is good; `partial`, some of it is and `failures` names the
 * rest; `failed`, nothing that was due is good.
 */
export interface PipelineReport {
  readonly pipeline: string;
  readonly status: 'ok' | 'partial' | 'failed';
  readonly streams: readonly StreamReport[];
  readonly failures: readonly PipelineFailure[];
  readonly loads: readonly LoadSummary[];
  readonly rolledForward: readonly LoadSummary[];
  readonly schemaChanges: readonly SchemaChange[];
  readonly rows: number;
  readonly durationMs: number;
}
