import { ok } from 'node:assert/strict';
import { EtlError } from '@etl/core';
import { plannedSlices, readSlice } from './read-slice.ts';
import { requireTruth } from './require-truth.ts';
import type { SourceFault, SourceFixture } from './source-fixture.ts';

/** How a read ended that met a fault. */
export interface FaultOutcome {
  readonly fault: string;
  /** Which request met it, from 1. */
  readonly request: number;
  /** `right`: the rows of the platform. `loud`: an error of a kind that the fault allows. */
  readonly outcome: 'right' | 'loud' | 'wrong';
  /** Code of the error, or what is wrong. */
  readonly detail?: string;
}

const ASTRAY = { outcome: 'wrong', detail: 'a host was asked that is not the platform’s' } as const;

/** Lets every fault meet every request of a plan and of reading all of it, each in a source of its own. */
export async function* faultOutcomes(fixture: SourceFixture): AsyncGenerator<FaultOutcome> {
  for (const fault of fixture.faults) {
    for (let request = 1; ; request += 1) {
      const wasMet = fixture.inject(fault, request);
      const strangers = fixture.strangers();
      const result = await outcomeOf(fixture, fault);
      // A read that ended before the request was made has met every request it makes.
      if (!wasMet()) break;
      const isAstray = fixture.strangers() > strangers;
      yield { fault: fault.name, request, ...(isAstray ? ASTRAY : result) };
    }
  }
}

export async function checkFaults(fixture: SourceFixture): Promise<void> {
  let count = 0;
  for await (const { fault, request, outcome, detail } of faultOutcomes(fixture)) {
    count += 1;
    ok(outcome !== 'wrong', `${fault} at request ${request}: ${detail}`);
  }
  ok(count > 0 || fixture.faults.length === 0, 'no fault met any request');
}

async function outcomeOf(
  fixture: SourceFixture,
  fault: SourceFault,
): Promise<Pick<FaultOutcome, 'outcome' | 'detail'>> {
  const request = { now: fixture.now };
  const source = fixture.createSource();
  try {
    try {
      for (const planned of await plannedSlices(source, request))
        requireTruth(fixture, planned.plan.stream.name, planned.slice, await readSlice(source, planned, request));
      return { outcome: 'right' };
    } catch (error) {
      if (!EtlError.isInstance(error))
        return { outcome: 'wrong', detail: error instanceof Error ? error.message : 'not an error' };
      if (fault.kinds.includes(error.kind)) return { outcome: 'loud', detail: error.code };
      return { outcome: 'wrong', detail: `${error.code} is ${error.kind}, expected ${fault.kinds.join(' or ')}` };
    }
  } finally {
    await source[Symbol.asyncDispose]();
  }
}
