/**
 * Rows as bytes: the same rows as a `records` message, in the form in which most databases keep them, so that
 * nobody prints a value and nobody parses it. For a source that has its values so anyway, as PostgreSQL's COPY has.
 *
 * One row after the other, without anything between them or before the first; in a row the fields in the order of
 * `columns`. In front of the value of a column that may be NULL (`nullable`, not an array, and not of the primary key)
 * stands a byte: 1 for NULL, which ends the field, or 0. The value, numbers with their lowest byte first:
 *
 * | type | bytes |
 * |---|---|
 * | `boolean` | one: 0 or 1 |
 * | `int16` `int32` `int64` `uint32` `uint64` | two, four or eight, two's complement |
 * | `float32` `float64` | four or eight, IEEE 754; of what is no number the highest bits but the sign: `7fc00000`, `7ff8000000000000` |
 * | `decimal` | the number without its point (of scale 2: 1250 for `12.50`), two's complement: four up to a precision of 9, eight up to 18, sixteen up to 38, else thirty-two |
 * | `string` `json` `time` | how many follow, as LEB128, and so many of UTF-8: text as in a `TextBatch`, without escapes |
 * | `binary` | how many follow, as LEB128, and so many |
 * | `uuid` | its first eight, the last one first, then its last eight, the last one first |
 * | `date` | four: days since 1970-01-01, two's complement |
 * | `timestamp` | eight: microseconds since 1970-01-01 00:00:00 UTC, two's complement |
 * | `array` | how many items follow, as LEB128, and these, a byte for NULL in front of each if items may be NULL; where the array itself is NULL, none |
 * | `nested` | has no such form: a stream with such a column is given as rows |
 *
 * The source owes all of it, and nobody can check afterwards: that text is UTF-8, days are from 1900-01-01 to
 * 2299-12-31, decimals are within their precision.
 */
export interface BinaryBatch {
  /** What each field is: every column of the stream once, in any order. */
  readonly columns: readonly string[];
  /** Whole rows. The source may use the memory again when it is asked for its next message. */
  readonly bytes: Uint8Array;
  /** Number of rows. */
  readonly rowCount: number;
  /** Version of every row: only streams with versions are given so. */
  readonly version: bigint;
  /** See `TextBatch.lane`. */
  readonly lane?: number;
  /** See `TextBatch.isLaneEnd`. */
  readonly isLaneEnd?: boolean;
}
