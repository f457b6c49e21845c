import fc from 'fast-check';
import type { DestinationFixture } from '../destination-fixture.ts';
import { suiteSeed } from '../seed.ts';
import { crashHistory } from './crash-step.ts';
import { CRASH_WORLDS, type CrashKind } from './crash-worlds.ts';
import { liveHistory, type CrashWrappers } from './live-history.ts';

export interface CrashOptions {
  /** @default 20 */
  readonly histories?: number;
  /** Most runs of a history, the healthy ones at its end left out. @default 5 */
  readonly runs?: number;
  /** @default `ETL_SEED`, or another one each time */
  readonly seed?: number;
  /** Mistakes to be made on purpose. */
  readonly wrappers?: CrashWrappers;
}

export interface CrashOutcome {
  readonly seed: number;
  readonly histories: number;
  /** Calls at which lives have ended. */
  readonly met: readonly string[];
  /** The shortest history that ends wrong, and how; absent when all ended right. */
  readonly failure?: string;
}

/** Lives random histories, each on a storage of its own. */
export async function liveRandomHistories(
  kind: CrashKind,
  createFixture: () => Promise<DestinationFixture>,
  { histories = 20, runs = 5, seed = suiteSeed(), wrappers }: CrashOptions = {},
): Promise<CrashOutcome> {
  const met = new Set<string>();
  const property = fc.asyncProperty(crashHistory(runs), async (history) => {
    const fixture = await createFixture();
    try {
      for (const call of await liveHistory(CRASH_WORLDS[kind](), fixture, history, wrappers)) met.add(call);
    } finally {
      await fixture[Symbol.asyncDispose]();
    }
  });
  // Of a mistake that was made on purpose nobody needs the shortest example.
  const details = await fc.check(property, { seed, numRuns: histories, endOnFailure: wrappers !== undefined });
  const outcome = { seed, histories: details.numRuns, met: [...met].toSorted() };
  if (!details.failed) return outcome;
  const { errorInstance, counterexample } = details;
  const reason = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  return { ...outcome, failure: `ETL_SEED=${seed}: ${reason}\nafter ${fc.stringify(counterexample)}` };
}
