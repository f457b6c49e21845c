// Which promise of the kit sees which planted bug:
//   node packages/testing/bench/mutants.ts
import process from 'node:process';
import { MUTANTS, sightOf } from '../test/sample/mutants.ts';
import type { Bug } from '../test/sample/sample-bug.ts';

for (const [bug, promise] of Object.entries(MUTANTS)) {
  const sight = await sightOf(bug as Bug, promise);
  if (sight === undefined) process.exitCode = 1;
  const reason = sight?.split('\n')[0] ?? 'NOT SEEN';
  process.stdout.write(`${bug.padEnd(40)} → ${promise}\n${' '.repeat(43)}${reason}\n`);
}
