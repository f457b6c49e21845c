import { equal, fail, ok, strictEqual } from 'node:assert/strict';
import { EtlError, type Source } from '@etl/core';
import { inserts, replicaCheck, type ReplicationCheck } from './replication-check.ts';
import type { ReplicationFixture } from './replication-fixture.ts';
import { readAll, type Replica } from './replica.ts';

/** How soon an abort has to be noticed. */
const ABORT_MS = 5000;
/** No reading of the suite has so many messages, unless it has no end. */
const ENDLESS = 3000;

async function withSource<T>(fixture: ReplicationFixture, work: (source: Source) => Promise<T>): Promise<T> {
  const source = fixture.createSource();
  try {
    return await work(source);
  } finally {
    await source[Symbol.asyncDispose]();
  }
}

/** Once with tables to copy, once with changes to follow. */
async function inBothPhases(replica: Replica, work: (phase: string) => Promise<void>): Promise<void> {
  await replica.transact(...inserts('items', 1, 60, 'old'));
  await work('the copy');
  await replica.runWell();
  for (let id = 100; id < 160; id += 1) await replica.transact({ type: 'insert', table: 'items', id, note: 'new' });
  await work('the changes');
  await replica.runWell();
  replica.requireEqual('afterwards');
}

async function requireReleased(fixture: ReplicationFixture, idle: number, what: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if ((await fixture.connections()) <= idle) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  fail(`${what}: a connection was left open`);
}

/** Whoever reads: alone, up to an end, and leaving nothing behind. */
export const readerChecks: readonly ReplicationCheck[] = [
  replicaCheck('ends although the upstream goes on', async (replica) => {
    await replica.transact(...inserts('items', 1, 5, 'old'));
    await replica.runWell();
    await replica.transact({ type: 'update', table: 'items', id: 1, note: 'first' });
    let id = 100;
    await replica.runWell({
      onMessage: async ({ type }) => {
        ok(id < ENDLESS, 'the reading has no end');
        if (type === 'progress') return;
        id += 1;
        await replica.transact({ type: 'insert', table: 'items', id, note: 'more' });
      },
    });
    await replica.runWell();
    replica.requireEqual('after the run that followed');
  }),
  replicaCheck('refuses a second reader while there is one', async (replica) => {
    const { fixture } = replica;
    await inBothPhases(replica, async (phase) => {
      await withSource(fixture, async (source) => {
        for await (const message of source.read(replica.position)) {
          if (message.type !== 'records') continue;
          const refusal = await withSource(fixture, (second) => readAll(second, replica.position)).then(
            () => undefined,
            (error: unknown) => error,
          );
          ok(refusal !== undefined, `a second reader was let in during ${phase}`);
          ok(EtlError.isInstance(refusal), 'the refusal has no code');
          equal(refusal.kind, 'transient', `${refusal.code} has another kind`);
          break;
        }
      });
    });
  }),
  replicaCheck('stops with the reason of the signal', async (replica) => {
    const { fixture } = replica;
    const idle = await fixture.connections();
    await inBothPhases(replica, async (phase) => {
      for (const isEarly of [true, false]) {
        await withSource(fixture, async (source) => {
          const controller = new AbortController();
          const reason = new Error('the test has seen enough');
          let abortedAt = performance.now();
          if (isEarly) controller.abort(reason);
          try {
            for await (const message of source.read({ ...replica.position, signal: controller.signal })) {
              if (message.type !== 'records' || controller.signal.aborted) continue;
              abortedAt = performance.now();
              controller.abort(reason);
            }
            fail(`an aborted reading of ${phase} ended as if it were whole`);
          } catch (error) {
            strictEqual(error, reason, `the reason of the signal was not thrown during ${phase}`);
          }
          ok(performance.now() - abortedAt < ABORT_MS, 'the abort was noticed too late');
        });
        await requireReleased(fixture, idle, `after an abort during ${phase}`);
      }
    });
  }),
  replicaCheck('lets everything go when its reader leaves', async (replica) => {
    const { fixture } = replica;
    const idle = await fixture.connections();
    await inBothPhases(replica, async (phase) => {
      await withSource(fixture, async (source) => {
        for await (const message of source.read(replica.position)) if (message.type === 'records') break;
        await requireReleased(fixture, idle, `after leaving ${phase}`);
      });
      // A process that ends without saying so.
      const source = fixture.createSource();
      const reading = source.read(replica.position)[Symbol.asyncIterator]();
      await reading.next();
      await source[Symbol.asyncDispose]();
      await reading.return?.().catch(() => undefined);
      await requireReleased(fixture, idle, `after disposing the source during ${phase}`);
    });
  }),
];
