import { describe, expect, it } from 'vitest';
import { describeSource } from '../src/index.ts';
import { MUTANTS, sightOf } from './sample/mutants.ts';
import { sampleFixture } from './sample/sample-fixture.ts';
import type { Bug } from './sample/sample-bug.ts';

describeSource('a sample source', () => sampleFixture());

describe('a planted bug is seen', () => {
  it.each(Object.entries(MUTANTS))('%s → %s', async (bug, promise) => {
    expect(await sightOf(bug as Bug, promise)).toBeDefined();
  });
});
