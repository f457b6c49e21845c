import type { ErrorKind, Row, Slice, Source } from '@etl/core';

/** One way in which a platform misbehaves. */
export interface SourceFault {
  /** `reset`, `429 with Retry-After`, `body cut short`. */
  readonly name: string;
  /** What a read may end with when it does not end right. */
  readonly kinds: readonly ErrorKind[];
}

/** A source in front of a platform that a test owns: a sandbox on the loopback interface, not a mock of the source. */
export interface SourceFixture extends AsyncDisposable {
  /** The moment at which the world stands. */
  readonly now: Date;
  /** A new source, as a new process would make it, in front of the same world. */
  createSource(): Source;
  /** What the platform holds of a slice now; only the columns that are given are compared, as text. */
  truth(stream: string, slice: Slice): readonly Row[];
  /** Every fault the platform can be told to make. */
  readonly faults: readonly SourceFault[];
  /**
   * The nth request from now on, counted from 1, meets the fault, once. Returns whether it was met
   * so far. A second call takes the place of the first.
   */
  inject(fault: SourceFault, request: number): () => boolean;
  /** Requests that the platform has seen. */
  requests(): number;
  /** Requests that the platform is still answering, as of connections that are open. */
  openRequests(): number;
  /** Requests that reached a host that is not the platform's. */
  strangers(): number;
  /** Values that nobody may ever see: the credentials of the source. */
  readonly secrets: readonly string[];
  /** Changes rows of a slice that is not settled yet. Returns when a run would look again. Absent: nothing is ever restated. */
  readonly restate?: () => { readonly now: Date; readonly stream: string; readonly slice: string };
  /** The same source with credentials that the platform does not know. Absent: there are none to be wrong. */
  readonly createUnauthorizedSource?: () => Source;
  /** From now on every answer has fields that the platform never had before. Absent: it cannot be told to. */
  readonly addUnknownFields?: () => void;
  /** Removes all rows: an account in which nothing has happened yet. The truth is empty from then on. */
  readonly empty?: () => void;
  /** Most requests that planning and reading all of it may take. Absent: nobody counts. */
  readonly requestBudget?: number;
}
