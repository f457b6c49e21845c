/**
 * What `pg-logical-replication` 2.5.0 does wrong, D1 to D8 of decision 2. Each test is the situation in
 * which it loses or changes data, and shows that this package does not.
 */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { Connector } from '../src/connector.ts';
import { formatLsn, parseLsn } from '../src/lsn.ts';
import { resolveOptions } from '../src/options.ts';
import { ReplicationStream } from '../src/replication-stream.ts';
import { usePostgres, type TestDatabase } from './support/postgres.ts';
import { Proxy } from './support/proxy.ts';
import { failureOf, lastCheckpoint, readAll, Replica, ROW_FORMS, rowsOf } from './support/replica.ts';

const postgres = usePostgres({ wal_sender_timeout: '1min' });
const ITEMS = `CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a')`;

interface Transaction {
  readonly commitLsn: bigint;
  readonly endLsn: bigint;
  readonly ids: readonly (string | null | undefined)[];
}

/** The transport alone, on the slot that a replica has made. */
class Transport implements AsyncDisposable {
  readonly stream: ReplicationStream;
  readonly #connector: Connector;

  private constructor(connector: Connector, stream: ReplicationStream) {
    this.#connector = connector;
    this.stream = stream;
  }

  static async open(database: TestDatabase, options: { readonly statusIntervalMs?: number } = {}): Promise<Transport> {
    const connector = new Connector(
      resolveOptions({ connectionString: database.url, slot: database.name }, (problem) => new Error(problem)),
    );
    const confirmed = parseLsn((await database.confirmedLsn(database.name)) ?? '');
    const stream = await ReplicationStream.open(connector, {
      slot: database.name,
      publication: database.name,
      from: confirmed,
      confirmed,
      serverVersion: 180_000,
      statusIntervalMs: 60_000,
      silenceTimeoutMs: 60_000,
      asksForKeepalives: false,
      ...options,
    });
    return new Transport(connector, stream);
  }

  /** The next so many transactions. */
  async transactions(count: number): Promise<readonly Transaction[]> {
    const found: Transaction[] = [];
    let ids: (string | null | undefined)[] = [];
    while (found.length < count) {
      const event = this.stream.take();
      if (event === undefined) await this.stream.wait();
      else if (event.type === 'insert') ids.push(event.row.text(0));
      else if (event.type === 'commit') {
        found.push({ commitLsn: event.commitLsn, endLsn: event.endLsn, ids });
        ids = [];
      }
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stream.stop();
    this.#connector.destroyAll();
  }
}

const confirmed = async (database: TestDatabase): Promise<string | null> => database.confirmedLsn(database.name);

test('D1: what was received but not confirmed is sent again, however often the timer has spoken', async () => {
  await using database = await postgres.database(ITEMS);
  await new Replica(database).run();
  const before = await confirmed(database);
  for (const id of [2, 3, 4]) await database.sql(`INSERT INTO items VALUES (${id}, 'x')`);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await using transport = await Transport.open(database, { statusIntervalMs: 5 });
    expect((await transport.transactions(3)).flatMap(({ ids }) => ids)).toEqual(['2', '3', '4']);
    await delay(100);
    expect(await confirmed(database)).toBe(before);
  }
});

test('D2: confirming a transaction does not lose the one whose commit record begins where it ends', async () => {
  await using database = await postgres.database(ITEMS);
  await new Replica(database).run();
  await using one = await database.connect();
  await using two = await database.connect();
  let adjacent = 0;
  for (let attempt = 0; attempt < 20 && adjacent < 3; attempt += 1) {
    const id = 100 + attempt * 2;
    await one.query(`SET synchronous_commit = off; BEGIN; INSERT INTO items VALUES (${id}, 'one')`);
    await two.query(`SET synchronous_commit = off; BEGIN; INSERT INTO items VALUES (${id + 1}, 'two')`);
    await Promise.all([one.query('COMMIT'), two.query('COMMIT')]);
    let first: Transaction | undefined;
    let second: Transaction | undefined;
    {
      await using transport = await Transport.open(database);
      [first, second] = await transport.transactions(2);
      transport.stream.confirm(first?.endLsn ?? 0n);
    }
    if (first?.endLsn === second?.commitLsn) adjacent += 1;
    expect(await confirmed(database)).toBe(formatLsn(first?.endLsn ?? 0n));
    await using again = await Transport.open(database);
    const [next] = await again.transactions(1);
    expect(next?.ids).toEqual(second?.ids);
    again.stream.confirm(next?.endLsn ?? 0n);
  }
  expect(adjacent).toBeGreaterThan(0);
});

test('D3: a transaction that is open while the slot moves on is not lost, its commit being the next record', async () => {
  await using database = await postgres.database(ITEMS);
  const replica = new Replica(database, { statusIntervalMs: 5 });
  await replica.run();
  await using other = await database.connect();
  for (let id = 2; id < 6; id += 1) {
    await other.query(`SET synchronous_commit = off; BEGIN; INSERT INTO items VALUES (${id}, 'open')`);
    // Confirms the end of the log, which is where the commit record will begin.
    await replica.run();
    await other.query('COMMIT');
    await replica.run();
    expect(replica.rows('items')).toHaveLength(id);
  }
});

test('D4: a consumer that throws ends the reading, and the row that it failed at comes again', async () => {
  await using database = await postgres.database(ITEMS);
  const replica = new Replica(database, { pageRows: 1, statusIntervalMs: 5 });
  await replica.run();
  const before = await confirmed(database);
  for (const id of [2, 3, 4]) await database.sql(`INSERT INTO items VALUES (${id}, 'x')`);
  const seen: unknown[] = [];
  const failing = (async () => {
    await using source = replica.source();
    for await (const message of source.read({ state: replica.state() })) {
      if (message.type !== 'records') continue;
      seen.push(...message.rows.map((row) => row['id']));
      throw new Error('the consumer failed');
    }
  })();
  await expect(failing).rejects.toThrow('the consumer failed');
  expect(seen).toEqual([2]);
  expect(await confirmed(database)).toBe(before);
  await replica.run();
  expect(replica.rows('items')).toHaveLength(4);
});

test('D5: reading again on the same instance begins at what was stored, not at what was received', async () => {
  await using database = await postgres.database(ITEMS);
  const replica = new Replica(database);
  await replica.run();
  await using source = replica.source();
  await database.sql(`INSERT INTO items VALUES (2, 'b')`);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    expect(rowsOf(await readAll(source, replica.state()), 'items')).toMatchObject([{ id: 2 }]);
  }
  const messages = await readAll(source, replica.state());
  await source.acknowledge?.(lastCheckpoint(messages));
});

test('D6: a keepalive that asks for a reply gets it at once, without the help of a timer', async () => {
  await using database = await postgres.database(ITEMS);
  await new Replica(database).run();
  await using transport = await Transport.open(database);
  // The stream has opened with a minute of patience: its own timer speaks every twenty seconds.
  await database.sql(`ALTER SYSTEM SET wal_sender_timeout = '500ms'`);
  await database.sql(`SELECT pg_reload_conf()`);
  try {
    const waiting = transport.transactions(1);
    await delay(2500);
    await database.sql(`INSERT INTO items VALUES (2, 'b')`);
    expect((await waiting)[0]?.ids).toEqual(['2']);
  } finally {
    await database.sql('ALTER SYSTEM RESET wal_sender_timeout');
    await database.sql(`SELECT pg_reload_conf()`);
  }
});

const timestampParser: unknown = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ);
const jsonParser: unknown = pg.types.getTypeParser(pg.types.builtins.JSONB);
afterEach(() => {
  pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, timestampParser as (text: string) => unknown);
  pg.types.setTypeParser(pg.types.builtins.JSONB, jsonParser as (text: string) => unknown);
});

test.each(ROW_FORMS)(
  'D7: values are what the server says, whatever parsers and time zone the process has (%s)',
  async (form) => {
    await using database = await postgres.database(
      `CREATE TABLE exact (id int PRIMARY KEY, at timestamptz, local timestamp, day date, doc jsonb)`,
    );
    const values = `'2026-03-29 01:30:00.123456+00', '2026-03-29 02:30:00.654321', '2026-03-29', '{"n": 12345678901234567890}'`;
    pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, () => 'spoilt');
    pg.types.setTypeParser(pg.types.builtins.JSONB, () => 'spoilt');
    const zone = process.env['TZ'];
    process.env['TZ'] = 'America/New_York';
    try {
      const replica = new Replica(database, {}, { form });
      await database.sql(`INSERT INTO exact VALUES (1, ${values})`);
      await replica.run();
      await database.sql(`INSERT INTO exact VALUES (2, ${values})`);
      await replica.run();
      for (const row of replica.rows('exact')) {
        expect(String(row['at']).replace(' ', 'T')).toMatch(/^2026-03-29T01:30:00\.123456(Z|\+00)?$/);
        expect(String(row['local']).replace(' ', 'T')).toMatch(/^2026-03-29T02:30:00\.654321Z?$/);
        expect(row['day']).toBe('2026-03-29');
        expect(row['doc']).toBe('{"n": 12345678901234567890}');
      }
      expect(replica.rows('exact')).toHaveLength(2);
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
  },
);

test('D8: a message of an unknown type is an error with its position, and nothing is lost', async () => {
  await using database = await postgres.database(ITEMS);
  const replica = new Replica(database);
  await replica.run();
  await database.sql(`INSERT INTO items VALUES (2, 'b')`);
  await using proxy = await Proxy.before(database.url);
  proxy.passing = (frame) => {
    // Tag, length and the header of the log's data stand before the type of the message.
    if (frame[0] === 0x64 && frame[5] === 0x77 && frame[30] === 0x49) frame[30] = 0x21;
    return [frame];
  };
  await using source = new Replica(database, { connectionString: proxy.url }).source();
  const failure = await failureOf(readAll(source, replica.state()));
  expect(failure).toMatchObject({ code: 'PG_PROTOCOL_UNKNOWN_MESSAGE', kind: 'internal' });
  expect(failure.message).toMatch(/unknown message type 33 near [0-9A-F]+\/[0-9A-F]+/);
  await replica.run();
  expect(replica.rows('items')).toHaveLength(2);
});

test.each(ROW_FORMS)('frames that come byte by byte are the same rows (%s)', async (form) => {
  await using database = await postgres.database(ITEMS);
  await using proxy = await Proxy.before(database.url);
  const replica = new Replica(database, { connectionString: proxy.url }, { form });
  let size = 0;
  proxy.passing = (frame) => {
    if (frame[0] !== 0x64) return [frame];
    // Every size of piece up to that of a header with what follows it, in turn.
    size = (size % 40) + 1;
    return Array.from({ length: Math.ceil(frame.length / size) }, (_, index) =>
      frame.subarray(index * size, (index + 1) * size),
    );
  };
  await replica.run();
  await database.sql(
    `INSERT INTO items SELECT g, 'name of ' || g FROM generate_series(2, 100) g; UPDATE items SET name = 'é' WHERE id < 9`,
  );
  await replica.run();
  expect(await replica.difference(database, 'items', ['id', 'name'])).toEqual([]);
});
