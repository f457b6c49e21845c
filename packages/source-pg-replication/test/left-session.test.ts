import { expect, test } from 'vitest';
import { Connector } from '../src/connector.ts';
import { usePostgres, type TestDatabase } from './support/postgres.ts';

const postgres = usePostgres();

const backend = async (client: Awaited<ReturnType<Connector['connect']>>): Promise<string> => {
  const { rows } = await client.query<{ pid: string }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid ?? '';
};

function connectorOf({ url }: TestDatabase): Connector {
  return new Connector({ connectionString: url, applicationName: 'test', connectTimeoutMs: 10_000 });
}

test('a session for replication that was left is the next one, once', async () => {
  await using database = await postgres.database();
  const connector = connectorOf(database);
  const first = await connector.connectReplication();
  connector.leaveReplication(first);
  const next = await connector.connectReplication();
  const another = await connector.connectReplication();
  expect([await backend(next), next === another]).toEqual([await backend(first), false]);
  connector.destroyAll();
});

test('a session that died while nobody used it is not given to anybody', async () => {
  await using database = await postgres.database();
  const connector = connectorOf(database);
  const first = await connector.connectReplication();
  const pid = await backend(first);
  connector.leaveReplication(first);
  const ended = new Promise<void>((resolve) => first.once('end', () => resolve()));
  await database.sql(`SELECT pg_terminate_backend(${pid})`);
  await ended;
  const next = await connector.connectReplication();
  expect(await backend(next)).not.toBe(pid);
  connector.destroyAll();
});

test('a session that was left and that nobody takes is closed', async () => {
  await using database = await postgres.database();
  const connector = connectorOf(database);
  connector.leaveReplication(await connector.connectReplication());
  await connector.closeLeft();
  const senders = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'walsender'`;
  await expect.poll(async () => database.value(senders)).toBe('0');
});

test('a session that is expected is opened at once, and is the next one', async () => {
  await using database = await postgres.database();
  const connector = connectorOf(database);
  connector.expectReplication();
  connector.expectReplication();
  const senders = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'walsender'`;
  await expect.poll(async () => database.value(senders)).toBe('1');
  await connector.connectReplication();
  expect(await database.value(senders)).toBe('1');
  connector.destroyAll();
});

test('a session that is expected and cannot be had fails whoever takes it, and nobody else', async () => {
  const connector = new Connector({
    connectionString: 'postgres://nobody@127.0.0.1:1/none?sslmode=disable',
    applicationName: 'test',
    connectTimeoutMs: 1000,
  });
  connector.expectReplication();
  await connector.closeLeft();
  connector.expectReplication();
  await expect(connector.connectReplication()).rejects.toMatchObject({ code: 'PG_UNREACHABLE' });
});

test('a session that is still on its way when nobody wants it any more is closed', async () => {
  await using database = await postgres.database();
  const connector = connectorOf(database);
  connector.expectReplication();
  await connector.closeLeft();
  const senders = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'walsender'`;
  await expect.poll(async () => database.value(senders)).toBe('0');
});
