import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Connector } from '../src/connector.ts';
import { usePostgres, type TestDatabase } from './support/postgres.ts';
import { Replica } from './support/replica.ts';

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
  await connector.closeSpare();
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

test('a session that is expected and cannot be had is asked for again by whoever takes it', async () => {
  await using database = await postgres.database();
  const { port } = new URL(database.url);
  const server = createServer((socket) => socket.destroy());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const busy = server.address() as AddressInfo;
  const connector = new Connector({
    connectionString: database.url.replace(`:${port}/`, `:${busy.port}/`),
    applicationName: 'test',
    connectTimeoutMs: 10_000,
  });
  const refused = once(server, 'connection');
  connector.expectReplication();
  await refused;
  // Nobody is told before somebody takes it.
  await setImmediate();
  server.removeAllListeners('connection');
  server.on('connection', (socket) => socket.pipe(connect(Number(port), '127.0.0.1')).pipe(socket));
  const client = await connector.connectReplication();
  expect(await backend(client)).not.toBe('');
  connector.destroyAll();
  server.close();
});

test('a session that is still on its way when nobody wants it any more is closed', async () => {
  await using database = await postgres.database();
  const connector = connectorOf(database);
  connector.expectReplication();
  await connector.closeSpare();
  const senders = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'walsender'`;
  const next = await connector.connectReplication();
  // The first one may come only now: it goes all the same.
  await expect.poll(async () => database.value(senders)).toBe('1');
  expect(await backend(next)).not.toBe('');
  await connector.close(next);
  await expect.poll(async () => database.value(senders)).toBe('0');
});

test('an ordinary session that is expected is made ready before it is given to anybody', async () => {
  await using database = await postgres.database();
  const connector = connectorOf(database);
  connector.expect(async (client) => client.query(`SET search_path = 'ready'`));
  const client = await connector.connect();
  const { rows } = await client.query<{ search_path: string }>('SHOW search_path');
  expect(rows).toEqual([{ search_path: 'ready' }]);
  connector.destroyAll();
});

test('an ordinary session that could not be made ready is closed, and another one is given', async () => {
  await using database = await postgres.database();
  const connector = connectorOf(database);
  let expected = '';
  connector.expect(async (client) => {
    expected = await backend(client);
    await client.query('BEGIN; SELECT nothing');
  });
  const client = await connector.connect();
  expect(await backend(client)).not.toBe(expected);
  expect(expected).not.toBe('');
  const others = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`;
  await expect.poll(async () => database.value(others)).toBe('1');
  connector.destroyAll();
});

test.each(['connect', 'connectReplication'] as const)(
  'who waits for a session that is expected is cut off with it, and opens none of its own (%s)',
  async (how) => {
    await using database = await postgres.database();
    const connector = connectorOf(database);
    connector.expect(async () => undefined);
    connector.expectReplication();
    const waiting = connector[how]();
    connector.destroyAll();
    await expect(waiting).rejects.toMatchObject({ code: 'PG_UNREACHABLE' });
    const others = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`;
    await expect.poll(async () => database.value(others)).toBe('0');
  },
);

const OURS = `FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'etl' AND backend_type = 'client backend'`;

test('the first copy takes a session that was opened while the destination noted the slot', async () => {
  // More than is read before somebody takes the first of it, and not so much that several sessions copy it.
  await using database = await postgres.database(
    `CREATE TABLE items (id int PRIMARY KEY, name text);
     INSERT INTO items SELECT n, repeat('x', 120) FROM generate_series(1, 45000) n`,
  );
  const replica = new Replica(database, { tables: ['items'] });
  const { memory, ...request } = replica.request();
  const noted = Promise.withResolvers<void>();
  await using source = replica.source();
  const read = source.read({
    ...request,
    memory: (stream) => ({
      get: async (name) => memory?.(stream).get(name),
      set: async () => noted.promise,
    }),
  });
  const messages = read[Symbol.asyncIterator]();
  const first = messages.next();
  await expect.poll(async () => database.value(`SELECT count(*) ${OURS} AND query LIKE '%relreplident%'`)).toBe('2');
  const early = await database.rows(`SELECT pid ${OURS}`);
  noted.resolve();
  expect((await first).value).toMatchObject({ type: 'schema' });
  await expect.poll(async () => database.value(`SELECT count(*) ${OURS} AND query LIKE 'COPY%'`)).toBe('1');
  expect(await database.rows(`SELECT pid ${OURS}`)).toEqual(early);
  await messages.return?.();
});

test('a session for a copy that is not made does not outlive the moment', async () => {
  await using database = await postgres.database('CREATE TABLE items (id int PRIMARY KEY)');
  const replica = new Replica(database, { tables: ['items'] });
  await using source = replica.source();
  const seen: string[] = [];
  for await (const { type } of source.read({ ...replica.request(), streams: [] })) {
    seen.push(type);
    await expect.poll(async () => database.value(`SELECT count(*) ${OURS}`)).toBe('1');
  }
  expect(seen).toContain('checkpoint');
});

test('a reading that fails before it has begun leaves no session', async () => {
  await using database = await postgres.database('CREATE TABLE items (id int PRIMARY KEY)');
  await using source = new Replica(database, { tables: ['nothing'] }).source();
  await expect(source.read()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'PG_TABLE_NOT_FOUND' });
  const others = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`;
  await expect.poll(async () => database.value(others)).toBe('0');
});
