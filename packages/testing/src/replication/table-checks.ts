import { deepStrictEqual, equal, ok } from 'node:assert/strict';
import { inserts, replicaCheck, type ReplicationCheck } from './replication-check.ts';
import type { UpstreamChange } from './replication-fixture.ts';
import { TABLES, type Replica } from './replica.ts';

/** Enough rows for several pages of a copy. */
const COPIED = 40;

async function copied(replica: Replica): Promise<void> {
  await replica.transact(...inserts('items', 1, COPIED, 'old'), ...inserts('lines', 1, 4, 'old'));
  await replica.runWell();
  replica.requireEqual('the copy');
}

/** That the copy equals the upstream, whatever happens at the upstream. */
export const tableChecks: readonly ReplicationCheck[] = [
  replicaCheck('copies what stands, then follows what changes, and does neither twice', async (replica) => {
    await copied(replica);
    equal((await replica.runWell()).rows, 0, 'rows came although nothing changed');
    await replica.transact(
      { type: 'insert', table: 'items', id: 1000, note: 'new' },
      { type: 'update', table: 'items', id: 1, note: 'changed' },
      { type: 'update', table: 'items', id: 2, note: null },
    );
    await replica.transact({ type: 'update', table: 'items', id: 1, note: 'changed again' });
    const { rows } = await replica.runWell();
    replica.requireEqual('the changes');
    ok(rows < COPIED, `${rows} rows came for 4 changes: the table was copied again`);
    equal((await replica.runWell()).rows, 0, 'rows came although nothing changed');
  }),
  replicaCheck('loses nothing that is written while it copies', async (replica) => {
    await replica.transact(...inserts('items', 1, COPIED, 'old'), ...inserts('lines', 1, COPIED, 'old'));
    let id = 1000;
    const written = new Set<string>();
    await replica.runWell({
      onMessage: async (message) => {
        if (!('batch' in message || 'rows' in message) || message.type === 'progress') return;
        if (id >= 1006) return;
        id += 1;
        written.add(message.stream);
        await replica.transact(
          ...TABLES.map((table): UpstreamChange => ({ type: 'insert', table, id, note: 'meanwhile' })),
          { type: 'update', table: 'items', id: 2, note: `meanwhile ${id}` },
          { type: 'delete', table: 'lines', id: id - 1000 },
        );
      },
    });
    ok(written.size > 0, 'nothing was copied');
    await replica.runWell();
    replica.requireEqual('after what was written meanwhile');
  }),
  replicaCheck('takes deletions, and rows that come back', async (replica) => {
    await copied(replica);
    await replica.transact({ type: 'delete', table: 'items', id: 1 }, { type: 'delete', table: 'items', id: 2 });
    await replica.transact({ type: 'insert', table: 'items', id: 2, note: 'back' });
    await replica.runWell();
    replica.requireEqual('after the deletions');
    await replica.transact({ type: 'delete', table: 'items', id: 2 });
    await replica.runWell();
    replica.requireEqual('after another deletion');
  }),
  replicaCheck('takes keys that change, and keys that are taken again', async (replica) => {
    await copied(replica);
    await replica.transact({ type: 'rekey', table: 'items', id: 1, newId: 501 });
    await replica.runWell();
    replica.requireEqual('after a new key');
    await replica.transact(
      { type: 'rekey', table: 'items', id: 2, newId: 502 },
      { type: 'rekey', table: 'items', id: 3, newId: 2 },
      { type: 'insert', table: 'items', id: 3, note: 'another' },
    );
    await replica.runWell();
    replica.requireEqual('after keys that went round');
  }),
  replicaCheck('takes a truncation, and only what came after it', async (replica) => {
    await copied(replica);
    await replica.transact({ type: 'update', table: 'items', id: 1, note: 'before' });
    await replica.transact({ type: 'truncate', table: 'items' }, ...inserts('items', 5, 2, 'after'));
    await replica.transact({ type: 'update', table: 'items', id: 6, note: 'later' });
    await replica.runWell({ commitEveryRows: 1000 });
    replica.requireEqual('after a truncation in one load');
    await replica.transact({ type: 'truncate', table: 'lines' });
    await replica.runWell();
    replica.requireEqual('after a table was emptied');
  }),
  replicaCheck('keeps a transaction whole, however large', async (replica) => {
    await replica.transact(...TABLES.flatMap((table) => inserts(table, 1, 60, 'note 0')));
    await replica.runWell();
    for (const round of [1, 2, 3]) {
      const note = `note ${round}`;
      await replica.transact(
        ...TABLES.flatMap((table) =>
          Array.from({ length: 60 }, (_, index): UpstreamChange => ({ type: 'update', table, id: index + 1, note })),
        ),
      );
    }
    const seen: string[] = [];
    await replica.runWell({
      onEvent: ({ type }) => {
        if (type !== 'load-committed') return;
        const notes = new Set(TABLES.flatMap((table) => replica.rows(table).map((row) => row.replace(/^[^,]*,/, ''))));
        seen.push([...notes].join(' and '));
      },
    });
    replica.requireEqual('after the transactions');
    const halves = seen.filter((notes) => notes.includes(' and '));
    deepStrictEqual(halves, [], 'a commit shows half a transaction');
  }),
  replicaCheck('begins anew on a full refresh, and leaves nothing behind', async (replica) => {
    await copied(replica);
    await replica.transact(
      { type: 'delete', table: 'items', id: 1 },
      { type: 'update', table: 'items', id: 2, note: 'b' },
    );
    const { rows } = await replica.runWell({ fullRefresh: true });
    replica.requireEqual('after a full refresh');
    ok(rows >= COPIED, 'a full refresh did not read the whole tables');
    await replica.transact({ type: 'delete', table: 'items', id: 2 });
    await replica.runWell();
    replica.requireEqual('after the full refresh and a change');
  }),
];
