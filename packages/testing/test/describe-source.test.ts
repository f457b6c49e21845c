import { describe, expect, it } from 'vitest';
import { describeSource, sourceChecks } from '../src/index.ts';
import { MUTANTS, sightOf } from './sample/mutants.ts';
import { sampleFixture } from './sample/sample-fixture.ts';
import type { Bug } from './sample/sample-bug.ts';

describeSource('a sample source', () => sampleFixture());

describe('a planted bug is seen', () => {
  it.each(Object.entries(MUTANTS))('%s → %s', async (bug, promise) => {
    expect(await sightOf(bug as Bug, promise)).toBeDefined();
  });

  it('by every promise', () => {
    const seen = new Set(Object.values(MUTANTS));
    expect(sourceChecks.map(({ name }) => name).filter((name) => !seen.has(name))).toEqual([]);
  });
});
