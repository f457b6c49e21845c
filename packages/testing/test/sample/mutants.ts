import { sourceChecks } from '../../src/index.ts';
import { sampleFixture } from './sample-fixture.ts';
import type { Bug } from './sample-bug.ts';

const BACKFILL = 'plans exactly the days of a backfill, the last one left out';
const CHECKPOINTS = 'goes on from every checkpoint, losing nothing';
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
  'gives columns that it does not declare': 'gives rows that have nothing but their columns',
  'declares a key that may be NULL': 'describes streams that a destination can load',
  'plans its usual days in a backfill': BACKFILL,
  'plans the end of a backfill too': BACKFILL,
  'lets nobody check': 'proves access',
  'discovers its streams in an order of its own': 'discovers the same plain data twice',
  'gives rows of another account': 'gives rows that lie in their slice',
  'gives a row twice': 'gives every key of a slice once',
  'counts how often it read': 'reads the same rows twice',
  'lets anybody check': 'says what to do when it is not let in',
  'does not say what to do about a token': 'says what to do when it is not let in',
  'asks for every row by itself': 'takes no more requests than it may',
  'goes on asking when its reader has left': 'asks for nothing more when its reader leaves',
  'refuses fields that it does not know': 'does not mind fields that it does not know',
  'takes an empty account for an error': 'reads nothing, and says so, where nothing happened',
  'skips the row after its cursor': CHECKPOINTS,
  'moves its cursor before the rows': CHECKPOINTS,
  'keeps its cursor in a form that JSON does not have': CHECKPOINTS,
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
