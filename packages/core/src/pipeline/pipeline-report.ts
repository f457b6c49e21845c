import type { ApiCallTotals } from '../api-call.ts';
import type { LoadSummary, SchemaChange } from '../destination.ts';
import type { EtlError } from '../etl-error.ts';
import type { SourceHealth } from '../source-health.ts';
import type { AccountReport } from './account-report.ts';
import type { SliceCounts } from './slice-counts.ts';

/** Something that is not good after the run. Its data is as it was before, and it stays due. */
export interface PipelineFailure {
  readonly stream: string;
  /** Absent when the whole stream failed. */
  readonly slice?: string;
  readonly error: EtlError;
}

/** What one stream brought. */
export interface StreamReport extends SliceCounts {
  readonly stream: string;
  /** Rows staged and committed, rows that mark deletions included. */
  readonly rows: number;
  /** Slices that were due when the run began, those asked for included. */
  readonly slicesDue: number;
  /** Of them, those that the deadline has left unread. They stay due. */
  readonly slicesLeft: number;
}

/**
 * How a run ended: `ok`, everything due is good; `partial`, some of it is, `failures` names the rest
 * or the deadline has left it; `failed`, nothing that was due is good.
 */
export interface PipelineReport {
  readonly pipeline: string;
  readonly status: 'ok' | 'partial' | 'failed';
  readonly streams: readonly StreamReport[];
  /** The slices that were read, by stream and account; empty for a log. */
  readonly accounts: readonly AccountReport[];
  readonly failures: readonly PipelineFailure[];
  /** Whether the deadline came before the end of the work. */
  readonly isUnfinished: boolean;
  /** What was asked of the platform, as far as the source tells it. */
  readonly calls: readonly ApiCallTotals[];
  readonly loads: readonly LoadSummary[];
  readonly rolledForward: readonly LoadSummary[];
  readonly schemaChanges: readonly SchemaChange[];
  readonly rows: number;
  readonly durationMs: number;
  /** How the source's side stood after the run; absent where the source has nothing to say of it. */
  readonly sourceHealth?: SourceHealth;
}
