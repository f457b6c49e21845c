import { afterEach, beforeEach, describe, it } from 'vitest';
import type { DestinationFixture } from './destination-fixture.ts';
import { destinationChecks } from './destination/destination-checks.ts';

/** The promises of a destination, as tests. Run it for every way of reaching one. Every test gets a storage of its own. */
export function describeDestination(name: string, createFixture: () => Promise<DestinationFixture>): void {
  describe(name, () => {
    let fixture: DestinationFixture;
    beforeEach(async () => {
      fixture = await createFixture();
    });
    afterEach(async () => {
      await fixture[Symbol.asyncDispose]();
    });

    for (const check of destinationChecks) {
      it(
        check.name,
        (context) =>
          check.applies(fixture) ? check.run(fixture) : context.skip('the destination has no such capability'),
        60_000,
      );
    }
  });
}
