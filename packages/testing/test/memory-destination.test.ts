import { describe, expect, it } from 'vitest';
import { describeDestination, destinationChecks, memoryDestination, MemoryStore } from '../src/index.ts';
import { DESTINATION_MUTANTS, sightOfDestinationBug } from './destination/destination-mutants.ts';

describeDestination('memory destination', async () => {
  const store = new MemoryStore();
  return {
    destination: memoryDestination(store),
    restart: async () => memoryDestination(store),
    readRows: async (stream) => store.rows(stream).map(({ _version, _deleted, _row, ...row }) => row),
    async [Symbol.asyncDispose]() {},
  };
});

describe('a planted bug of a destination is seen', () => {
  it.each(DESTINATION_MUTANTS)('%s → %s', async (_bug, promise, bug) => {
    expect(await sightOfDestinationBug(bug, promise)).toBeDefined();
  });

  it('by every promise', () => {
    const seen = new Set(DESTINATION_MUTANTS.map(([, promise]) => promise));
    expect(destinationChecks.map(({ name }) => name).filter((name) => !seen.has(name))).toEqual([]);
  });
});
