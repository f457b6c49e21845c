import type { ApiCallEvent } from '../api-call.ts';
import type { DestinationSession } from '../destination.ts';
import type { SourceReadRequest } from '../source.ts';
import type { CallKeeper } from './call-keeper.ts';
import type { PipelineOptions } from './pipeline-options.ts';
import type { RunRecorder } from './run-recorder.ts';

/** What the two ways of running share. */
export interface PipelineRun {
  readonly options: PipelineOptions;
  readonly session: DestinationSession;
  readonly recorder: RunRecorder;
  readonly calls: CallKeeper;
  /** The caller's signal joined with the loss of the pipeline to another run. */
  readonly signal: AbortSignal;
  /** The run's clock. */
  readonly now: () => Date;
}

/** The part of a read request that is the same for every kind of source. */
export function readOptions(run: PipelineRun): SourceReadRequest {
  const { options, session, signal } = run;
  return {
    signal,
    logger: options.logger,
    tracer: options.tracer,
    onCall: callsOf(run, '', undefined),
    streams: options.streams,
    fullRefresh: options.fullRefresh,
    now: run.now(),
    deadline: options.deadline,
    maxRows: options.maxRows,
    follow: options.follow,
    memory: (stream: string) => ({
      get: (key: string) => session.readMemory(stream, key),
      set: session.writeMemory.bind(session, stream),
    }),
    quotaMemory: session.shared,
  };
}

/** Where calls for a stream and the lane of a slice are told. */
export function callsOf(
  { options, recorder, calls }: PipelineRun,
  stream: string,
  lane: string | undefined,
): (event: ApiCallEvent) => void {
  return (event) => {
    recorder.called(stream, lane ?? '', event);
    calls.called();
    options.onCall?.(event);
  };
}
