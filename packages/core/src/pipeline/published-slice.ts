import type { Slice } from '../slice.ts';

/** What became of a slice that was read, checked and loaded. */
export interface PublishedSlice {
  readonly slice: Slice;
  /** Rows that it holds. */
  readonly rows: number;
  readonly flags: readonly string[];
  /** Whether the rows were there before just as they are, so that none was written. */
  readonly isUnchanged: boolean;
  /** Present where it had been published before, with other rows. */
  readonly restated?: Restatement;
}

export interface Restatement {
  /** How many came, went, or have other values now. Absent where nobody counted them. */
  readonly rows?: number;
}
