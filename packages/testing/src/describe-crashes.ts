import { describe, expect, it } from 'vitest';
import { liveRandomHistories, type CrashOptions } from './crash/crash-property.ts';
import type { CrashKind } from './crash/crash-worlds.ts';
import type { DestinationFixture } from './destination-fixture.ts';

const KINDS: Readonly<Record<CrashKind, string>> = {
  reports: 'daily reports that settle, and a list that is read from a cursor',
  log: 'a log that forgets what was acknowledged',
};

/**
 * The promise of the engine over a destination: whatever happens, and wherever runs die, the next run
 * that can do its work ends with the tables of the source, each row once. Failures name their seed.
 */
export function describeCrashes(
  name: string,
  createFixture: () => Promise<DestinationFixture>,
  options: CrashOptions = {},
): void {
  describe(name, () => {
    it.each(Object.entries(KINDS))(
      'ends with the tables of the source, wherever runs die: %s, %s',
      async (kind) => {
        const { failure } = await liveRandomHistories(kind as CrashKind, createFixture, options);
        expect(failure).toBeUndefined();
      },
      900_000,
    );
  });
}
