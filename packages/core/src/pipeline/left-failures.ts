import type { RunRecord } from '../destination.ts';
import type { PipelineRun } from './pipeline-run.ts';
import { MAX_FAILURES } from './run-record.ts';

/**
 * The record with what was not good of streams that the run was not asked for, or did not get to: as the run before
 * left them. Else a run of one stream that is good would hide all others that are not.
 */
export async function withLeftFailures({ options }: PipelineRun, record: RunRecord): Promise<RunRecord> {
  if (options.streams === undefined && record.status !== 'failed') return record;
  const view = await options.destination.inspect({ signal: options.signal, logger: options.logger });
  const [before] = await view.readRuns(options.name, 1);
  const seen = new Set([...(options.streams ?? []), ...record.streams.map(({ stream }) => stream), '']);
  const left = (before?.failures ?? []).filter(({ stream }) => !seen.has(stream));
  return {
    ...record,
    status: record.status === 'ok' && left.length > 0 ? 'partial' : record.status,
    failures: [...record.failures, ...left].slice(0, MAX_FAILURES),
  };
}
