import fc from 'fast-check';

/** Where and how a life ends, or only stumbles. */
export interface CrashFault {
  /** Which part fails. */
  readonly part: 'destination' | 'source';
  /** At its nth call or message. */
  readonly at: number;
  readonly when: 'before' | 'after';
  /** Whether the process dies there; otherwise it is told of an error and goes on. */
  readonly isDeath: boolean;
}

/** A change of a row, by small numbers: few enough that rows meet. */
export interface CrashChange {
  readonly table: number;
  readonly id: number;
  readonly day: number;
  /** `null`: the row goes. */
  readonly value: number | null;
}

/** What happens in the world before a run, and how the run ends. */
export interface CrashStep {
  readonly changes: readonly CrashChange[];
  /** Days that pass before the run. */
  readonly days: number;
  readonly accounts: number;
  /** Rows that come to the list that only grows. */
  readonly events: number;
  /** A day that cannot be read in this run. */
  readonly failingDay: number | null;
  readonly isTruncated: boolean;
  readonly isBackfill: boolean;
  readonly isFullRefresh: boolean;
  readonly commitEveryRows: number;
  readonly fault: CrashFault | null;
}

/** How far a life gets at most: beyond it, it ends well. */
const LONGEST = 70;

const fault: fc.Arbitrary<CrashFault> = fc.record({
  part: fc.constantFrom('destination', 'destination', 'source'),
  at: fc.integer({ min: 1, max: LONGEST }),
  when: fc.constantFrom('before', 'after'),
  isDeath: fc.boolean(),
});

const step: fc.Arbitrary<CrashStep> = fc.record({
  changes: fc.array(fc.record({ table: fc.nat(1), id: fc.nat(4), day: fc.nat(4), value: fc.option(fc.nat(99)) }), {
    maxLength: 8,
  }),
  days: fc.nat(2),
  accounts: fc.integer({ min: 1, max: 2 }),
  events: fc.nat(5),
  failingDay: fc.option(fc.nat(6), { freq: 3 }),
  isTruncated: fc.nat(5).map((roll) => roll === 0),
  isBackfill: fc.nat(4).map((roll) => roll === 0),
  isFullRefresh: fc.nat(7).map((roll) => roll === 0),
  commitEveryRows: fc.integer({ min: 1, max: 6 }),
  fault: fc.option(fault, { freq: 5 }),
});

/** Lives, each of which may end anywhere. */
export function crashHistory(maxLength = 5): fc.Arbitrary<readonly CrashStep[]> {
  return fc.array(step, { minLength: 1, maxLength });
}
