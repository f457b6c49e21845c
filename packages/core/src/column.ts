/**
 * The types every destination knows how to store, each with the JavaScript values that a row may
 * hold for it. Nothing is ever guessed through a double: whatever a number cannot hold exactly
 * travels as text or `bigint`.
 *
 * | type | values in a row |
 * |---|---|
 * | `boolean` | `boolean` |
 * | `int16` `int32` `int64` `uint32` `uint64` | safe integer, `bigint`, or its decimal text |
 * | `float32` `float64` | `number`, or its text (`NaN`, `Infinity`, `-Infinity` included) |
 * | `decimal` | decimal text; a `number` only when it has at most 15 significant digits |
 * | `string` | `string` |
 * | `uuid` | `string` in canonical form |
 * | `date` | `YYYY-MM-DD`, the source's own calendar day |
 * | `time` | `HH:MM:SS[.ffffff]` |
 * | `timestamp` | `Date`, or ISO 8601 text with at most microseconds; without an offset it is taken as UTC |
 * | `binary` | `Uint8Array` |
 * | `json` | JSON text |
 * | `array` | array of the values of `items` |
 * | `nested` | array of objects whose keys are the names of `fields` |
 */
export type ColumnType =
  | 'boolean'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'float32'
  | 'float64'
  | 'decimal'
  | 'string'
  | 'uuid'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'binary'
  | 'json'
  | 'array'
  | 'nested';

/** What a value is, without a name: a column, or the items of an array. */
export interface ValueSpec {
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** Total digits of a `decimal`, 1 to 76. Absent for every other type. */
  readonly precision?: number;
  /** Fraction digits of a `decimal`, at most its precision. Absent for every other type. */
  readonly scale?: number;
  /** What an `array` holds: a scalar. Absent for every other type. */
  readonly items?: ValueSpec;
  /** What every object of a `nested` column holds: scalars and arrays. Absent for every other type. */
  readonly fields?: readonly ColumnSpec[];
  /**
   * Where the objects of a `nested` column live: in the `row` of their parent (default), so that
   * nobody ever sees one without the other, or in a `table` of their own, which is loaded with the
   * parent's but becomes visible a moment apart. A destination without nested columns ignores it.
   */
  readonly storage?: 'row' | 'table';
  /** A `string` with few distinct values, which a column store may keep as a dictionary. */
  readonly lowCardinality?: boolean;
}

/** One column, independent of zod and of any destination's dialect. Plain data. */
export interface ColumnSpec extends ValueSpec {
  /** Name at the source. The destination normalises it and refuses two names that become one. */
  readonly name: string;
  readonly description?: string;
}
