import { sourceChecks } from '../../src/index.ts';
import { sampleFixture } from './sample-fixture.ts';
import type { Bug } from './sample-source.ts';

const FAULTS = 'ends right or loud whatever meets any request';

/** Each planted bug, and the promise that sees it. */
export const MUTANTS: Readonly<Record<Bug, string>> = {
  'drops the last row of a page': 'reads what the platform holds',
  'says completed after the first page': 'reads what the platform holds',
  'reads the day before': 'reads what the platform holds',
  'ignores the slices it is asked for': 'reads every planned slice alone and to its end',
  'ends a window a day late': 'reads a window as the union of its days',
  'gives a page again after an error': FAULTS,
  'makes an error an empty slice': FAULTS,
  'trusts a short page': FAULTS,
  'asks wherever the next link points': FAULTS,
  'throws errors without a kind': FAULTS,
  'leaks the token in an error': 'keeps secrets out of errors, logs, events and records',
  'ignores the signal': 'stops with the reason of the signal, and leaves nothing open',
  'reads everything before the first row': 'does not read on while nobody pulls',
  'settles days that are still restated': 'reads again what the platform restated, and nothing that is settled',
  'uses the clock of the machine': 'plans by the clock of the request',
  'plans in an order of its own': 'plans the same plain data twice',
  'plans a day twice': 'plans slices that own rows of their own',
  'leaves a required column out': 'gives rows that fit their columns',
  'takes rows from its memory': 'gives the same rows with a memory as without',
};

/** Why the promise says that the bug is one; `undefined` when it does not see it. */
export async function sightOf(bug: Bug, promise: string): Promise<string | undefined> {
  const check = sourceChecks.find(({ name }) => name === promise);
  if (check === undefined) throw new Error(`The kit has no promise "${promise}".`);
  await using fixture = await sampleFixture(bug);
  try {
    await check.run(fixture);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
