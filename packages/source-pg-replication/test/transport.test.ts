import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startServer, usePostgres } from './support/postgres.ts';
import { failureOf, readAll, Replica } from './support/replica.ts';

const postgres = usePostgres({ wal_sender_timeout: '1s' });
const ITEMS = `CREATE TABLE items (id int PRIMARY KEY, name text)`;

test('a destination that is slower than the timeout of the server does not lose the connection', async () => {
  await using database = await postgres.database(ITEMS);
  const replica = new Replica(database, { statusIntervalMs: 200, pageRows: 1000 });
  await replica.run();
  await database.sql(`INSERT INTO items SELECT g, repeat('x', 1000) FROM generate_series(1, 20000) g`);
  await using source = replica.source();
  let rows = 0;
  let isSlow = true;
  for await (const message of source.read({ state: replica.state() })) {
    if (message.type !== 'records') continue;
    rows += message.rows.length;
    if (isSlow) await delay(2500);
    isSlow = false;
  }
  expect(rows).toBe(20_000);
});

test('a keepalive that asks for a reply gets it although the own timer is slow', async () => {
  await using database = await postgres.database(ITEMS);
  await using other = await database.connect();
  const replica = new Replica(database, { statusIntervalMs: 60_000 });
  await replica.run();
  // Holds the walsender in the log for longer than its timeout: it sends keepalives meanwhile.
  await other.query(`BEGIN; INSERT INTO items SELECT g, repeat('x', 100) FROM generate_series(1, 300000) g; ROLLBACK`);
  await replica.run();
  expect(replica.rows('items')).toEqual([]);
});

test('reading pauses with its consumer', async () => {
  await using database = await postgres.database(ITEMS);
  const replica = new Replica(database, { statusIntervalMs: 200, pageRows: 100 });
  await replica.run();
  await database.sql(`INSERT INTO items SELECT g, repeat('x', 2000) FROM generate_series(1, 30000) g`);
  await using source = replica.source();
  const before = process.memoryUsage().rss;
  let rows = 0;
  for await (const message of source.read({ state: replica.state() })) {
    if (message.type !== 'records') continue;
    rows += message.rows.length;
    if (rows === 100) {
      await delay(700);
      expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1024 * 1024);
    }
  }
  expect(rows).toBe(30_000);
});

test('toast_large_64MiB_row: a value of 64 MiB arrives whole, in the snapshot and in the stream', async () => {
  await using database = await postgres.database(
    `${ITEMS}; INSERT INTO items VALUES (1, repeat('é', 32 * 1024 * 1024))`,
  );
  const replica = new Replica(database);
  await replica.run();
  await database.sql(`INSERT INTO items VALUES (2, repeat('b', 64 * 1024 * 1024))`);
  await replica.run();
  const [first, second] = replica.rows('items').map(({ name }) => String(name));
  expect(first === 'é'.repeat(32 * 1024 * 1024)).toBe(true);
  expect(second?.length).toBe(64 * 1024 * 1024);
});

test('a server that fails in the midst is an error to try again, and nothing is lost', async () => {
  await using server = await startServer({ settings: { fsync: 'on' } });
  const { default: pg } = await import('pg');
  const { TestDatabase } = await import('./support/postgres.ts');
  const connect = async (): Promise<InstanceType<typeof TestDatabase>> => {
    const client = new pg.Client(server.connectionString());
    client.on('error', () => undefined);
    await client.connect();
    return new TestDatabase('postgres', server.connectionString(), client, '');
  };
  let database = await connect();
  await database.sql(ITEMS);
  const replica = new Replica(database, { pageRows: 50 });
  await replica.run();
  for (const when of ['stream', 'between', 'terminate'] as const) {
    await database.sql(
      `SET synchronous_commit = on; INSERT INTO items SELECT g, repeat('${when}', 500) FROM generate_series((SELECT count(*) FROM items) + 1, (SELECT count(*) FROM items) + 5000) g`,
    );
    if (when === 'between') {
      await server.restart('immediate');
    } else {
      await using source = replica.source();
      let isDone = false;
      const reading = (async () => {
        for await (const message of source.read({ state: replica.state() })) {
          if (message.type !== 'records' || isDone) continue;
          isDone = true;
          if (when === 'stream') await server.restart('immediate');
          else await database.sql(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active`);
          await delay(100);
        }
      })();
      expect(await failureOf(reading)).toMatchObject({ code: 'PG_UNREACHABLE', kind: 'transient' });
    }
    if (when !== 'terminate') {
      await database.client.end().catch(() => undefined);
      database = await connect();
    }
    await replica.run({ commitEveryRows: 100 });
    expect(await replica.difference(database, 'items', ['id', 'name'])).toEqual([]);
  }
  await server.stop();
  expect(await failureOf(readAll(replica.source()))).toMatchObject({ code: 'PG_UNREACHABLE', kind: 'transient' });
  await database.client.end().catch(() => undefined);
});
