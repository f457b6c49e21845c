import type { BinaryBatch } from './binary-batch.ts';
import type { EtlError } from './etl-error.ts';
import type { OperationOptions } from './operation-options.ts';
import type { Row } from './row.ts';
import type { DayRange, Slice } from './slice.ts';
import type { SourceHealth } from './source-health.ts';
import type { SliceExpectation, SliceGate } from './slice-gate.ts';
import type { Checkpoint, StateEntry } from './state.ts';
import type { StreamMemory, WhenSettled } from './stream.ts';
import type { StreamSpec } from './stream-spec.ts';
import type { TextBatch } from './text-batch.ts';

/**
 * What a source tells the engine, in order.
 *
 * Obligations: the `schema` of a stream comes before its first rows and again whenever it changes;
 * rows come before the checkpoint that covers them; between two checkpoints a load can be cut
 * nowhere, so a transaction must not span one; the last message of a log is a checkpoint.
 */
export type SourceMessage =
  | { readonly type: 'schema'; readonly stream: StreamSpec }
  | {
      readonly type: 'records';
      readonly stream: string;
      /** Key of the slice that the rows belong to; absent for a log. */
      readonly slice?: string;
      readonly rows: readonly Row[];
    }
  /** Rows as text; only when the request says that the destination takes them. */
  | {
      readonly type: 'text-records';
      readonly stream: string;
      readonly batch: TextBatch;
    }
  /** Rows as bytes; only when the request says that the destination takes them. */
  | {
      readonly type: 'binary-records';
      readonly stream: string;
      readonly batch: BinaryBatch;
    }
  /** Everything of the slice was yielded. */
  | {
      readonly type: 'slice-completed';
      readonly stream: string;
      readonly slice: Slice;
      /** What the platform itself says the slice holds; absent when it does not say. */
      readonly expected?: SliceExpectation;
      /** See `RecordBatch.flags`. */
      readonly flags?: readonly string[];
    }
  /** The table is empty from here on; rows that follow are its whole content. */
  | { readonly type: 'truncate'; readonly stream: string }
  /**
   * The source itself is not as somebody reviewed it, and goes on nevertheless: for the report, and
   * for what the destination keeps of changed schemas.
   */
  | { readonly type: 'drift-found'; readonly stream: string; readonly drift: SourceDrift }
  /**
   * The stream cannot go on in this run: the rows of it that are not committed yet are given up,
   * other streams go on, and the run ends partial. Where the source's position moves on without
   * those rows, its next checkpoint must carry an entry of the stream that makes a later run read
   * the whole stream anew.
   */
  | { readonly type: 'stream-failed'; readonly stream: string; readonly error: EtlError }
  /** For people only: how far a long read is. */
  | {
      readonly type: 'progress';
      readonly stream: string;
      readonly phase: string;
      readonly rows: number;
      /** Rows to expect in all; absent when nobody knows. */
      readonly expectedRows?: number;
    }
  | { readonly type: 'checkpoint'; readonly checkpoint: Checkpoint };

/** What of a source differs from what was reviewed. */
export interface SourceDrift {
  /** What differs, as a noun: `schema version`. */
  readonly property: string;
  readonly declared: string;
  readonly actual: string;
}

/**
 * Reads back the rows that the destination holds for `keys`, as of everything yielded so far, the
 * open load included. The answer is aligned with `keys`; `undefined` where no live row has the key.
 * A log needs it for values that the log leaves out because they did not change.
 */
export type RowLookup = (
  stream: string,
  keys: readonly Row[],
  columns: readonly string[],
) => Promise<readonly (Row | undefined)[]>;

/**
 * How a log is read on when its end is reached. Every checkpoint of such a reading is stored, as a load where there
 * are rows; one comes
 * at the first possible place (for a database: the end of a transaction) at which one of the limits is
 * reached, and from time to time when there are no rows, so that the source may forget what was read.
 */
export interface LogFollow {
  /** Ends the reading in order, at the next possible place and with a last checkpoint. */
  readonly stop: AbortSignal;
  readonly flushRows: number;
  readonly flushBytes: number;
  /** Longest time in which a row waits for its checkpoint, milliseconds. */
  readonly flushAgeMs: number;
  /**
   * After it the reading ends as if it had been stopped, milliseconds. It may end earlier, when the source
   * wants to be read anew: a table came, or has to be copied.
   */
  readonly roundMs: number;
}

export interface SourceReadRequest extends OperationOptions {
  /** Positions of the last committed load. Empty on the first run. */
  readonly state?: readonly StateEntry[] | undefined;
  /** Names of the streams to read; all when absent. */
  readonly streams?: readonly string[] | undefined;
  /**
   * Read the named streams, or all, from the start whatever `state` says of them. `state` still says
   * where all others stand. The first checkpoint of a log forgets the positions of them all, so that a reading that
   * ends early is completed by one that is not asked for it again.
   */
  readonly fullRefresh?: boolean | undefined;
  /** The slices to read, by stream, for a source that has slices. */
  readonly slices?: Readonly<Record<string, readonly Slice[]>> | undefined;
  readonly days?: DayRange | undefined;
  readonly now?: Date | undefined;
  /** When the run stops beginning new work; a log ends at the first checkpoint after it. */
  readonly deadline?: Date | undefined;
  /**
   * A log gives a checkpoint at the first possible place after this many rows, where the engine may end
   * the reading. Absent: where it suits the source.
   */
  readonly maxRows?: number | undefined;
  /** A log is read on when its end is reached. Absent: it is read to the end that it has now. */
  readonly follow?: LogFollow | undefined;
  /** Memory of a stream; absent when the source is used without an engine. */
  readonly memory?: ((stream: string) => StreamMemory) | undefined;
  /** See `ReadRequest.quotaMemory`. */
  readonly quotaMemory?: StreamMemory | undefined;
  /** Whether `text-records` are understood, which is asked of a log only. Absent: every row is to be given as a row. */
  readonly acceptsText?: boolean | undefined;
  /** Whether `binary-records` are understood, as {@link SourceReadRequest.acceptsText}. */
  readonly acceptsBinary?: boolean | undefined;
  /** Absent when the source is used without a destination. */
  readonly lookup?: RowLookup | undefined;
  /** See {@link WhenSettled}. Absent when nothing is loaded, and for a log. */
  readonly whenSettled?: WhenSettled | undefined;
}

/** The expected slices of one stream. */
export interface StreamSlices {
  readonly stream: StreamSpec;
  /** In the order in which they are best read. */
  readonly slices: readonly Slice[];
  /** How many consecutive days of one scope a single read may serve. Default: 1. */
  readonly windowDays?: number;
  readonly gate?: SliceGate;
  /** Why the stream's slices could not be found out; the stream then fails alone. */
  readonly problem?: EtlError;
}

/** What a reading of a log would do with one stream. */
export interface StreamOutlook {
  readonly stream: string;
  /** `copy`: all its rows are read, then what has changed meanwhile. `changes`: only what has changed. */
  readonly begins: 'copy' | 'changes';
  /** Why a stream that was read before is copied again. */
  readonly reason?: string;
  /** Rows to copy as the source estimates them without counting; absent where it has no idea. */
  readonly estimatedRows?: number;
}

/**
 * Anything rows can be pulled from. Build it from streams with `defineSource`; implement it
 * directly when many tables share one position, as in a replication log.
 */
export interface Source extends AsyncDisposable {
  readonly specificationVersion: 'v1';
  /** Lowercase noun of the platform: `facebook`, `ga4`, `pg`. */
  readonly name: string;
  /** `false` where no stream has days, so that nobody can ask for a backfill. Absent: some may have. */
  readonly hasDays?: boolean;
  /** Cheapest calls that prove address, credentials and permissions. Throws what has to be fixed. */
  check(options?: OperationOptions): Promise<void>;
  /** The streams as they are now at the source. */
  discover(options?: OperationOptions): Promise<readonly StreamSpec[]>;
  /**
   * Called once a run, while the destination is being opened: what has to be looked after even when the
   * destination is down. Throws what must end the run, before anything is read.
   */
  prepare?(options?: OperationOptions): Promise<void>;
  /** How the source's side of the pipeline stands: what it keeps for us, and for how long. Changes nothing. */
  health?(options?: OperationOptions): Promise<SourceHealth>;
  /**
   * What a reading of a log would do now, with the stored positions and the streams of the request. Reads no rows
   * and changes nothing. Throws what would end the reading.
   */
  outlook?(request?: SourceReadRequest): Promise<readonly StreamOutlook[]>;
  /** What should exist, per stream. Absent for a log, which has positions instead. */
  plan?(request?: SourceReadRequest): Promise<readonly StreamSlices[]>;
  /**
   * Reads to the end that the source had when the call began. Pulling slowly is back-pressure. A
   * source with slices may be asked for several at the same time, one a call; a slice that is asked
   * for may be a window: several consecutive slices of its plan in one.
   */
  read(request?: SourceReadRequest): AsyncIterable<SourceMessage>;
  /**
   * Called when everything up to the checkpoint is durable at the destination, in order, never
   * earlier. A replication source confirms its LSN here. Must be safe to repeat.
   */
  acknowledge?(checkpoint: Checkpoint, options?: OperationOptions): Promise<void>;
}
