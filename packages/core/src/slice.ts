/** A half-open range of days, `[start, end)`, as `YYYY-MM-DD` in the account's own time zone. */
export interface DayRange {
  readonly start: string;
  readonly end: string;
}

/** The rows of a table that one slice owns. An empty scope is the whole table. */
export interface Scope {
  /** Values of the columns in `ScopeSpec.keys`. */
  readonly equals: Readonly<Record<string, string | number | boolean>>;
  /** Range of the column in `ScopeSpec.day`. */
  readonly days?: DayRange;
}

/** The unit of truth of a stream: read, checked, published and recorded on its own. */
export interface Slice {
  /** Unique within the stream and the same in every run: `account_id=42/2026-11-01`. */
  readonly key: string;
  /**
   * Publishing makes the rows of the scope exactly the rows that were read. Absent: the slice is an
   * increment; publishing adds or upserts its rows and removes none (a `replace` stream without
   * scopes owns the whole table).
   */
  readonly scope?: Scope;
  /**
   * What must not be read twice at the same time: usually the account. Slices of one lane are read
   * one after the other; when its quota is used up or its access is denied, the rest of the lane
   * waits for another run while other lanes go on. Absent: the stream is one lane.
   */
  readonly lane?: string;
  /**
   * When the platform stops restating the slice, as an ISO instant. A slice read after it is
   * settled and not read again. Absent: never settled, due in every run.
   */
  readonly settledAt?: string;
}
