// The engine is imported when it is first used: whoever makes a connector, or only reads an error, needs none of it.
import type { FollowOptions } from './follow-pipeline.ts';
import type { PipelineOptions } from './pipeline-options.ts';
import type { PipelinePlan, PlanOptions } from './plan-pipeline.ts';
import type { PipelineReport } from './pipeline-report.ts';
import type { VerifyOptions, VerifyReport } from './verify-pipeline.ts';

/**
 * Loads what is due from a source into a destination.
 *
 * Rows become visible only as whole loads, together with the positions and ledger entries that
 * belong to them; a source is acknowledged only after that. One failing slice or stream never stops
 * the others: it is named in the report, its old rows stay, and it stays due. Killed at any
 * instruction, the next call with the same name ends with the same tables.
 *
 * @throws the signal's reason when aborted, and `EtlError` when nothing could be done at all:
 * source or destination unreachable, pipeline held by another run, position unusable.
 */
export async function runPipeline(options: PipelineOptions): Promise<PipelineReport> {
  const engine = await import('./run-pipeline.ts');
  return engine.runPipeline(options);
}

/** Says what {@link runPipeline} would read now; reads no rows, takes no pipeline, writes nothing. */
export async function planPipeline(options: PlanOptions): Promise<PipelinePlan> {
  const engine = await import('./plan-pipeline.ts');
  return engine.planPipeline(options);
}

/**
 * Compares the destination with the source at one and the same position, whoever writes meanwhile: takes a
 * look at the source that stays the same, loads everything up to exactly there, holds the pipeline so that
 * nothing more can be loaded, and lets each side compute digests of what it holds.
 *
 * @throws `VERIFY_UNSUPPORTED` (config) when the destination cannot be compared, `VERIFY_EMPTY` (config) when
 * there is no stream to compare, `VERIFY_OVERTAKEN`
 * (transient) when other runs load on and on, and as `runPipeline` does.
 */
export async function verifyPipeline(options: VerifyOptions): Promise<VerifyReport> {
  const engine = await import('./verify-pipeline.ts');
  return engine.verifyPipeline(options);
}

/**
 * Reads a log on and on: one run after the other, each to be trusted as any run is, until `stop` aborts.
 *
 * A source or destination that goes down while it works (`transient`, `rate-limit`) is waited for, with
 * exponential backoff and full jitter up to a minute; meanwhile nothing is read, held in memory or
 * acknowledged. What fails before the first load, or position, was stored ends it, and so does every other kind of error.
 *
 * @returns the report of the last run.
 * @throws as `runPipeline` does.
 */
export async function followPipeline(options: FollowOptions): Promise<PipelineReport> {
  const engine = await import('./follow-pipeline.ts');
  return engine.followPipeline(options);
}
