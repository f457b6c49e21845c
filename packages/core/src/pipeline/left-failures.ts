import type { RunRecord } from '../destination.ts';
import { EtlError } from '../etl-error.ts';
import type { PipelineRun } from './pipeline-run.ts';
import { MAX_FAILURES } from './run-record.ts';

/**
 * The record with what was not good before of streams that this run says nothing of: those that it was not asked for,
 * and all that it does not fail itself when it ended early. Else a run of one stream that is good would hide all others
 * that are not.
 */
export async function withLeftFailures(run: PipelineRun, record: RunRecord, isEarly: boolean): Promise<RunRecord> {
  const { streams } = run.options;
  if (streams === undefined && !isEarly) return record;
  const known = new Set(['', ...record.failures.map(({ stream }) => stream), ...(isEarly ? [] : (streams ?? []))]);
  const left: RunRecord['failures'][number][] = [];
  for (const failure of (await lastRecord(run))?.failures ?? []) {
    if (known.has(failure.stream)) continue;
    known.add(failure.stream);
    left.push(failure);
  }
  return {
    ...record,
    status: record.status === 'ok' && left.length > 0 ? 'partial' : record.status,
    failures: [...record.failures.slice(0, MAX_FAILURES - left.length), ...left],
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
