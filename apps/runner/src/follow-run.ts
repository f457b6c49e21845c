import { followPipeline, type FollowOptions, type PipelineEvent, type PipelineReport } from '@etl/core';
import type { CommandContext } from './command-context.ts';
import { count, duration } from './quantity.ts';
import type { Reporter } from './reporters/reporter.ts';
import { timeOfDay } from './time-of-day.ts';

/** How long a run that was stopped may take to load what it has read. */
const GRACE_MS = 60_000;

export interface FollowRunOptions extends Omit<FollowOptions, 'stop' | 'signal' | 'onEvent' | 'onRound' | 'onRetry'> {
  readonly subject: string;
  readonly reporter: Reporter;
  readonly onEvent: (event: PipelineEvent) => void;
  /** Called after each run of the many that this is. */
  readonly onRound: (report: PipelineReport) => Promise<void>;
}

/**
 * Follows a log until the command is stopped. The first SIGINT or SIGTERM ends it in order; what takes longer
 * than a minute then is given up, which loses nothing.
 *
 * @returns the report of the last run, with the rows of all.
 */
export async function followRun(
  { terminal, signal: stop }: Pick<CommandContext, 'terminal' | 'signal'>,
  { subject, reporter, onEvent, onRound, ...options }: FollowRunOptions,
): Promise<PipelineReport> {
  const startedAt = performance.now();
  const giveUp = new AbortController();
  let grace: NodeJS.Timeout | undefined;
  stop.addEventListener('abort', () => (grace = setTimeout(() => giveUp.abort(stop.reason), GRACE_MS)), { once: true });
  let rows = 0;
  const rounds: Promise<void>[] = [];
  try {
    const last = await followPipeline({
      ...options,
      stop,
      signal: giveUp.signal,
      onEvent(event) {
        onEvent(event);
        // A load every few seconds is told of in sum.
        if (event.type !== 'load-committed') reporter.event(event);
      },
      onRound(report) {
        rows += report.rows;
        rounds.push(onRound(report));
        if (stop.aborted) return;
        const health = report.sourceHealth === undefined ? '' : `, ${report.sourceHealth.summary}`;
        terminal.say(
          `${timeOfDay()} ${subject}: ${count(report.rows, 'row')} in ${count(report.loads.length, 'load')} in ${duration(report.durationMs)}${health}`,
        );
      },
      onRetry: ({ error, attempt, waitMs }) =>
        terminal.say(
          `${timeOfDay()} ${subject}: ${error.message} (${error.code}); attempt ${attempt + 1} in ${duration(waitMs)}`,
        ),
    });
    await Promise.all(rounds);
    return { ...last, rows, durationMs: performance.now() - startedAt };
  } finally {
    clearTimeout(grace);
  }
}
