import type { RunRecord } from '../destination.ts';
import { EtlError } from '../etl-error.ts';
import type { PipelineReport } from './pipeline-report.ts';
import { storedReason } from './stored-reason.ts';

/** Failures beyond this many are counted by the streams' slices, not kept one by one. */
export const MAX_FAILURES = 100;

export interface RunTimes {
  readonly startedAt: Date;
  readonly endedAt: Date;
}

/** Names a run within its pipeline; a later run has a greater one. */
export function runId(startedAt: Date): string {
  return startedAt.toISOString();
}

export function recordOf(report: PipelineReport, { startedAt, endedAt }: RunTimes): RunRecord {
  return {
    pipeline: report.pipeline,
    id: runId(startedAt),
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
    status: report.status,
    rows: report.rows,
    loads: report.loads.map(({ loadId }) => loadId),
    streams: report.streams,
    calls: report.calls,
    failures: report.failures.slice(0, MAX_FAILURES).map(({ stream, slice, error }) => ({
      stream,
      ...(slice === undefined ? {} : { slice }),
      ...storedReason(error),
    })),
  };
}

/** A run that ended with an error of its own, not with one of a slice or a stream. `signal`: what may stop it. */
export function recordOfEnd(
  report: PipelineReport,
  times: RunTimes,
  error: unknown,
  signal: AbortSignal | undefined,
): RunRecord {
  const isStopped =
    (error instanceof Error && error.name === 'AbortError') || (signal?.aborted === true && error === signal.reason);
  const { code, message } = storedReason(EtlError.from(error));
  const failure = isStopped
    ? { stream: '', code: 'RUN_STOPPED', message: 'The run was stopped from outside.' }
    : { stream: '', code, message };
  const record = recordOf(report, times);
  return { ...record, status: 'failed', failures: [failure, ...record.failures].slice(0, MAX_FAILURES) };
}
