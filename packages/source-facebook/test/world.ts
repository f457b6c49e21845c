import { memoryDestination, MemoryStore } from '@etl/testing';
import { runPipeline, type PipelineOptions } from '@etl/core';
import type { Clock } from '@etl/core/http';
import { startSandbox, type Sandbox, type SandboxOptions } from '@etl/sandbox';
import { facebook, type FacebookOptions } from '../src/index.ts';

/** The sandbox's time; whoever waits lets it pass. */
export function sandboxClock(sandbox: Sandbox): Clock {
  return {
    now: () => Date.parse(sandbox.control.now()),
    after(delayMs, callback) {
      // Limits of time are not waited for; pauses between polls and retries are.
      if (delayMs > 120_000) return () => undefined;
      const timer = setImmediate(() => {
        sandbox.control.advance({ seconds: delayMs / 1000 });
        callback();
      });
      return () => clearImmediate(timer);
    },
  };
}

export interface World extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly store: MemoryStore;
  readonly accountIds: readonly string[];
  source(options?: Partial<FacebookOptions>): ReturnType<typeof facebook>;
  run(options?: Partial<FacebookOptions>, run?: Partial<PipelineOptions>): ReturnType<typeof runPipeline>;
}

export async function startWorld(options: SandboxOptions = {}): Promise<World> {
  const sandbox = await startSandbox({ seed: 'facebook', platforms: ['facebook'], ...options });
  const store = new MemoryStore();
  const accountIds = sandbox.world.accounts.map(({ id }) => id);
  const source: World['source'] = (given = {}) =>
    facebook({
      token: sandbox.facebook.token,
      accountIds: [...accountIds],
      baseUrl: sandbox.facebook.baseUrl,
      clock: sandboxClock(sandbox),
      random: () => 0,
      ...given,
    });
  return {
    sandbox,
    store,
    accountIds,
    source,
    run: (given, run) =>
      runPipeline({
        name: 'facebook_d1',
        source: source(given),
        destination: memoryDestination(store),
        now: () => new Date(sandbox.control.now()),
        ...run,
      }),
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
}

/** From here on the account has nothing: no object, and no row in its reports, which keep what deleted ads have cost. */
export function emptyAccount({ control, world }: Sandbox, accountId: string): void {
  for (const kind of ['campaigns', 'adSets', 'ads', 'creatives'] as const) {
    for (const { id } of world[kind](accountId)) control.change({ id, status: 'DELETED' });
  }
  const body = JSON.stringify({ data: [] });
  control.fault({ kind: 'status', status: 200, body, times: 100_000, match: { method: 'GET', path: '*/insights' } });
}
