// Which promise of the kit sees which planted bug, for every suite; exit code 1 when one is not seen:
//   node packages/testing/bench/mutants.ts
import process from 'node:process';
import { DESTINATION_MUTANTS, sightOfDestinationBug } from '../test/destination/destination-mutants.ts';
import { LOG_MUTANTS, sightOfLogBug } from '../test/log/log-mutants.ts';
import { PACKAGE_MUTANTS, sightOfPackageBug } from '../test/package/package-mutants.ts';
import { MUTANTS, sightOf } from '../test/sample/mutants.ts';
import type { Bug } from '../test/sample/sample-bug.ts';

interface Planted {
  readonly bug: string;
  readonly promise: string;
  readonly look: () => Promise<string | undefined>;
}

const SUITES: Readonly<Record<string, readonly Planted[]>> = {
  describeSource: Object.entries(MUTANTS).map(([bug, promise]) => ({
    bug,
    promise,
    look: () => sightOf(bug as Bug, promise),
  })),
  describeReplicationSource: LOG_MUTANTS.map(([bug, promise, log]) => ({
    bug,
    promise,
    look: () => sightOfLogBug(log, promise),
  })),
  describeDestination: DESTINATION_MUTANTS.map(([bug, promise, mistake]) => ({
    bug,
    promise,
    look: () => sightOfDestinationBug(mistake, promise),
  })),
  describePackage: PACKAGE_MUTANTS.map(([bug, promise, files]) => ({
    bug,
    promise,
    look: () => sightOfPackageBug(files, promise),
  })),
};

for (const [suite, planted] of Object.entries(SUITES)) {
  let seen = 0;
  process.stdout.write(`\n${suite}\n`);
  for (const { bug, promise, look } of planted) {
    const sight = await look();
    if (sight !== undefined) seen += 1;
    const reason = sight?.split('\n')[0] ?? 'NOT SEEN';
    process.stdout.write(`  ${bug.padEnd(50)} → ${promise}\n${' '.repeat(55)}${reason}\n`);
  }
  process.stdout.write(`${suite}: ${seen} of ${planted.length} planted bugs are seen\n`);
  if (seen < planted.length) process.exitCode = 1;
}
process.exit();
