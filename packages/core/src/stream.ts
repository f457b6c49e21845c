import type { z } from 'zod';
import type { JsonValue } from './json.ts';
import type { OperationOptions } from './operation-options.ts';
import type { Row } from './row.ts';
import type { DayRange, Slice } from './slice.ts';
import type { SliceExpectation, SliceGate } from './slice-gate.ts';
import type { StreamSpec } from './stream-spec.ts';

/** A zod object whose output is one row of a stream. */
export type RowSchema = z.ZodObject;

/**
 * What a stream must remember although its load may fail: submitted report ids, learned splits,
 * pacing. A `set` is durable when it resolves. It is never a cursor: losing it may cost calls, never
 * rows.
 */
export interface StreamMemory {
  get(key: string): Promise<JsonValue | undefined>;
  /** `null` forgets the key. */
  set(key: string, value: JsonValue): Promise<void>;
}

/** What the engine, or someone using the stream alone, asks of a stream. Everything is optional. */
export interface ReadRequest extends OperationOptions {
  /** Read exactly these days: a backfill. Absent: what the stream expects by itself. */
  readonly days?: DayRange | undefined;
  /** Now, for everything that depends on it; injected so that tests own the clock. Default: the machine's. */
  readonly now?: Date | undefined;
  /** When the run stops beginning new work. A read that cannot end before it should give up early. */
  readonly deadline?: Date | undefined;
  /** Absent when the stream is used alone; it then forgets at its end. */
  readonly memory?: StreamMemory | undefined;
  /**
   * What is known of quotas, for whoever uses the same token: every stream of every pipeline of the
   * destination. Its keys are made by `quotaKey` of `@etl/core/http`, never of a token itself. Absent
   * where nothing is shared.
   */
  readonly quotaMemory?: StreamMemory | undefined;
  /** What the destination holds of rows of this stream. Absent when it is used without a destination. */
  readonly lookup?: StreamLookup | undefined;
  /** See {@link WhenSettled}. Absent when nothing is loaded. */
  readonly whenSettled?: WhenSettled | undefined;
}

/**
 * Has work done after the load of what is read now: once it is published, or refused for what it is.
 * Not when the run is stopped or dies, nor when the service or the destination fails: then it is read
 * again, and what was remembered for it is still of use.
 */
export type WhenSettled = (work: () => Promise<void>) => void;

/**
 * Reads back the rows that the destination holds for `keys`, as of everything yielded so far. The
 * answer is aligned with `keys`; `undefined` where no live row has the key. With it a stream need not
 * ask the platform again for what has not changed.
 */
export type StreamLookup = (keys: readonly Row[], columns: readonly string[]) => Promise<readonly (Row | undefined)[]>;

/** Rows in the order in which the platform gave them. */
export interface RecordBatch<TRow extends Row = Row> {
  readonly rows: readonly TRow[];
  /** What the platform itself says the slice holds; what several batches say adds up. */
  readonly expected?: SliceExpectation | undefined;
  /**
   * How the slice falls short of the whole truth although it is what the platform gives: `sampled`,
   * `thresholded`, `other-row`, `provisional`, `unfetched:<field>`. Kept in the ledger.
   */
  readonly flags?: readonly string[] | undefined;
  /** For people only, while there are no rows: what a long read waits for, and how far it is. */
  readonly progress?: string | undefined;
}

/** One logical table of a source. Made with `defineStream`; usable without engine or destination. */
export interface Stream<TRow extends Row = Row> {
  readonly spec: StreamSpec;
  readonly schema: RowSchema;
  /** How many consecutive days of one scope a single {@link Stream.read} may serve. Default: 1. */
  readonly windowDays?: number;
  /** What a slice must satisfy before it takes the place of its earlier version. */
  readonly gate?: SliceGate;
  /** The slices that should exist as of `request.now`, in the order in which they are best read. */
  slices(request?: ReadRequest): Promise<readonly Slice[]>;
  /**
   * Reads one slice, or a window of consecutive days that is given as one slice, to its end; a stream that is not sliced reads everything when `slice` is
   * absent. Ending without an error promises that the slice is complete. Stops soon after
   * `signal` aborts by throwing its reason.
   */
  read(slice?: Slice, request?: ReadRequest): AsyncIterable<RecordBatch<TRow>>;
}

/** The row type of a stream. */
export type InferRow<TStream> = TStream extends Stream<infer TRow> ? TRow : never;
