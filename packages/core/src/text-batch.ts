/**
 * Rows as text: the same rows as a `records` message, without a JavaScript value for each of them.
 * For a source that has such text anyway, as PostgreSQL's COPY has.
 *
 * One line per row, each ending in a newline; fields separated by tabs, in the order of `columns`;
 * UTF-8. `\N` as a whole field is NULL. Within a field a backslash, tab, newline, carriage return,
 * backspace, form feed and vertical tab are written `\\ \t \n \r \b \f \v`; there are no other
 * escapes. What a field says, after these are undone, for each type of column:
 *
 * | type | text |
 * |---|---|
 * | `boolean` | `t` or `f` |
 * | `int16` `int32` `int64` `uint32` `uint64` | decimal digits, `-` in front |
 * | `float32` `float64` | digits, with fraction and exponent (`1.5e-7`); `NaN`, `Infinity`, `-Infinity` |
 * | `decimal` | digits with a fraction: `-12.50`; no exponent |
 * | `string` | any text; an empty field is empty text |
 * | `json` | JSON text |
 * | `uuid` | canonical form |
 * | `date` | `YYYY-MM-DD` |
 * | `time` | `HH:MM:SS[.ffffff]` |
 * | `timestamp` | `YYYY-MM-DD HH:MM:SS[.ffffff]`, `T` for the space allowed, with `Z`, `±HH`, `±HHMM`, `±HH:MM` or, for UTC, nothing behind it |
 * | `binary` | `\x` and two hexadecimal digits per byte (the backslash written twice, as any) |
 * | `array` | `{1,2,NULL}` of the texts of its items, one dimension; an item is put between `"` when it is empty, spells `NULL`, or has a comma, brace, quote, backslash or white space, and within them `"` and `\` have a backslash in front |
 * | `nested` | has no text: a stream with such a column is given as rows |
 *
 * The source owes this form, UTF-8 and the number of lines. Ranges and existing days are the
 * destination's to check, as they are for rows: whatever does not fit is a `data` error that names
 * column and row, or what the schema contract says, and never garbage.
 */
export interface TextBatch {
  /**
   * What each field is: names of the stream's columns, each once. May contain the stream's version
   * column (decimal digits) and deleted column (`t` or `f`). A column that is not named is NULL.
   */
  readonly columns: readonly string[];
  /** Whole lines. The source may use the memory again when it is asked for its next message. */
  readonly bytes: Uint8Array;
  /** Number of lines. */
  readonly rowCount: number;
  /**
   * Version of every row, where the stream has versions and `columns` does not name them. Which of two rows with
   * the same key and the same version is the newer one nobody knows.
   */
  readonly version?: bigint;
  /**
   * Whether all lines are plain, so that nobody has to look at their bytes again. Said only by a source that
   * knows it from what wrote them; who is not sure leaves it out. Every field of a plain line is
   *
   * - not NULL where the column may not be; in a row that is marked as deleted, NULL in all columns but those
   *   of the key, the version and the mark;
   * - of an integer: digits without a leading zero, within the range of the type;
   * - of a decimal: digits on both sides of the point if there is one, within precision and scale;
   * - of a float: finite, and within the range of the type;
   * - of a date or timestamp: a day that exists, from 1900-01-01 to 2299-12-31; a time before 24:00:00 with at
   *   most six digits of a second and no zone.
   */
  readonly isPlain?: boolean;
  /**
   * Batches of one lane come in the order in which the source keeps their rows, without a gap. Where several are
   * read side by side, a destination can store together what lies together. Absent: there is one lane.
   */
  readonly lane?: number;
  /** Whether no other batch of the lane comes. Said where it is known; a lane may end without. */
  readonly isLaneEnd?: boolean;
}
