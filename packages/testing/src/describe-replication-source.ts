import { afterEach, beforeEach, describe, it } from 'vitest';
import { replicationChecks } from './replication/replication-checks.ts';
import type { ReplicationFixture } from './replication/replication-fixture.ts';

/** The promises of a source that is a log, as tests. Every test gets an upstream of its own. */
export function describeReplicationSource(name: string, createFixture: () => Promise<ReplicationFixture>): void {
  describe(name, () => {
    let fixture: ReplicationFixture;
    beforeEach(async () => {
      fixture = await createFixture();
    });
    afterEach(async () => {
      await fixture[Symbol.asyncDispose]();
    });

    for (const check of replicationChecks) it(check.name, () => check.run(fixture), 120_000);
  });
}
