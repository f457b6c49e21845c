import type { Destination } from '../destination.ts';
import type { OperationOptions } from '../operation-options.ts';
import type { DayRange } from '../slice.ts';
import type { Source } from '../source.ts';
import type { PipelineEvent } from './pipeline-event.ts';

export interface PipelineOptions extends OperationOptions {
  /** Unique per platform and group, such as `facebook_d1`. Names state, ledger and lock. */
  readonly name: string;
  readonly source: Source;
  readonly destination: Destination;
  /** Names of the streams to load; all when absent. */
  readonly streams?: readonly string[] | undefined;
  /** A backfill of exactly these days. */
  readonly days?: DayRange | undefined;
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
   * @default 200000
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
}
