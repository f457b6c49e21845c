import type { ComparableSource, SourceContent } from '../content.ts';
import { EtlError } from '../etl-error.ts';
import type { StreamSpec } from '../stream-spec.ts';
import { compareContent, type StreamComparison } from './compare-content.ts';
import type { PipelineOptions } from './pipeline-options.ts';
import type { PipelineFailure, PipelineReport } from './pipeline-report.ts';
import { runPipeline } from './run-pipeline.ts';

export interface VerifyOptions extends Omit<
  PipelineOptions,
  'source' | 'follow' | 'maxRows' | 'deadline' | 'fullRefresh' | 'days' | 'onlyMissing' | 'acceptShrink'
> {
  readonly source: ComparableSource;
  /**
   * Most differing rows to name per stream.
   *
   * @default 20
   */
  readonly maxDifferences?: number | undefined;
  /** Called when a stream has been compared. Must not throw. */
  readonly onCompared?: ((comparison: StreamComparison) => void) | undefined;
}

export interface VerifyReport {
  readonly pipeline: string;
  readonly isEqual: boolean;
  /** Where both sides were compared, see `SourceContent.position`. */
  readonly position: string;
  readonly streams: readonly StreamComparison[];
  /** Streams that could not be compared, because they could not be brought to the position. */
  readonly failures: readonly PipelineFailure[];
  /** The run that brought the destination there. */
  readonly run: PipelineReport;
  readonly durationMs: number;
}

/** A table that is copied anew stands beyond the position; a new look at the source finds it right. */
const ATTEMPTS = 3;

/** See `verifyPipeline` of the engine. */
export async function verifyPipeline(options: VerifyOptions): Promise<VerifyReport> {
  const startedAt = performance.now();
  for (let attempt = 1; ; attempt += 1) {
    const content = await options.source.openContent({ signal: options.signal, logger: options.logger });
    try {
      const run = await runPipeline({ ...options, source: content.source });
      const compared = await compareAt(content, options, run, attempt === ATTEMPTS);
      if (compared === undefined) continue;
      const { streams, failures } = compared;
      return {
        pipeline: options.name,
        isEqual: failures.length === 0 && streams.every(({ isEqual }) => isEqual),
        position: content.position,
        streams,
        failures,
        run,
        durationMs: performance.now() - startedAt,
      };
    } finally {
      await content[Symbol.asyncDispose]();
    }
  }
}

/** `undefined`: some streams stand beyond the position, and another attempt may find them at it. */
async function compareAt(
  content: SourceContent,
  options: VerifyOptions,
  run: PipelineReport,
  isLast: boolean,
): Promise<Pick<VerifyReport, 'streams' | 'failures'> | undefined> {
  const { signal, logger } = options;
  const session = await options.destination.open(options.name, { signal, logger, waitMs: options.lockWaitMs });
  try {
    const reader = session.readContent?.();
    if (reader === undefined) throw unsupported(options.destination.name);
    const state = await session.readState();
    const wanted = content.streams.filter(({ name }) => options.streams?.includes(name) ?? true);
    if (wanted.length === 0) throw nothingToCompare();
    const failed = new Map(run.failures.map((failure) => [failure.stream, failure]));
    const isReached = ({ name }: StreamSpec): boolean => content.isReached(state, name);
    const others = wanted.filter((stream) => !isReached(stream) && !failed.has(stream.name));
    if (others.length > 0 && !isLast) return undefined;
    const streams: StreamComparison[] = [];
    const failures = [...run.failures, ...others.map(({ name }) => ({ stream: name, error: overtaken(name) }))];
    for (const stream of wanted.filter(isReached)) {
      signal?.throwIfAborted();
      session.lost.throwIfAborted();
      try {
        const comparison = await compareContent(content, reader, stream, {
          maxDifferences: options.maxDifferences ?? 20,
          signal: session.lost,
        });
        streams.push(comparison);
        options.onCompared?.(comparison);
      } catch (error) {
        signal?.throwIfAborted();
        failures.push({ stream: stream.name, error: EtlError.from(error) });
      }
    }
    return { streams, failures };
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

function overtaken(stream: string): EtlError {
  return new EtlError({
    code: 'VERIFY_OVERTAKEN',
    kind: 'transient',
    message: `${stream} did not stand at the position of the comparison: another run loaded it, or it was copied anew again and again.`,
    hint: 'Compare again when no other run is at work.',
    context: { stream },
  });
}

/** Nothing differs between nothing and nothing, but nobody asks for that. */
function nothingToCompare(): EtlError {
  return new EtlError({
    code: 'VERIFY_EMPTY',
    kind: 'config',
    message: 'There is no stream to compare.',
    hint: 'Look at the tables that the group and the command name; `etl discover` lists those that there are.',
  });
}

function unsupported(destination: string): EtlError {
  return new EtlError({
    code: 'VERIFY_UNSUPPORTED',
    kind: 'config',
    message: `The destination ${destination} cannot be compared.`,
  });
}
