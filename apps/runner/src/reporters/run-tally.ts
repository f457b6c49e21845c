import type { LoadSummary, PipelineEvent, PipelineFailure, SchemaChange } from '@etl/core';

/** What a run has done so far: all that is known of one that never came to its report. */
export class RunTally {
  readonly failures: PipelineFailure[] = [];
  readonly loads: LoadSummary[] = [];
  readonly rolledForward: LoadSummary[] = [];
  readonly schemaChanges: SchemaChange[] = [];

  /** Rows of the committed loads. */
  get rows(): number {
    return this.loads.flatMap(({ rowsWritten }) => Object.values(rowsWritten)).reduce((sum, rows) => sum + rows, 0);
  }

  apply(event: PipelineEvent): void {
    if (event.type === 'load-committed') this.loads.push(event.summary);
    else if (event.type === 'load-rolled-forward') this.rolledForward.push(event.summary);
    else if (event.type === 'schema-changed') this.schemaChanges.push(...event.changes);
    else if (event.type === 'stream-failed') this.failures.push({ stream: event.stream, error: event.error });
    else if (event.type === 'slice-failed') {
      this.failures.push({ stream: event.stream, slice: event.slice, error: event.error });
    }
  }
}
