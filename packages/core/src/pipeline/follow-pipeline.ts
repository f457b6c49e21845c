import { setTimeout as delay } from 'node:timers/promises';
import { EtlError, type ErrorKind } from '../etl-error.ts';
import { silentLogger } from '../operation-options.ts';
import type { LogFollow } from '../source.ts';
import type { PipelineOptions } from './pipeline-options.ts';
import type { PipelineReport } from './pipeline-report.ts';
import { runPipeline } from './run-pipeline.ts';

export interface FollowOptions extends Omit<PipelineOptions, 'follow' | 'deadline' | 'maxRows'> {
  /** Ends it in order: what is read is loaded up to the end of its transaction, then the promise resolves. */
  readonly stop: AbortSignal;
  /** When a load is due, whichever comes first. Larger loads cost less per row, smaller ones arrive earlier. */
  readonly flush?: Partial<Pick<LogFollow, 'flushRows' | 'flushBytes' | 'flushAgeMs'>> | undefined;
  /**
   * After this time one run ends and the next begins: tables that came or failed are looked at again, and
   * the run's record is kept.
   *
   * @default 900000 (15 minutes)
   */
  readonly roundMs?: number | undefined;
  /** Called after each run. Must not throw. */
  readonly onRound?: ((report: PipelineReport) => void) | undefined;
  /** Called before each wait for a source or destination that is down. Must not throw. */
  readonly onRetry?: ((retry: FollowRetry) => void) | undefined;
  /** Waits, injected by tests. Resolves early when the signal aborts. */
  readonly pause?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
  /** A number from 0 up to 1, injected by tests. */
  readonly random?: (() => number) | undefined;
}

/** See {@link FollowOptions.onRetry}. */
export interface FollowRetry {
  readonly error: EtlError;
  /** Failures since the last load that went well, this one included. */
  readonly attempt: number;
  readonly waitMs: number;
}

// A load of 1,000 rows costs four times as much per row as one of 100,000 (measured, 2026-11).
const FLUSH = { flushRows: 100_000, flushBytes: 32 * 1024 * 1024, flushAgeMs: 5000 };
const ROUND_MS = 900_000;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
const PASSING: ReadonlySet<ErrorKind> = new Set(['transient', 'rate-limit']);
/** A run that ended by itself sooner than this is not followed by the next at once. */
const SHORTEST_ROUND_MS = 1000;

/** See `followPipeline` of the engine. */
export async function followPipeline(options: FollowOptions): Promise<PipelineReport> {
  const { stop, flush, roundMs = ROUND_MS, onRound, onRetry, random = Math.random, pause = wait, ...rest } = options;
  const logger = options.logger ?? silentLogger;
  const follow: LogFollow = { stop, ...FLUSH, ...flush, roundMs };
  let isProven = false;
  let attempt = 0;
  const onEvent: PipelineOptions['onEvent'] = (event) => {
    if (event.type === 'checkpoint-acknowledged') {
      isProven = true;
      attempt = 0;
    }
    options.onEvent?.(event);
  };
  for (;;) {
    const startedAt = performance.now();
    try {
      const report = await runPipeline({
        ...rest,
        // The first checkpoint has forgotten the positions of all that is to be read anew: the state says what is left.
        fullRefresh: isProven ? undefined : rest.fullRefresh,
        onEvent,
        follow,
      });
      onRound?.(report);
      if (stop.aborted) return report;
      if (performance.now() - startedAt < SHORTEST_ROUND_MS) await pause(SHORTEST_ROUND_MS, stop);
    } catch (error) {
      const failure = EtlError.from(error);
      const isOver = options.signal?.aborted === true || stop.aborted;
      if (isOver || !isProven || !PASSING.has(failure.kind)) throw error;
      attempt += 1;
      const waitMs = Math.round(waitOf(failure, attempt, random));
      logger.warn({ reason: failure.code, attempt, waitMs }, 'trying again after a failure');
      onRetry?.({ error: failure, attempt, waitMs });
      await pause(waitMs, options.signal === undefined ? stop : AbortSignal.any([stop, options.signal]));
      options.signal?.throwIfAborted();
      if (stop.aborted) throw error;
    }
  }
}

/** Full jitter: any wait up to the exponential limit, so that many who wait for one server do not come at once. */
function waitOf(error: EtlError, attempt: number, random: () => number): number {
  const limit = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt - 1, 16));
  return Math.max(error.retryAfterMs ?? 0, random() * limit, 100);
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    // The wait is over early.
  }
}
