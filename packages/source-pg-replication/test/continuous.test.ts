import {
  EtlError,
  followPipeline,
  type Destination,
  type FollowOptions,
  type PipelineReport,
  type Source,
} from '@etl/core';
import { faultyDestination, memoryDestination } from '@etl/testing';
import { describe, expect, test, vi } from 'vitest';
import type { PgReplicationOptions } from '../src/index.ts';
import { parseLsn } from '../src/lsn.ts';
import { usePostgres, type TestDatabase } from './support/postgres.ts';
import { recordingLogger, Replica } from './support/replica.ts';

const postgres = usePostgres();
const ITEMS = `CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a')`;
const SOON = { timeout: 15_000, interval: 20 };

/** A log that is followed in the background, until it is disposed or stopped. */
class Following implements AsyncDisposable {
  readonly replica: Replica;
  readonly rounds: PipelineReport[] = [];
  readonly retries: EtlError[] = [];
  readonly loads: Readonly<Record<string, number>>[] = [];
  readonly ended: Promise<PipelineReport>;
  readonly #stop = new AbortController();
  readonly #closed: Promise<void>;

  constructor(replica: Replica, options: Partial<FollowOptions> & { readonly destination?: Destination } = {}) {
    this.replica = replica;
    const source = replica.source();
    this.ended = followPipeline({
      name: 'test',
      source,
      destination: memoryDestination(replica.store),
      logger: recordingLogger(replica.warnings),
      stop: this.#stop.signal,
      flush: { flushAgeMs: 20 },
      onRound: (report) => void this.rounds.push(report),
      onRetry: ({ error }) => void this.retries.push(error),
      onEvent: (event) => {
        if (event.type === 'load-committed') this.loads.push(event.summary.rowsWritten);
      },
      // Waits are as short as they can be.
      random: () => 0,
      ...options,
    });
    this.#closed = this.#close(source);
  }

  async stop(): Promise<PipelineReport> {
    this.#stop.abort();
    return this.ended;
  }

  /** Waits until the destination has so many rows; fails with what ended the run, if it has ended. */
  async has(count: number, stream = 'items'): Promise<void> {
    let failure: unknown;
    this.ended.catch((error: unknown) => (failure = error));
    await vi.waitUntil(() => failure !== undefined || this.replica.store.rows(stream).length === count, SOON);
    if (failure !== undefined) throw EtlError.from(failure);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#closed;
  }

  async #close(source: Source): Promise<void> {
    await this.ended.catch(() => undefined);
    await source[Symbol.asyncDispose]();
  }
}

async function replicaOf(database: TestDatabase, options: Partial<PgReplicationOptions> = {}): Promise<Replica> {
  const replica = new Replica(database, options);
  await replica.run();
  return replica;
}

async function confirmed(database: TestDatabase): Promise<bigint> {
  return parseLsn((await database.confirmedLsn(database.name)) ?? '0/0');
}

describe('a log that is followed', () => {
  test('sigterm_flushes_and_acks_at_a_commit: brings what is committed, load after load, and confirms each when it is durable', async () => {
    await using database = await postgres.database(ITEMS);
    await using following = new Following(new Replica(database));
    await following.has(1);
    for (let id = 2; id <= 5; id += 1) {
      await database.sql(`INSERT INTO items VALUES (${id}, 'x')`);
      await following.has(id);
      await expect.poll(() => database.confirmedLsn(database.name), SOON).toBe(following.replica.lsn());
    }
    const report = await following.stop();
    expect(report).toMatchObject({ status: 'ok', isUnfinished: false });
    expect(await following.replica.difference(database, 'items', ['id', 'name'])).toEqual([]);
    expect((await following.replica.run()).rows).toBe(0);
  });

  test('loads when rows, bytes or age say so, whichever comes first', async () => {
    await using database = await postgres.database(ITEMS);
    const never = { flushRows: 1e9, flushBytes: 1e9, flushAgeMs: 1e9 };
    for (const [limit, rows] of [
      ['flushRows', 50],
      ['flushBytes', 4000],
      ['flushAgeMs', 30],
    ] as const) {
      await database.sql('TRUNCATE items');
      const replica = await replicaOf(database, { slot: `${database.name}_${limit.toLowerCase()}` });
      await using following = new Following(replica, { flush: { ...never, [limit]: rows } });
      for (let id = 0; id < 100; id += 1) await database.sql(`INSERT INTO items VALUES (${id}, 'some text')`);
      if (limit === 'flushAgeMs') await following.has(100);
      else await expect.poll(() => replica.store.rows('items').length, SOON).toBeGreaterThanOrEqual(50);
      await following.stop();
      // What was not read when it was stopped is for the next run.
      await replica.run();
      expect(replica.store.rows('items'), limit).toHaveLength(100);
      if (limit === 'flushRows') expect(following.loads.map((load) => load['items'] ?? 0)).toContain(50);
      await database.sql(`SELECT pg_drop_replication_slot('${database.name}_${limit.toLowerCase()}')`);
    }
  });

  test('never cuts a transaction, also when it is stopped within one', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = await replicaOf(database, { pageRows: 100 });
    await using following = new Following(replica, { flush: { flushRows: 10, flushAgeMs: 10 } });
    await database.sql(`INSERT INTO items SELECT g, 'x' FROM generate_series(2, 5000) g`);
    await following.stop();
    expect([1, 5000]).toContain(replica.store.rows('items').length);
    await replica.run();
    expect(replica.store.rows('items')).toHaveLength(5000);
  });

  test('that is stopped while a long transaction is on its way waits for its end, and does not spin', async () => {
    await using database = await postgres.database(`${ITEMS}; CREATE TABLE wide (id int PRIMARY KEY, text text)`);
    const replica = await replicaOf(database, { pageRows: 10 });
    // Stopped with the first rows of a transaction that is much larger than what is sent at once.
    let begun: (() => void) | undefined;
    const first = new Promise<void>((resolve) => (begun = resolve));
    await using following = new Following(replica, {
      onEvent: (event) => {
        if (event.type === 'batch-written' && event.stream === 'wide') begun?.();
      },
    });
    await database.sql(`INSERT INTO wide SELECT g, repeat('x', 2000) FROM generate_series(1, 20000) g`);
    await first;
    const report = await following.stop();
    expect(report.status).toBe('ok');
    expect(replica.store.rows('wide')).toHaveLength(20_000);
  });

  test('moves the slot of an idle database by a heartbeat, and does not load for keepalives', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = await replicaOf(database, { heartbeatMs: 100, tables: ['items'] });
    await using following = new Following(replica);
    const first = await confirmed(database);
    await expect.poll(() => confirmed(database), SOON).toBeGreaterThan(first);
    const second = await confirmed(database);
    await database.sql('CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other SELECT generate_series(1, 1000)');
    await expect.poll(() => confirmed(database), SOON).toBeGreaterThan(second + 50_000n);
    await following.stop();
    // A position alone is no load.
    expect(following.loads).toEqual([]);
    expect(await database.confirmedLsn(database.name)).toBe(replica.lsn());
  });

  test('takes up a table that is created meanwhile', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = await replicaOf(database, { heartbeatMs: 50 });
    await using following = new Following(replica);
    await database.sql(`CREATE TABLE later (id int PRIMARY KEY); INSERT INTO later VALUES (1), (2)`);
    await following.has(2, 'later');
    await database.sql(`INSERT INTO later VALUES (3); INSERT INTO items VALUES (2, 'b')`);
    await following.has(3, 'later');
    await following.has(2);
    expect((await following.stop()).status).toBe('ok');
  });

  test('copies a table anew whose changes alone cannot keep it right, and goes on', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = await replicaOf(database);
    await using following = new Following(replica);
    await database.sql(`ALTER TABLE items ADD COLUMN price int DEFAULT 7`);
    await database.sql(`INSERT INTO items VALUES (2, 'b', 8)`);
    await following.has(2);
    expect(await replica.difference(database, 'items', ['id', 'name', 'price'])).toEqual([]);
    await following.stop();
  });

  test('begins a run anew from time to time, each with a report of its own', async () => {
    await using database = await postgres.database(ITEMS);
    await using following = new Following(new Replica(database), { roundMs: 200, pause: async () => undefined });
    await following.has(1);
    await expect.poll(() => following.rounds.length, SOON).toBeGreaterThan(1);
    await database.sql(`INSERT INTO items VALUES (2, 'b')`);
    await following.has(2);
    expect((await following.stop()).status).toBe('ok');
    expect(following.rounds.every(({ status }) => status === 'ok')).toBe(true);
  });

  test('with a full refresh that breaks off after its first table copies the others anew as well', async () => {
    await using database = await postgres.database(
      `${ITEMS}; CREATE TABLE more (id int PRIMARY KEY); INSERT INTO more VALUES (1); CREATE TABLE most (id int PRIMARY KEY); INSERT INTO most VALUES (1)`,
    );
    const replica = await replicaOf(database);
    // Rows that no change would bring back.
    const streams = ['items', 'more', 'most'];
    for (const stream of streams) replica.store.tables.get(stream)?.clear();
    let commits = 0;
    const destination = faultyDestination(memoryDestination(replica.store), (call) => {
      if (call !== 'commit') return undefined;
      commits += 1;
      return commits === 2 ? { when: 'before', error: down() } : undefined;
    });
    await using following = new Following(replica, { destination, fullRefresh: true, pause: async () => undefined });
    for (const stream of streams) await following.has(1, stream);
    expect(following.retries.map(({ code }) => code)).toEqual(['TEST_DESTINATION_DOWN']);
    expect((await following.stop()).status).toBe('ok');
  });

  test('says at once when the slot is in use', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = await replicaOf(database);
    await using following = new Following(replica);
    await database.sql(`INSERT INTO items VALUES (2, 'b')`);
    await following.has(2);
    const other = new Following(new Replica(database, { slotWaitMs: 100 }));
    await expect(other.ended).rejects.toMatchObject({ code: 'PG_SLOT_IN_USE', kind: 'transient' });
    await database.sql(`INSERT INTO items VALUES (3, 'c')`);
    await following.has(3);
  });
});

describe('a destination that goes down', () => {
  test('is waited for: nothing is acknowledged, nothing is lost, nothing is doubled', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = await replicaOf(database);
    let isDown = false;
    const destination = memoryDestination(replica.store);
    const flaky: Destination = {
      ...destination,
      check: async () => undefined,
      open: async (...given) => {
        if (isDown) throw down();
        const session = await destination.open(...given);
        const beginLoad = session.beginLoad.bind(session);
        session.beginLoad = async (...options) => {
          const load = await beginLoad(...options);
          const commit = load.commit.bind(load);
          load.commit = async (state) => {
            if (isDown) throw down();
            return commit(state);
          };
          return load;
        };
        return session;
      },
    };
    const pause = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
    await using following = new Following(replica, { destination: flaky, pause });
    await database.sql(`INSERT INTO items VALUES (2, 'b')`);
    await following.has(2);
    isDown = true;
    // What was stored before is confirmed a moment after it can be seen.
    const before = parseLsn(replica.lsn());
    await expect.poll(async () => confirmed(database), SOON).toBe(before);
    await database.sql(`INSERT INTO items SELECT g, 'x' FROM generate_series(3, 500) g`);
    await expect.poll(() => following.retries.length, SOON).toBeGreaterThan(3);
    expect(following.retries.map(({ code }) => code)).toContain('TEST_DESTINATION_DOWN');
    expect(await confirmed(database)).toBe(before);
    expect(replica.store.rows('items')).toHaveLength(2);
    isDown = false;
    await following.has(500);
    expect((await following.stop()).status).toBe('ok');
    expect(await replica.difference(database, 'items', ['id', 'name'])).toEqual([]);
  });

  test('before anything was loaded ends it: whoever started it should know', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database);
    const destination: Destination = {
      ...memoryDestination(replica.store),
      check: async () => undefined,
      open: async () => {
        throw down();
      },
    };
    await expect(new Following(replica, { destination }).ended).rejects.toMatchObject({
      code: 'TEST_DESTINATION_DOWN',
    });
  });
});

describe('a source that goes down', () => {
  test('pg_fast_restart, terminate_backend: is waited for, be it a restart, a crash, or a session that somebody ended', async () => {
    const { server } = postgres;
    if (server === undefined) return;
    await using database = await postgres.database(ITEMS);
    const replica = await replicaOf(database);
    await using following = new Following(replica, { pause: async () => new Promise((done) => setTimeout(done, 50)) });
    let id = 1;
    const more = async (): Promise<void> => {
      await using client = await database.connect();
      id += 1;
      await client.query(`INSERT INTO items VALUES (${id}, 'x')`);
      await following.has(id);
    };
    await more();
    await database.sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database.name}' AND application_name = 'etl'`,
    );
    await more();
    await server.restart('fast');
    await more();
    await server.restart('immediate');
    await more();
    expect(following.retries.length).toBeGreaterThanOrEqual(3);
    expect(following.retries.map(({ code }) => code)).toContain('PG_UNREACHABLE');
    expect((await following.stop()).status).toBe('ok');
  });
});

function down(): EtlError {
  return new EtlError({ code: 'TEST_DESTINATION_DOWN', kind: 'transient', message: 'The destination is down.' });
}
