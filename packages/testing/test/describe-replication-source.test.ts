import { describe, expect, it } from 'vitest';
import { describeReplicationSource, replicationChecks } from '../src/index.ts';
import { logFixture } from './log/log-fixture.ts';
import { LOG_MUTANTS, sightOfLogBug } from './log/log-mutants.ts';

describeReplicationSource('a log in memory', () => logFixture());

describe('a planted bug of a log is seen', () => {
  it.each(LOG_MUTANTS)('%s → %s', async (_bug, promise, bug) => {
    expect(await sightOfLogBug(bug, promise)).toBeDefined();
  });

  it('by every promise', () => {
    const seen = new Set(LOG_MUTANTS.map(([, promise]) => promise));
    expect(replicationChecks.map(({ name }) => name).filter((name) => !seen.has(name))).toEqual([]);
  });
});
