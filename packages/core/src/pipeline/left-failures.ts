import type { RunRecord } from '../destination.ts';
import { EtlError } from '../etl-error.ts';
import type { PipelineRun } from './pipeline-run.ts';
import { MAX_FAILURES } from './run-record.ts';

/**
 * The record with what was not good of streams that the run was not asked for, or did not get to: as the run before
 * left them. Else a run of one stream that is good would hide all others that are not.
 */
export async function withLeftFailures(run: PipelineRun, record: RunRecord): Promise<RunRecord> {
  const { options } = run;
  if (options.streams === undefined && record.status !== 'failed') return record;
  const before = await lastRecord(run);
  const seen = new Set([...(options.streams ?? []), ...record.streams.map(({ stream }) => stream), '']);
  const left = (before?.failures ?? []).filter(({ stream }) => !seen.has(stream));
  return {
    ...record,
    status: record.status === 'ok' && left.length > 0 ? 'partial' : record.status,
    failures: [...record.failures, ...left].slice(0, MAX_FAILURES),
  };
}

/** Also of a run that was stopped, and what cannot be read does not keep the record from being kept. */
async function lastRecord({ options: { destination, name, logger } }: PipelineRun): Promise<RunRecord | undefined> {
  try {
    const view = await destination.inspect({ logger });
    return (await view.readRuns(name, 1))[0];
  } catch (error) {
    logger?.warn({ err: EtlError.from(error).code }, 'what the run before had left was not found');
    return undefined;
  }
}
