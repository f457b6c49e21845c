import { ok } from 'node:assert/strict';
import { inspect } from 'node:util';
import { runPipeline } from '@etl/core';
import { loggerInto } from '../logger-into.ts';
import { memoryDestination } from '../memory-destination.ts';
import { MemoryStore } from '../memory-store.ts';
import type { SourceFixture } from './source-fixture.ts';

/** Runs whole pipelines into every fault, and looks for secrets in everything that comes out. */
export async function checkSecrets(fixture: SourceFixture): Promise<void> {
  const { secrets, faults } = fixture;
  ok(secrets.length > 0, 'the fixture has planted no secret');
  for (const fault of [undefined, ...faults]) {
    for (const request of fault === undefined ? [1] : [1, 2, 3]) {
      const heard: unknown[] = [];
      const store = new MemoryStore();
      if (fault !== undefined) fixture.inject(fault, request);
      const source = fixture.createSource();
      try {
        const logger = loggerInto(heard);
        const options = {
          name: 'secrets',
          source,
          destination: memoryDestination(store),
          now: () => fixture.now,
          logger,
        };
        try {
          heard.push(await runPipeline({ ...options, onEvent: (event) => heard.push(event) }));
        } catch (error) {
          heard.push(error);
        }
        const { ledger, runs, state, memory } = store;
        const text = inspect([heard, ledger, runs, state, memory], {
          depth: 20,
          showHidden: true,
          maxStringLength: null,
          maxArrayLength: null,
        });
        for (const secret of secrets)
          ok(!text.includes(secret), `a secret shows up after ${fault?.name ?? 'a healthy run'}`);
      } finally {
        await source[Symbol.asyncDispose]();
      }
    }
  }
}
