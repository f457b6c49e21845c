import type { DestinationSession, RunRecord } from '../destination.ts';
import { EtlError } from '../etl-error.ts';
import { silentLogger, type OperationOptions } from '../operation-options.ts';
import { CallKeeper } from './call-keeper.ts';
import type { PipelineOptions } from './pipeline-options.ts';
import type { PipelineReport } from './pipeline-report.ts';
import type { PipelineRun } from './pipeline-run.ts';
import { Preparation } from './preparation.ts';
import { runLog } from './run-log.ts';
import { runSlices } from './run-slices.ts';
import type { SourceHealth } from '../source-health.ts';
import { withLeftFailures } from './left-failures.ts';
import { recordOf, recordOfEnd, runId } from './run-record.ts';
import { RunRecorder } from './run-recorder.ts';

/** See `runPipeline` of the engine. */
export async function runPipeline(options: PipelineOptions): Promise<PipelineReport> {
  const logger = (options.logger ?? silentLogger).child({ pipeline: options.name });
  const now = options.now ?? (() => new Date());
  const recorder = new RunRecorder(options.name, options.onEvent, now);
  const startedAt = now();
  const operation = { signal: options.signal, logger, tracer: options.tracer };
  const preparation = new Preparation(options.source, operation);
  // A log that is followed is begun again and again while its source is down: the destination is spared that.
  if (options.follow !== undefined) await preparation.ended();
  const session = await openSession(options, operation, preparation);
  const signal = options.signal === undefined ? session.lost : AbortSignal.any([options.signal, session.lost]);
  const calls = new CallKeeper(session, runId(startedAt), () => recorder.calls, { now, logger });
  const run: PipelineRun = { options: { ...options, logger }, session, recorder, calls, signal, now };
  try {
    recorder.rolledForward(session.rolledForward);
    signal.throwIfAborted();
    await preparation.ended(session.lost);
    await (options.source.plan === undefined ? runLog(run) : runSlices(run));
    recorder.event({ type: 'loads-ended' });
    await optimize(run);
    const health = await sourceHealth(run);
    const report = { ...recorder.report(), ...(health === undefined ? {} : { sourceHealth: health }) };
    await keepRecord(run, recordOf(report, { startedAt, endedAt: now() }), report.isUnfinished);
    return report;
  } catch (error) {
    await keepRecord(run, recordOfEnd(recorder.report(), { startedAt, endedAt: now() }, error, options.signal), true);
    throw error;
  } finally {
    await preparation[Symbol.asyncDispose]();
    await session[Symbol.asyncDispose]();
  }
}

/** Opens the destination, for a while also when the source has failed already: so that there is who records it. */
async function openSession(
  { destination, name, lockWaitMs }: PipelineOptions,
  operation: OperationOptions,
  preparation: Preparation,
): Promise<DestinationSession> {
  const signals = [preparation.isTooLate, ...(operation.signal === undefined ? [] : [operation.signal])];
  try {
    return await destination.open(name, { ...operation, signal: AbortSignal.any(signals), waitMs: lockWaitMs });
  } catch (error) {
    try {
      await preparation.ended();
    } catch (reason) {
      operation.signal?.throwIfAborted();
      const { code } = EtlError.from(error);
      if (error !== reason) operation.logger?.warn({ err: code }, 'the destination was not opened either');
      throw reason;
    }
    throw error;
  }
}

// It tells what the run was; it never changes what the run was.
async function keepRecord(run: PipelineRun, record: RunRecord, isEarly: boolean): Promise<void> {
  const { options, session, calls } = run;
  await calls.settled();
  if (session.lost.aborted) return;
  try {
    await session.writeRun(await withLeftFailures(run, record, isEarly));
  } catch (error) {
    options.logger?.warn({ err: EtlError.from(error).code }, 'the record of the run was not kept');
  }
}

// The rows are committed: that the source says nothing of itself takes nothing back.
async function sourceHealth({ options, signal }: PipelineRun): Promise<SourceHealth | undefined> {
  try {
    return await options.source.health?.({ signal, logger: options.logger, tracer: options.tracer });
  } catch (error) {
    signal.throwIfAborted();
    options.logger?.warn({ err: EtlError.from(error).code }, 'the source did not say how it stands');
    return undefined;
  }
}

// The rows are committed: whatever goes wrong here makes them slower to read, never wrong.
async function optimize({ options, session, recorder, signal }: PipelineRun): Promise<void> {
  try {
    const merges = await session.optimize?.({ signal, logger: options.logger, tracer: options.tracer });
    if (merges !== undefined && merges.length > 0) recorder.event({ type: 'tables-merged', merges });
  } catch (error) {
    signal.throwIfAborted();
    options.logger?.warn({ err: EtlError.from(error).code }, 'tables were not merged');
  }
}
