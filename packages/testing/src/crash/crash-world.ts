import type { Row, Source, StreamSpec } from '@etl/core';
import type { CrashStep } from './crash-step.ts';

/** A source that the suite owns, and what its tables must hold. */
export interface CrashWorld {
  readonly streams: readonly StreamSpec[];
  /** The clock of the run. */
  readonly now: () => Date;
  /** What happens before a run. */
  apply(step: CrashStep): void;
  /** From now on nothing is in the way. */
  heal(): void;
  /** A new source, as a new process would make it. */
  createSource(): Source;
  /** The rows that a stream must end with. */
  truth(stream: string): readonly Row[];
  /** Days of a backfill that a step asks for; absent where there are none. */
  readonly backfill?: { readonly start: string; readonly end: string };
  /** How much was read that no run needs any more, since it was asked last. */
  takeNeedlessReads(): number;
}
