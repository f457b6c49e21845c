import { afterEach, beforeEach, describe, it } from 'vitest';
import { sourceChecks } from './source/source-checks.ts';
import type { SourceFixture } from './source/source-fixture.ts';

/** The promises of a sliced source, as tests. Every test gets a world of its own. */
export function describeSource(name: string, createFixture: () => Promise<SourceFixture>): void {
  describe(name, () => {
    let fixture: SourceFixture;
    beforeEach(async () => {
      fixture = await createFixture();
    });
    afterEach(async () => {
      await fixture[Symbol.asyncDispose]();
    });

    for (const check of sourceChecks) it(check.name, () => check.run(fixture), 120_000);
  });
}
