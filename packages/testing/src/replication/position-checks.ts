import { deepStrictEqual, equal, notEqual, ok } from 'node:assert/strict';
import { EtlError, type Checkpoint, type SourceMessage, type StateEntry } from '@etl/core';
import { textOf } from '../source/read-slice.ts';
import { inserts, replicaCheck, type ReplicationCheck } from './replication-check.ts';
import type { ReplicationFixture } from './replication-fixture.ts';
import { readAll, type Replica } from './replica.ts';

/** Every kind of change, in transactions of which each can be the last that counted. */
async function writeHistory(replica: Replica, round: number): Promise<void> {
  const id = 1000 * round;
  await replica.transact({ type: 'insert', table: 'items', id, note: 'a' }, ...inserts('items', id + 1, 3, 'old'));
  await replica.transact(
    { type: 'update', table: 'items', id, note: 'b' },
    { type: 'insert', table: 'lines', id, note: 'b' },
  );
  await replica.transact(
    { type: 'delete', table: 'items', id: id + 1 },
    { type: 'rekey', table: 'items', id: id + 2, newId: id + 200 },
  );
  await replica.transact({ type: 'truncate', table: 'lines' }, ...inserts('lines', id + 300, 2, 'c'));
  await replica.transact({ type: 'update', table: 'items', id, note: 'c' });
}

/**
 * Lives that die before or after their nth commit, each followed by one that goes on from what was
 * stored; until a life has no nth commit.
 */
async function goOnAfterDeaths(replica: Replica, prepare: (round: number) => Promise<boolean>): Promise<void> {
  let round = 0;
  for (const when of ['before', 'after'] as const) {
    for (let death = 1; ; death += 1) {
      round += 1;
      const fullRefresh = await prepare(round);
      let commits = 0;
      let isDead = false;
      let written = 0;
      const run = replica.run({
        fullRefresh,
        // What is written while a copy is under way is in the changes, whenever the copy counts.
        onMessage: async ({ type }) => {
          if (type !== 'records' || ++written > 4) return;
          await replica.transact({ type: 'update', table: 'items', id: 1, note: `meanwhile ${round}.${written}` });
        },
        faults: (call) => {
          if (call !== 'commit' || ++commits !== death) return undefined;
          isDead = true;
          return {
            when,
            isDeath: true,
            error: new EtlError({ code: 'KIT_DIED', kind: 'transient', message: 'Died.' }),
          };
        },
      });
      await run.then(
        () => ok(!isDead, 'a run ended well although its commit failed'),
        (error: unknown) => {
          if (!isDead) throw error;
        },
      );
      await replica.runWell();
      replica.requireEqual(`after a death ${when} commit ${death}`);
      if (!isDead) break;
    }
  }
}

interface Reading {
  readonly messages: readonly SourceMessage[];
  readonly changes: readonly string[];
}

async function readOnce(fixture: ReplicationFixture, state: readonly StateEntry[]): Promise<Reading> {
  const source = fixture.createSource();
  try {
    const { messages } = await readAll(source, { state });
    return { messages, changes: changesOf(messages) };
  } finally {
    await source[Symbol.asyncDispose]();
  }
}

/** Reads up to the first checkpoint, tells that it is durable and ends, as a process that is killed then. */
async function acknowledgeFirst(fixture: ReplicationFixture, state: readonly StateEntry[]): Promise<Checkpoint> {
  const source = fixture.createSource();
  try {
    for await (const message of source.read({ state })) {
      if (message.type !== 'checkpoint') continue;
      await source.acknowledge?.(message.checkpoint);
      await source.acknowledge?.(message.checkpoint);
      return message.checkpoint;
    }
  } finally {
    await source[Symbol.asyncDispose]();
  }
  throw new Error('no checkpoint came');
}

function changesOf(messages: readonly SourceMessage[]): readonly string[] {
  return messages.flatMap((message) => {
    if (message.type === 'truncate') return [`truncate ${message.stream}`];
    return message.type === 'records' ? message.rows.map((row) => `${message.stream} ${textOf([row])[0]}`) : [];
  });
}

async function following(replica: Replica): Promise<void> {
  await replica.transact(...inserts('items', 1, 3, 'old'));
  await replica.runWell();
  await writeHistory(replica, 1);
}

/** That a position is what it says, and that the upstream forgets nothing that is still needed. */
export const positionChecks: readonly ReplicationCheck[] = [
  replicaCheck('goes on from any checkpoint of a copy to the same tables', async (replica) => {
    await replica.transact(...inserts('items', 1, 30, 'old'), ...inserts('lines', 1, 30, 'old'));
    await goOnAfterDeaths(replica, async (round) => {
      await replica.transact({ type: 'update', table: 'items', id: 1, note: `round ${round}` });
      return round > 1;
    });
  }),
  replicaCheck('goes on from any checkpoint of changes to the same tables', async (replica) => {
    await replica.transact(...inserts('items', 1, 3, 'old'));
    await replica.runWell();
    await goOnAfterDeaths(replica, async (round) => {
      await writeHistory(replica, round);
      return false;
    });
  }),
  replicaCheck('gives the same changes again until they are acknowledged', async (replica) => {
    const { fixture } = replica;
    await following(replica);
    const before = await fixture.confirmed?.();
    const once = await readOnce(fixture, replica.state);
    ok(once.changes.length > 0, 'no change came');
    equal(await fixture.confirmed?.(), before, 'the upstream may forget what was only read');
    const twice = await readOnce(fixture, replica.state);
    deepStrictEqual(twice.changes, once.changes, 'a second reading gives other changes');
    await replica.runWell();
    replica.requireEqual('after two readings that stored nothing');
  }),
  replicaCheck('confirms what is acknowledged, and nothing beyond it', async (replica) => {
    const { fixture } = replica;
    if (fixture.confirmed === undefined) return;
    await following(replica);
    const { state } = replica;
    const before = await fixture.confirmed();
    const whole = await readOnce(fixture, state);
    const rest = changesOf(whole.messages.slice(whole.messages.findIndex(({ type }) => type === 'checkpoint') + 1));
    const first = await acknowledgeFirst(fixture, state);
    notEqual(await confirmedAfter(fixture, before), before, 'an acknowledged position is not confirmed');
    const left = await readOnce(fixture, [...state, ...first.entries]);
    deepStrictEqual(left.changes, rest, 'what came after the acknowledged checkpoint is not given again');
  }),
  replicaCheck('refuses a position whose history is gone, and says how to begin anew', async (replica) => {
    const { fixture } = replica;
    if (fixture.loseHistory === undefined) return;
    await following(replica);
    await fixture.loseHistory();
    const failure = await replica.run().then(
      ({ failures }) => failures[0]?.error,
      (error: unknown) => error,
    );
    ok(EtlError.isInstance(failure), 'a run went on although changes are lost');
    equal(failure.kind, 'state', `${failure.code} has another kind`);
    ok(failure.hint !== undefined && failure.hint !== '', `${failure.code} does not say what to do`);
    await replica.runWell({ fullRefresh: true });
    replica.requireEqual('after beginning anew');
    await replica.transact({ type: 'insert', table: 'items', id: 9, note: 'later' });
    await replica.runWell();
    replica.requireEqual('after the first change of the new beginning');
  }),
];

/** An upstream may take a moment to say what it was told. */
async function confirmedAfter({ confirmed }: ReplicationFixture, before: string | undefined): Promise<unknown> {
  for (let attempt = 0; ; attempt += 1) {
    const now = await confirmed?.();
    if (now !== before || attempt === 100) return now;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}
