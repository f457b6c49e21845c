import { newestEntries, type StateEntry } from '@etl/core';
import { describe, expect, test } from 'vitest';
import { usePostgres } from '../support/postgres.ts';
import { Replica } from '../support/replica.ts';

const postgres = usePostgres({ max_slot_wal_keep_size: '1MB' });
const TABLES = `CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a VALUES (1, 'a');
  CREATE TABLE b (id int PRIMARY KEY, v text); INSERT INTO b VALUES (1, 'b')`;

describe('a full refresh', () => {
  test('resync_table: copies it anew and loses no changes of the others', async () => {
    await using database = await postgres.database(TABLES);
    const replica = new Replica(database);
    await replica.run();
    replica.store.tables.get('a')?.clear();
    await database.sql(`INSERT INTO b VALUES (2, 'new'); UPDATE b SET v = 'changed' WHERE id = 1`);
    const report = await replica.attempt({ fullRefresh: true, streams: ['a'] });
    expect(report.rows).toBe(3);
    await replica.run();
    expect(await replica.difference(database, 'a', ['id', 'v'])).toEqual([]);
    expect(await replica.difference(database, 'b', ['id', 'v'])).toEqual([]);
  });

  test('of all copies all, and the next run goes on from there', async () => {
    await using database = await postgres.database(TABLES);
    const replica = new Replica(database);
    await replica.run();
    for (const rows of replica.store.tables.values()) rows.clear();
    await replica.attempt({ fullRefresh: true });
    for (const table of ['a', 'b']) expect(await replica.difference(database, table, ['id', 'v'])).toEqual([]);
    await database.sql(`INSERT INTO b VALUES (2, 'new')`);
    expect((await replica.run()).rows).toBe(1);
  });

  test('during which a table has no key copies that table once it has one again', async () => {
    await using database = await postgres.database(TABLES);
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`ALTER TABLE b REPLICA IDENTITY NOTHING; INSERT INTO b VALUES (2, 'unseen')`);
    expect((await replica.attempt({ fullRefresh: true })).failures).toMatchObject([{ stream: 'b' }]);
    expect(replica.state().some(({ stream }) => stream === 'b')).toBe(false);
    await database.sql(`ALTER TABLE b REPLICA IDENTITY DEFAULT`);
    await replica.run();
    expect(await replica.difference(database, 'b', ['id', 'v'])).toEqual([]);
  });

  test('forgets a table that cannot be copied, without an engine to do it', async () => {
    await using database = await postgres.database(TABLES);
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`ALTER TABLE b REPLICA IDENTITY NOTHING`);
    await using source = replica.source();
    const entries: StateEntry[] = [];
    for await (const message of source.read({ state: replica.state(), fullRefresh: true })) {
      if (message.type === 'checkpoint') entries.push(...message.checkpoint.entries);
    }
    expect(newestEntries(entries)).toContainEqual({ stream: 'b', partition: '', value: null });
  });

  test('does not need positions of the tables that it can read', async () => {
    await using database = await postgres.database(TABLES);
    const replica = new Replica(database);
    await replica.run();
    const state = replica.state().map((entry) => (entry.stream === 'a' ? { ...entry, value: 'unreadable' } : entry));
    replica.store.state.set('test', state);
    await replica.attempt({ fullRefresh: true, streams: ['a'] });
    expect((await replica.run()).rows).toBe(0);
  });

  test('of all makes a new slot when the log of the old one was removed', async () => {
    await using database = await postgres.database(TABLES);
    const replica = new Replica(database);
    await replica.run();
    await expect
      .poll(
        async () => {
          await database.sql(
            `SELECT pg_logical_emit_message(false, 't', repeat('x', 4000000)); SELECT pg_switch_wal()`,
          );
          await database.sql('CHECKPOINT');
          return database.value(`SELECT wal_status FROM pg_replication_slots WHERE slot_name = '${database.name}'`);
        },
        { timeout: 20_000 },
      )
      .toBe('lost');
    await expect(replica.run()).rejects.toMatchObject({ code: 'PG_SLOT_LOST' });
    await replica.attempt({ fullRefresh: true });
    await database.sql(`INSERT INTO b VALUES (2, 'new')`);
    expect((await replica.run()).rows).toBe(1);
  });
});

test('state_lost: a slot without a position is gone on from, and every table is copied anew', async () => {
  await using database = await postgres.database(TABLES);
  const replica = new Replica(database);
  await replica.run();
  await database.sql(`INSERT INTO b VALUES (2, 'unread'); DELETE FROM a`);
  replica.store.state.clear();
  const report = await replica.run();
  expect(report.rows).toBe(2);
  for (const table of ['a', 'b']) expect(await replica.difference(database, table, ['id', 'v'])).toEqual([]);
  await database.sql(`DELETE FROM b WHERE id = 1`);
  expect((await replica.run()).rows).toBe(1);
});

test('resync_table while others stream, and while it is written to', async () => {
  await using database = await postgres.database(
    `${TABLES}; INSERT INTO a SELECT g, 'a' FROM generate_series(2, 3000) g`,
  );
  const replica = new Replica(database, { pageRows: 200 });
  await replica.run();
  await using writer = await database.connect();
  const stop = new AbortController();
  const writing = (async () => {
    for (let id = 10_000; !stop.signal.aborted; id += 1)
      await writer.query(
        `INSERT INTO a VALUES (${id}, 'new'); UPDATE a SET v = 'u${id}' WHERE id = ${(id % 2000) + 1}; DELETE FROM a WHERE id = ${id - 3}; INSERT INTO b VALUES (${id}, 'b')`,
      );
  })();
  await replica.attempt({ fullRefresh: true, streams: ['a'] });
  await replica.attempt({ fullRefresh: true, streams: ['a'] });
  stop.abort();
  await writing;
  await replica.run();
  for (const table of ['a', 'b']) expect(await replica.difference(database, table, ['id', 'v'])).toEqual([]);
});
