import type { Destination } from '../destination.ts';
import type { OperationOptions } from '../operation-options.ts';
import type { DayRange } from '../slice.ts';
import type { LogFollow, Source } from '../source.ts';
import type { PipelineEvent } from './pipeline-event.ts';

export interface PipelineOptions extends OperationOptions {
  /** Unique per platform and group, such as `facebook_d1`. Names state, ledger and lock. */
  readonly name: string;
  readonly source: Source;
  readonly destination: Destination;
  /** Names of the streams to load; all when absent. */
  readonly streams?: readonly string[] | undefined;
  /**
   * A backfill: after what is due, the slices of exactly these days are read again. Killed, the next
   * run with the same days goes on where it ended.
   */
  readonly days?: DayRange | undefined;
  /** Let a backfill skip slices that are good. */
  readonly onlyMissing?: boolean | undefined;
  /** Publish slices although they have far fewer rows than before, see `SliceGate.maxShrink`. */
  readonly acceptShrink?: boolean | undefined;
  /**
   * From this moment on no further slice is begun, and a log ends at its next checkpoint. What is
   * under way is completed; what is left stays due and is counted in the report.
   */
  readonly deadline?: Date | undefined;
  /**
   * A log ends at the first checkpoint after this many rows; whole transactions only. What is left is said
   * in the report. Has no meaning for slices.
   */
  readonly maxRows?: number | undefined;
  /** A log is read on when its end is reached, see `LogFollow`; `followPipeline` does so again and again. */
  readonly follow?: LogFollow | undefined;
  /**
   * Most windows that are read at the same time; of one lane never more than one.
   *
   * @default 4
   */
  readonly concurrency?: number | undefined;
  /**
   * Reads one account, that is one lane, after the other, and pauses so long in between, in
   * milliseconds. For platforms whose quotas nothing in their answers tells of.
   *
   * @default 0, accounts are read next to each other
   */
  readonly accountDelayMs?: number | undefined;
  /**
   * Read the named streams, or all, from the start. Tables of a log are replaced as a whole, not
   * emptied first; slices are read again whatever the ledger says, and those that are no longer
   * expected keep their rows.
   */
  readonly fullRefresh?: boolean | undefined;
  /** Called in order and must not throw. */
  readonly onEvent?: ((event: PipelineEvent) => void) | undefined;
  /**
   * A log is committed at the first checkpoint after this many rows. More rows are cheaper per row,
   * fewer arrive earlier.
   *
   * @default 1000000
   */
  readonly commitEveryRows?: number | undefined;
  /**
   * How long to wait when another run holds the pipeline.
   *
   * @default what the destination says
   */
  readonly lockWaitMs?: number | undefined;
  /** Clock, injected by tests. Default: the machine's. */
  readonly now?: (() => Date) | undefined;
  /** Waits, or rejects with the reason of the signal; injected by tests. Default: with a timer. */
  readonly pause?: ((durationMs: number, signal: AbortSignal) => Promise<void>) | undefined;
}
