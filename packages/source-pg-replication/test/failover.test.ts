import pg from 'pg';
import type { PostgresServer } from '@etl/testing/postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, Replica } from './support/replica.ts';
import { startServer, TestDatabase } from './support/postgres.ts';

const SLOT = 'failover';

/** The database that all servers of these tests have. */
async function databaseOf(server: PostgresServer): Promise<TestDatabase> {
  const client = new pg.Client(server.connectionString('shop'));
  client.on('error', () => undefined);
  await client.connect();
  return new TestDatabase('shop', server.connectionString('shop'), client, server.connectionString());
}

async function versionOf(database: TestDatabase): Promise<number> {
  return Number(await database.value(`SELECT current_setting('server_version_num')`));
}

describe('a standby that is promoted', () => {
  let primary: PostgresServer;
  let database: TestDatabase;

  beforeAll(async () => {
    primary = await startServer();
    const admin = new pg.Client(primary.connectionString());
    await admin.connect();
    await admin.query('CREATE DATABASE shop');
    await admin.end();
    database = await databaseOf(primary);
    await database.sql(`CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a')`);
  });
  afterAll(async () => {
    await database.client.end().catch(() => undefined);
    await primary[Symbol.asyncDispose]();
  });

  /** A copy of the primary as it is now, promoted: a cluster with the same identity on another timeline. */
  async function promotedCopy(): Promise<PostgresServer> {
    await database.client.end();
    await primary.stop();
    const copy = await startServer({ copyOf: primary, standbyOf: 'nobody' });
    await primary.start();
    database = await databaseOf(primary);
    const other = await databaseOf(copy);
    await other.sql('SELECT pg_promote(true)');
    await other.client.end();
    return copy;
  }

  test('and lacks what was loaded last is refused, whatever it has written since', async () => {
    const replica = new Replica(database, { slot: SLOT });
    await replica.run();
    const copy = await promotedCopy();
    try {
      await database.sql(`INSERT INTO items VALUES (2, 'only at the old primary')`);
      const there = replica.elsewhere(database);
      await there.run();
      expect(there.rows('items')).toHaveLength(2);

      const other = await databaseOf(copy);
      const moved = there.elsewhere(other);
      const behind = await failureOf(moved.run());
      expect(behind).toMatchObject({ code: 'PG_TIMELINE_FORKED', kind: 'state', context: { repair: 'full-refresh' } });
      // Its log grows beyond the position, so that only the timeline tells.
      for (let round = 0; round < 20; round += 1) {
        await other.sql(`SELECT pg_logical_emit_message(false, 'fill', repeat('x', 100000)); SELECT pg_switch_wal()`);
      }
      await other.sql(`INSERT INTO items VALUES (3, 'only at the new primary')`);
      const error = await failureOf(moved.run());
      expect(error.code).toBe('PG_TIMELINE_FORKED');
      expect(error.message).toMatch(/timeline 1 .* on timeline 2/);

      await moved.attempt({ fullRefresh: true });
      expect(await moved.difference(other, 'items', ['id', 'name'])).toEqual([]);
      await other.sql(`INSERT INTO items VALUES (4, 'd')`);
      await moved.run();
      expect(await moved.difference(other, 'items', ['id', 'name'])).toEqual([]);
      await other.client.end();
    } finally {
      await copy[Symbol.asyncDispose]();
    }
  });

  test('and has all that was loaded is gone on from, where the slot came along', async () => {
    const replica = new Replica(database, { slot: 'kept' });
    await replica.run();
    const copy = await promotedCopy();
    const other = await databaseOf(copy);
    try {
      await other.sql(`INSERT INTO items VALUES (11, 'after the promotion')`);
      const moved = replica.elsewhere(other);
      expect(await other.confirmedLsn('kept')).not.toBeNull();
      await moved.run();
      expect(await moved.difference(other, 'items', ['id', 'name'])).toEqual([]);
    } finally {
      await other.client.end();
      await copy[Symbol.asyncDispose]();
    }
  });

  test('a server that was set back to an older copy of its disk is refused', async () => {
    const replica = new Replica(database, { slot: 'older' });
    await replica.run();
    await database.client.end();
    await primary.stop();
    const older = await startServer({ copyOf: primary });
    await primary.start();
    database = await databaseOf(primary);
    try {
      await database.sql(`SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1000000))`);
      const later = replica.elsewhere(database);
      await later.run();
      const other = await databaseOf(older);
      const error = await failureOf(later.elsewhere(other).run());
      expect(error).toMatchObject({ code: 'PG_SERVER_BEHIND', kind: 'state', context: { repair: 'full-refresh' } });
      await other.client.end();
    } finally {
      await older[Symbol.asyncDispose]();
    }
  });
});

describe('a slot that standbys keep a copy of', () => {
  test('failover_slot_promoted_standby: is gone on from at a promoted standby, with 17 and newer', async (context) => {
    await using primary = await startServer();
    const admin = new pg.Client(primary.connectionString());
    await admin.connect();
    await admin.query(`CREATE DATABASE shop`);
    await admin.query(`SELECT pg_create_physical_replication_slot('standby', true)`);
    await admin.end();
    let writer = await databaseOf(primary);
    const version = await versionOf(writer);
    await writer.sql(`CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a')`);
    const replica = new Replica(writer, { slot: SLOT, failover: true });
    if (version < 170_000) {
      expect(await failureOf(replica.run())).toMatchObject({ code: 'PG_FAILOVER_UNSUPPORTED', kind: 'config' });
      await writer.client.end();
      context.skip(`PostgreSQL ${version} keeps no copies of slots`);
    }
    await writer.client.end();
    await primary.stop();
    const { host, port, user, password } = primary;
    await using standby = await startServer({
      copyOf: primary,
      standbyOf: primary,
      settings: {
        primary_conninfo: `host=${host} port=${port} user=${user} password=${password} dbname=shop`,
        primary_slot_name: 'standby',
        sync_replication_slots: 'on',
      },
    });
    await primary.start();
    writer = await databaseOf(primary);
    const reader = await databaseOf(standby);
    // A slot that was made without is changed by the first run that wants it.
    await replica.with({ failover: false }).run();
    expect(replica.rows('items')).toHaveLength(1);
    for (const id of [2, 3]) {
      await writer.sql(`INSERT INTO items VALUES (${id}, 'b'); UPDATE items SET name = 'c${id}' WHERE id = 1`);
      await replica.run();
      const confirmed = await writer.confirmedLsn(SLOT);
      await expect
        .poll(
          async () =>
            reader.value(
              `SELECT synced AND NOT temporary AND confirmed_flush_lsn >= '${confirmed}' FROM pg_replication_slots WHERE slot_name = '${SLOT}'`,
            ),
          { timeout: 40_000, interval: 100 },
        )
        .toBe('t');
    }
    await writer.sql(`INSERT INTO items VALUES (4, 'not read before'); DELETE FROM items WHERE id = 2`);
    const written = await writer.value('SELECT pg_current_wal_insert_lsn()');
    await expect
      .poll(async () => reader.value(`SELECT pg_last_wal_replay_lsn() >= '${written}'`), { timeout: 15_000 })
      .toBe('t');
    await writer.client.end();
    await primary.stop('immediate');
    await reader.sql('SELECT pg_promote(true)');
    await reader.sql(`INSERT INTO items VALUES (5, 'after the promotion')`);
    const moved = replica.elsewhere(reader);
    await moved.run();
    expect(await moved.difference(reader, 'items', ['id', 'name'])).toEqual([]);
    await reader.sql(`UPDATE items SET name = 'last'; DELETE FROM items WHERE id = 3`);
    expect((await moved.run()).rows).toBeGreaterThan(0);
    expect(await moved.difference(reader, 'items', ['id', 'name'])).toEqual([]);
    await reader.client.end();
  });
});

describe('a standby as the source', () => {
  test('read_replica_source: is read up to what it has replayed, with 16 and newer', async (context) => {
    await using primary = await startServer();
    const admin = new pg.Client(primary.connectionString());
    await admin.connect();
    await admin.query('CREATE DATABASE shop');
    await admin.end();
    let writer = await databaseOf(primary);
    if ((await versionOf(writer)) < 160_000) {
      await writer.client.end();
      context.skip('before 16 a standby has no logical slots');
    }
    await writer.sql(`CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a');
      CREATE PUBLICATION etl FOR TABLE items`);
    await writer.client.end();
    await primary.stop();
    await using standby = await startServer({ copyOf: primary, standbyOf: primary });
    await primary.start();
    writer = await databaseOf(primary);
    const reader = await databaseOf(standby);
    expect(await reader.value('SELECT pg_is_in_recovery()')).toBe('t');
    const isCaughtUp = async (): Promise<void> => {
      // Of asynchronous commits, too.
      const lsn = await writer.value('SELECT pg_current_wal_insert_lsn()');
      await expect
        .poll(async () => reader.value(`SELECT pg_last_wal_replay_lsn() >= '${lsn}'`), { timeout: 15_000 })
        .toBe('t');
    };
    // A slot on a standby waits for the primary to say which transactions are open.
    const stop = new AbortController();
    const helping = (async () => {
      while (!stop.signal.aborted) {
        await writer.sql('SELECT pg_log_standby_snapshot()');
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
    const replica = new Replica(reader, { slot: 'on_standby', publication: 'etl' });
    await replica.run();
    expect(replica.rows('items')).toEqual([{ id: 1, name: 'a' }]);
    await writer.sql(`INSERT INTO items VALUES (2, 'b'); UPDATE items SET name = 'c' WHERE id = 1`);
    await isCaughtUp();
    await replica.run();
    expect(replica.rows('items')).toEqual([
      { id: 1, name: 'c' },
      { id: 2, name: 'b' },
    ]);
    stop.abort();
    await helping;
    // Promoted, it is the same history on: nothing was read that it does not have.
    await reader.sql('SELECT pg_promote(true)');
    await reader.sql(`INSERT INTO items VALUES (3, 'after the promotion')`);
    await replica.run();
    expect(replica.rows('items')).toHaveLength(3);
    await Promise.all([writer.client.end(), reader.client.end()]);
  });
});
