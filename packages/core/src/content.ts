import type { OperationOptions } from './operation-options.ts';
import type { Source } from './source.ts';
import type { StateEntry } from './state.ts';
import type { StreamSpec } from './stream-spec.ts';

/**
 * What one side holds of a stream, in digests that it computes by itself, so that two sides can be compared
 * without moving their rows. Both sides have to agree on every byte of this:
 *
 * **The text of a value**, by the type of its column; NULL is empty:
 *
 * | type | text |
 * |---|---|
 * | `boolean` | `t`, `f` |
 * | integers | decimal digits, `-` in front |
 * | `float32` `float64` | the IEEE 754 bits as 8 or 16 lower-case hexadecimal digits; `NaN` for all of its forms |
 * | `decimal` | digits with exactly `scale` decimals |
 * | `date` | `YYYY-MM-DD` |
 * | `timestamp` | `YYYY-MM-DD HH:MM:SS` in UTC, then, unless they are all zero, `.` and the microseconds without zeros at the end |
 * | `uuid` `time` | as they are |
 * | `binary` | lower-case hexadecimal digits |
 * | `string` `json` | as they are |
 * | `array` | the number of items, `[`, the field of each item, `]`; `0[]` for NULL too, which not every destination can tell from an empty one |
 *
 * **The field of a value**: of `string`, `binary` and `array` the length of the text in bytes (nothing for NULL), `:`
 * and the text; of all others, in which no `|` can be taken for another's end, the text. Then `|`.
 *
 * **The text of a row**: the fields of its columns in the order of the spec. **Of its key**: the fields of
 * the key columns in the order of the key.
 *
 * **The bucket of a row**, of 2^n: where the key is one integer, take its remainder by 2147483629 (of a division that
 * rounds towards zero), times 2654435769, of that the lowest 32 bits, and of these the highest n: ids that come in
 * steps, or carry a shard in their lowest bits, are spread as well. For every other key the highest n bits of the MD5
 * of its text. `n` is at most 16.
 *
 * Two buckets with other rows have the same digest by chance once in 2^64, and two values once in 2^128. It is no
 * proof against somebody who makes up values to that end: MD5 is not.
 */
export interface ContentReader {
  /** Rows of the stream, about; for choosing a number of buckets. */
  estimateRows(stream: StreamSpec): Promise<number>;
  /**
   * For each bucket that holds rows: how many, and the exclusive or of the first 64 bits of the MD5 of the
   * texts of its rows, as a signed decimal number.
   */
  readBuckets(stream: StreamSpec, bits: number): Promise<ReadonlyMap<number, ContentBucket>>;
  /**
   * Per column the sum of the first 32 bits of the MD5 of its values' fields, each taken as a signed number.
   */
  readColumns(stream: StreamSpec): Promise<ReadonlyMap<string, string>>;
  /** The rows of some buckets: text of the key's columns, and for every column the whole MD5 of the value's field. */
  readRows(stream: StreamSpec, buckets: readonly number[], bits: number): Promise<readonly ContentRow[]>;
}

export interface ContentBucket {
  readonly rows: number;
  readonly digest: string;
}

export interface ContentRow {
  /** Texts of the key's columns, in the order of the key. */
  readonly key: readonly string[];
  /** In the order of the columns, 32 lower-case hexadecimal digits each. */
  readonly digests: readonly string[];
}

/** The content of a source at one position that does not move while it is open. */
export interface SourceContent extends ContentReader, AsyncDisposable {
  /** Names the position to people: `LSN 0/16B3748`. */
  readonly position: string;
  /** The streams that there are at the position. */
  readonly streams: readonly StreamSpec[];
  /** Reads exactly up to the position. */
  readonly source: Source;
  /** Whether a pipeline with this state has the stream exactly as it is at the position. */
  isReached(state: readonly StateEntry[], stream: string): boolean;
}

/** A source that can be compared has this. */
export interface ComparableSource extends Source {
  /** Takes a look at the source that stays the same, whoever writes meanwhile. */
  openContent(options?: OperationOptions): Promise<SourceContent>;
}
