import { setTimeout as delay } from 'node:timers/promises';
import { EtlError, runPipeline, type Destination, type DestinationSession } from '@etl/core';
import type { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import type { ServerFacts } from '../src/catalog.ts';
import { reachedFence, takeFence } from '../src/fence.ts';
import { parseLsn } from '../src/lsn.ts';
import { usePostgres, type TestDatabase } from './support/postgres.ts';
import { failureOf, lastCheckpoint, lsnOf, readAll, Replica, rowsOf } from './support/replica.ts';

const postgres = usePostgres();
const ITEMS = `CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a')`;

async function confirmed(database: TestDatabase): Promise<bigint> {
  return parseLsn((await database.confirmedLsn(database.name)) ?? '');
}

describe('acknowledgement', () => {
  test('ack_never_before_durable: confirms exactly the stored position, not before it is stored and never beyond', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database);
    await using source = replica.source();
    const first = await readAll(source);
    const before = await confirmed(database);
    const entries = first.flatMap((message) => (message.type === 'checkpoint' ? message.checkpoint.entries : []));
    await database.sql(`INSERT INTO items VALUES (2, 'b')`);
    const second = await readAll(source, entries);
    expect(rowsOf(second, 'items')).toHaveLength(1);
    expect(await confirmed(database)).toBe(before);
    const checkpoint = lastCheckpoint(second);
    await source.acknowledge?.(checkpoint);
    const position = lsnOf(checkpoint);
    expect(await database.confirmedLsn(database.name)).toBe(position);
    await source.acknowledge?.(checkpoint);
    expect(await database.confirmedLsn(database.name)).toBe(position);
  });

  test('within a reading reaches the slot at once', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database, { pageRows: 10 });
    await replica.run();
    await database.sql(`INSERT INTO items SELECT g, 'x' FROM generate_series(10, 29) g`);
    await database.sql(`INSERT INTO items SELECT g, 'x' FROM generate_series(30, 49) g`);
    await using source = replica.source();
    for await (const message of source.read({ state: replica.state() })) {
      if (message.type !== 'checkpoint') continue;
      await source.acknowledge?.(message.checkpoint);
      const position = lsnOf(message.checkpoint);
      await expect.poll(async () => database.confirmedLsn(database.name), { timeout: 5000 }).toBe(position);
      return;
    }
  });

  test('adjacent_commit_records_after_ack: of a transaction does not lose the one whose commit record follows it at once', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database);
    await replica.run();
    await using one = await database.connect();
    await using two = await database.connect();
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const id = 100 + attempt * 2;
      // Both commit records are written next to each other, all other records before them.
      await one.query(`SET synchronous_commit = off; BEGIN; INSERT INTO items VALUES (${id}, 'one')`);
      await two.query(`SET synchronous_commit = off; BEGIN; INSERT INTO items VALUES (${id + 1}, 'two')`);
      await Promise.all([one.query('COMMIT'), two.query('COMMIT')]);
      await using source = new Replica(database, { pageRows: 1 }).source();
      // A run that ends after its first load, as if killed there.
      const state = [...replica.state()];
      for await (const message of source.read({ state })) {
        if (message.type !== 'checkpoint') continue;
        await source.acknowledge?.(message.checkpoint);
        replica.store.state.set('test', [
          ...replica.state().filter(({ stream }) => stream !== ''),
          ...message.checkpoint.entries.filter(({ stream }) => stream === ''),
        ]);
        break;
      }
      const rest = await readAll(new Replica(database).source(), replica.state());
      const ids = rowsOf(rest, 'items').map((row) => row['id']);
      expect(ids).toEqual([id + 1].filter((expected) => ids.includes(expected)).concat(ids.includes(id) ? [id] : []));
      expect(ids).toHaveLength(1);
      await replica.run();
    }
  });

  test('is never made up by the timer, neither for what was read nor in the midst of a transaction', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database, { pageRows: 10, statusIntervalMs: 5 });
    await replica.run();
    const stored = replica.lsn();
    await database.sql(`INSERT INTO items SELECT g, 'x' FROM generate_series(10, 29) g`);
    await database.sql(`INSERT INTO items SELECT g, 'x' FROM generate_series(30, 49) g`);
    await using source = replica.source();
    let first: string | undefined;
    let rows = 0;
    for await (const message of source.read({ state: replica.state() })) {
      if (message.type === 'records') rows += message.rows.length;
      if (message.type === 'records' || message.type === 'checkpoint') {
        await delay(30);
        expect(await database.confirmedLsn(database.name)).toBe(first ?? stored);
      }
      if (message.type !== 'checkpoint' || first !== undefined) continue;
      first = lsnOf(message.checkpoint);
      await source.acknowledge?.(message.checkpoint);
      await expect.poll(async () => database.confirmedLsn(database.name), { timeout: 5000 }).toBe(first);
    }
    expect(rows).toBe(40);
    expect(await database.confirmedLsn(database.name)).toBe(first);
  });

  test('idle_keepalive_ack_mid_transaction: while a transaction is open does not lose it', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database);
    await replica.run();
    await using other = await database.connect();
    await other.query(`BEGIN; INSERT INTO items VALUES (2, 'open')`);
    await replica.run();
    await replica.run();
    expect(replica.rows('items')).toHaveLength(1);
    await other.query('COMMIT');
    await replica.run();
    expect(replica.rows('items')).toHaveLength(2);
  });

  test('slot_advances_when_idle_db, slot_advances_when_only_unpublished_tables_change, cron_run_on_idle_db: moves the slot of an idle database, and of one where only other tables change', async () => {
    await using database = await postgres.database(`${ITEMS}; CREATE TABLE other (id int PRIMARY KEY)`);
    const replica = new Replica(database, { tables: ['items'] });
    await replica.run();
    const first = await confirmed(database);
    await replica.run();
    const second = await confirmed(database);
    expect(second).toBeGreaterThan(first);
    await database.sql(`INSERT INTO other SELECT generate_series(1, 1000)`);
    expect((await replica.run()).rows).toBe(0);
    expect(await confirmed(database)).toBeGreaterThan(second + 50_000n);
    expect(await database.confirmedLsn(database.name)).toBe(replica.lsn());
  });

  test('status_update_skipped_then_restart: that never comes makes the next reading begin where the slot is, and changes nothing', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`INSERT INTO items VALUES (2, 'b')`);
    await using source = replica.source();
    const once = await readAll(source, replica.state());
    const twice = await readAll(source, replica.state());
    expect(rowsOf(twice, 'items')).toEqual(rowsOf(once, 'items'));
  });
});

describe('the end of a reading', () => {
  test('cron_async_commit_just_before_start: includes a commit that was asynchronous a moment before', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database);
    await replica.run();
    for (let id = 10; id < 15; id += 1) {
      await database.sql(`SET synchronous_commit = off; INSERT INTO items VALUES (${id}, 'async')`);
      await replica.run();
      expect(replica.rows('items').some((row) => row['id'] === id)).toBe(true);
    }
  });

  test('cron_run_reads_to_lsn_and_exits, cron_run_while_writer_never_stops: comes although a writer never stops', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database);
    await replica.run();
    await using writer = await database.connect();
    const stop = new AbortController();
    const writing = (async () => {
      for (let id = 10; !stop.signal.aborted; id += 1) await writer.query(`INSERT INTO items VALUES (${id}, 'more')`);
    })();
    for (let run = 0; run < 3; run += 1) await replica.run();
    stop.abort();
    await writing;
    await replica.run();
    expect(await replica.difference(database, 'items', ['id', 'name'])).toEqual([]);
  });

  test('cron_target_at_page_boundary: a position behind the header of a page is reached at the start of the page', async () => {
    for (const [replayed, target] of [
      ['0/3000000', 0x3000000n],
      ['0/3000028', 0x3000000n],
      ['0/3000029', 0x3000029n],
    ] as const) {
      const control = { query: async () => ({ rows: [{ lsn: replayed }] }) } as unknown as Client;
      const fence = await takeFence(control, { isStandby: true } as ServerFacts);
      expect(fence).toEqual({ type: 'position', lsn: target });
      const at = (walEnd: bigint): bigint | undefined => reachedFence(fence, { type: 'keepalive', walEnd });
      expect([at(target - 1n), at(target)]).toEqual([undefined, target]);
    }
  });

  test('leaves the slot free, and so does stopping midway', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database, { pageRows: 1 });
    await replica.run();
    await database.sql(`INSERT INTO items SELECT g, 'x' FROM generate_series(10, 200) g`);
    await using source = replica.source();
    for await (const message of source.read({ state: replica.state() })) if (message.type === 'records') break;
    await expect
      .poll(async () => database.value(`SELECT active FROM pg_replication_slots WHERE slot_name = '${database.name}'`))
      .toBe('f');
    await expect
      .poll(async () =>
        database.value(
          `SELECT count(*) FROM pg_stat_activity WHERE datname = '${database.name}' AND application_name = 'etl'`,
        ),
      )
      .toBe('0');
    await replica.run();
  });

  test('an abort ends it soon with the reason, in the snapshot and in the stream', async () => {
    await using database = await postgres.database(
      `${ITEMS}; INSERT INTO items SELECT g, 'x' FROM generate_series(10, 5000) g`,
    );
    const replica = new Replica(database, { pageRows: 10 });
    for (const when of ['snapshot', 'stream']) {
      const reason = new Error('stopped by the user');
      const stop = new AbortController();
      await using source = replica.source();
      const reading = (async () => {
        for await (const message of source.read({ ...replica.request(), signal: stop.signal })) {
          if (message.type === 'records') stop.abort(reason);
        }
      })();
      await expect(reading, when).rejects.toBe(reason);
      await replica.run();
      await database.sql(`UPDATE items SET name = 'y'`);
    }
  });
});

describe('is refused', () => {
  test('slot_dropped_while_down: when the slot is gone but the position is not', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`SELECT pg_drop_replication_slot('${database.name}')`);
    expect(await failureOf(replica.run())).toMatchObject({ code: 'PG_SLOT_MISSING', kind: 'state' });
    await replica.attempt({ fullRefresh: true });
    expect(await replica.difference(database, 'items', ['id', 'name'])).toEqual([]);
    await replica.run();
  });

  test('when the slot is gone and only some tables are to be copied anew', async () => {
    await using database = await postgres.database(`${ITEMS}; CREATE TABLE other (id int PRIMARY KEY)`);
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`SELECT pg_drop_replication_slot('${database.name}')`);
    const error = await failureOf(replica.attempt({ fullRefresh: true, streams: ['items'] }));
    expect(error).toMatchObject({ code: 'PG_SLOT_MISSING', kind: 'state' });
    expect(error.hint).toContain('of all streams');
    expect(await database.confirmedLsn(database.name)).toBe(null);
  });

  test('slot_recreated_ahead_of_state: when the slot is ahead of the position', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`INSERT INTO items VALUES (2, 'skipped')`);
    await database.sql('SELECT pg_switch_wal()');
    await database.sql(`SELECT pg_replication_slot_advance('${database.name}', pg_current_wal_lsn())`);
    expect(await failureOf(replica.run())).toMatchObject({ code: 'PG_SLOT_AHEAD', kind: 'state' });
    await replica.attempt({ fullRefresh: true });
    expect(replica.rows('items')).toHaveLength(2);
  });

  test('different_system_identifier: when the position is that of another cluster', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database);
    await replica.run();
    const state = replica
      .state()
      .map((entry) =>
        entry.stream === '' ? { ...entry, value: { ...(entry.value as object), system_identifier: '1' } } : entry,
      );
    replica.store.state.set('test', state);
    expect(await failureOf(replica.run())).toMatchObject({ code: 'PG_SYSTEM_CHANGED', kind: 'state' });
    await replica.attempt({ fullRefresh: true });
    expect(replica.state().find(({ stream }) => stream === '')?.value).toMatchObject({ epoch: 2 });
    expect((await replica.run()).rows).toBe(0);
  });

  test('when the stored position is not readable', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database);
    replica.store.state.set('test', [{ stream: '', partition: 'slot', value: { lsn: 'x' } }]);
    expect(await failureOf(replica.run())).toMatchObject({ code: 'PG_STATE_INVALID', kind: 'state' });
    await replica.attempt({ fullRefresh: true });
    expect(await replica.difference(database, 'items', ['id', 'name'])).toEqual([]);
  });

  test('slot_active_by_other_process, two_runs_overlap: when another process reads the slot, naming it', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database, { slotWaitMs: 200 });
    await replica.run();
    await database.sql(`INSERT INTO items VALUES (2, 'b')`);
    await using source = replica.source();
    for await (const message of source.read({ state: replica.state() })) {
      if (message.type !== 'records') continue;
      const error = await failureOf(readAll(new Replica(database, { slotWaitMs: 200 }).source(), replica.state()));
      expect(error).toMatchObject({ code: 'PG_SLOT_IN_USE', kind: 'transient' });
      const holder = await database.value(
        `SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE datname = '${database.name}' AND application_name = 'etl'`,
      );
      expect(holder?.split(',')).toContain(String(error.context['pid']));
    }
    await replica.run();
  });

  test('when the slot belongs to something else', async () => {
    await using database = await postgres.database(ITEMS);
    await database
      .sql(`SELECT pg_create_logical_replication_slot('${database.name}', 'test_decoding')`)
      .catch(() => undefined);
    if ((await database.confirmedLsn(database.name)) === null) {
      await database.sql(`SELECT pg_create_physical_replication_slot('${database.name}')`);
    }
    expect(await failureOf(new Replica(database).run())).toMatchObject({ code: 'PG_SLOT_FOREIGN', kind: 'config' });
    await database.sql(`SELECT pg_drop_replication_slot('${database.name}')`);
  });
});

describe('a slot that a reading created', () => {
  test('is dropped when the reading fails before its first checkpoint', async () => {
    await using database = await postgres.database(ITEMS);
    await using source = new Replica(database).source();
    for await (const message of source.read()) {
      expect(message.type).toBe('schema');
      expect(await database.confirmedLsn(database.name)).not.toBeNull();
      break;
    }
    expect(await database.confirmedLsn(database.name)).toBeNull();
  });

  test('is dropped when the reading is stopped before its first checkpoint', async () => {
    await using database = await postgres.database(ITEMS);
    await using source = new Replica(database).source();
    const stop = new AbortController();
    const reading = async (): Promise<void> => {
      for await (const message of source.read({ signal: stop.signal })) {
        expect(message.type).not.toBe('checkpoint');
        stop.abort(new Error('stopped'));
      }
    };
    await expect(reading()).rejects.toThrow('stopped');
    expect(await database.confirmedLsn(database.name)).toBeNull();
  });

  test('stays when a checkpoint may have been stored', async () => {
    await using database = await postgres.database(ITEMS);
    await using source = new Replica(database).source();
    for await (const message of source.read()) if (message.type === 'checkpoint') break;
    expect(await database.confirmedLsn(database.name)).not.toBeNull();
  });

  test('is dropped when no table could be loaded through it, and the next run begins anew', async () => {
    await using database = await postgres.database('CREATE TABLE items (id int)');
    const replica = new Replica(database);
    expect((await replica.attempt()).status).toBe('failed');
    expect(await database.confirmedLsn(database.name)).toBeNull();
    expect(replica.lsn()).not.toBe('undefined');
    await database.sql('ALTER TABLE items ADD PRIMARY KEY (id); INSERT INTO items VALUES (1)');
    await replica.source().check();
    await replica.run();
    expect(replica.rows('items')).toEqual([{ id: 1 }]);
    await database.sql('INSERT INTO items VALUES (2)');
    await replica.run();
    expect(replica.rows('items')).toHaveLength(2);
  });

  test('is dropped when the destination takes none of the tables', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database);
    await using source = replica.source();
    const destination = replica.destination();
    const refusing: Destination = {
      ...destination,
      check: async () => undefined,
      open: async (...given) => {
        const session = await destination.open(...given);
        return new Proxy(session, {
          get: (target, name) =>
            name === 'beginLoad' ? refusingLoads(target) : bound(target, Reflect.get(target, name, target)),
        });
      },
    };
    const report = await runPipeline({ name: 'test', source, destination: refusing });
    expect(report.failures.map(({ error }) => error.code)).toEqual(['SCOPE_OWNED']);
    expect(await database.confirmedLsn(database.name)).toBeNull();
    await replica.run();
    expect(replica.rows('items')).toHaveLength(1);
    expect(await database.confirmedLsn(database.name)).not.toBeNull();
  });

  test('stays when only the last checkpoint is acknowledged, which stands for all before it', async () => {
    await using database = await postgres.database(ITEMS);
    await using source = new Replica(database).source();
    await source.acknowledge?.(lastCheckpoint(await readAll(source)));
    expect(await database.confirmedLsn(database.name)).not.toBeNull();
  });

  test('is never dropped when it was there before', async () => {
    await using database = await postgres.database('CREATE TABLE items (id int)');
    await database.sql(`SELECT pg_create_logical_replication_slot('${database.name}', 'pgoutput')`);
    const replica = new Replica(database);
    expect((await replica.attempt({ fullRefresh: true })).status).toBe('failed');
    expect(await database.confirmedLsn(database.name)).not.toBeNull();
    await using source = replica.source();
    for await (const message of source.read()) {
      expect(message.type).toBe('stream-failed');
      break;
    }
    expect(await database.confirmedLsn(database.name)).not.toBeNull();
  });
});

/** Loads that refuse every table, as a destination does whose tables belong to another pipeline. */
function refusingLoads(session: DestinationSession): DestinationSession['beginLoad'] {
  return async (...given) => {
    const load = await session.beginLoad(...given);
    load.prepare = async () => {
      throw new EtlError({ code: 'SCOPE_OWNED', kind: 'config', message: 'It belongs to another pipeline.' });
    };
    return load;
  };
}

function bound(target: object, value: unknown): unknown {
  return typeof value === 'function' ? value.bind(target) : value;
}
