import { describe, expect, it } from 'vitest';
import { describeReplicationSource } from '../src/index.ts';
import { logFixture } from './log/log-fixture.ts';
import { LOG_MUTANTS, sightOfLogBug } from './log/log-mutants.ts';

describeReplicationSource('a log in memory', () => logFixture());

describe('a planted bug of a log is seen', () => {
  it.each(LOG_MUTANTS)('%s → %s', async (_bug, promise, bug) => {
    expect(await sightOfLogBug(bug, promise)).toBeDefined();
  });
});
