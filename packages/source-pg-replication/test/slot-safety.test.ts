import { describe, expect, test } from 'vitest';
import { pgReplication } from '../src/index.ts';
import { bytesText, durationText } from '../src/quantity-text.ts';
import { healthOf, readSlotHealth, slotWarnings, type SlotHealth } from '../src/slot-health.ts';
import { usePostgres, type TestDatabase } from './support/postgres.ts';
import { failureOf, Replica } from './support/replica.ts';

const ITEMS = `CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a')`;
const MB = 1024 * 1024;

const QUIET: SlotHealth = {
  name: 'etl',
  isActive: false,
  retainedBytes: 10 * MB,
  lagBytes: 1 * MB,
  walStatus: 'reserved',
  safeWalBytes: null,
  maxKeptBytes: null,
  invalidationReason: null,
  idleMs: 60_000,
  idleTimeoutMs: null,
  isFailover: false,
};

function codes(health: Partial<SlotHealth>, maxSlotLagBytes?: number): string[] {
  return slotWarnings({ ...QUIET, ...health }, { slot: 'etl', maxSlotLagBytes }).map(
    ({ code, severity }) => `${code} ${severity}`,
  );
}

describe('what people are told of a slot', () => {
  test('is nothing while it is well', () => {
    expect(codes({})).toEqual([]);
    expect(codes({ maxKeptBytes: 100 * MB })).toEqual([]);
    expect(codes({ walStatus: 'extended' }, 100 * MB)).toEqual([]);
    expect(codes({ idleTimeoutMs: 600_000 })).toEqual([]);
  });

  test('grows with the part of its limit that it keeps', () => {
    expect(codes({ maxKeptBytes: 18 * MB })).toEqual(['PG_SLOT_LAG warning']);
    expect(codes({ maxKeptBytes: 12 * MB })).toEqual(['PG_SLOT_LAG critical']);
    expect(codes({}, 12 * MB)).toEqual(['PG_SLOT_LAG critical']);
    expect(codes({ retainedBytes: 6000 * MB })).toEqual(['PG_SLOT_LAG warning']);
    expect(codes({ retainedBytes: 6000 * MB }, 60_000 * MB)).toEqual([]);
  });

  test('is critical when the server may throw the log away, or has done so', () => {
    expect(codes({ walStatus: 'unreserved' })).toEqual(['PG_SLOT_UNRESERVED critical']);
    expect(codes({ walStatus: 'lost', invalidationReason: 'wal_removed', retainedBytes: null })).toEqual([
      'PG_SLOT_LOST critical',
    ]);
  });

  test('idle_timeout_warning_in_cron_mode: counts the time since the last run against idle_replication_slot_timeout', () => {
    expect(codes({ idleMs: 6 * 3_600_000, idleTimeoutMs: 10 * 3_600_000 })).toEqual(['PG_SLOT_IDLE warning']);
    expect(codes({ idleMs: 9 * 3_600_000, idleTimeoutMs: 10 * 3_600_000 })).toEqual(['PG_SLOT_IDLE critical']);
    const [warning] = slotWarnings(
      { ...QUIET, idleMs: 9 * 3_600_000, idleTimeoutMs: 86_400_000 / 2 },
      { slot: 'etl', maxSlotLagBytes: undefined },
    );
    expect(warning?.message).toBe(
      'Nobody has read the slot etl for 9 h; after 12 h (idle_replication_slot_timeout) the server invalidates it.',
    );
  });

  test('puts the worst first, and says it all in a few words', () => {
    const health = healthOf(
      { ...QUIET, maxKeptBytes: 18 * MB, idleMs: 9, idleTimeoutMs: 10 },
      { slot: 'etl', maxSlotLagBytes: undefined },
    );
    expect(health.status).toBe('critical');
    expect(health.summary).toBe('lag 1 MB, slot 56 % of its limit');
    expect(health.warnings.map(({ code }) => code)).toEqual(['PG_SLOT_IDLE', 'PG_SLOT_LAG']);
    expect(health.figures).toMatchObject({ slot: 'etl', retainedBytes: 10 * MB, maxKeptBytes: 18 * MB });
    expect(healthOf(undefined, { slot: 'etl', maxSlotLagBytes: undefined }).summary).toBe('no slot');
  });

  test('has units that people know', () => {
    expect([0, 1023, 1024, 1_300_000, 157 * MB, 5 * 1024 ** 4].map(bytesText)).toEqual([
      '0 bytes',
      '1023 bytes',
      '1 kB',
      '1.2 MB',
      '157 MB',
      '5 TB',
    ]);
    expect([400, 40_000, 90_000, 5_400_000, 200_000_000].map(durationText)).toEqual([
      '0.4 s',
      '40 s',
      '1.5 min',
      '1.5 h',
      '2.3 days',
    ]);
  });
});

const postgres = usePostgres();

/** Writes log that the slot has to keep. */
async function writeLog(database: TestDatabase, megabytes: number): Promise<void> {
  await database.sql(`CREATE TABLE IF NOT EXISTS filler (id int, text text)`);
  for (let done = 0; done < megabytes; done += 10) {
    await database.sql(`INSERT INTO filler SELECT g, repeat('x', 1000) FROM generate_series(1, 10000) g`);
  }
}

describe('the report of a run', () => {
  test('says how the slot stands', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database, { tables: ['items'], maxSlotLagBytes: 100 * MB });
    expect((await replica.source().health?.())?.figures).toEqual({ slot: null });
    const { sourceHealth } = await replica.run();
    expect(sourceHealth).toMatchObject({ status: 'ok', warnings: [] });
    expect(sourceHealth?.summary).toMatch(/^lag .* bytes|^lag .* kB/);
    expect(sourceHealth?.figures).toMatchObject({ slot: database.name, walStatus: 'reserved', isActive: false });
    expect(sourceHealth?.figures['retainedBytes']).toBeTypeOf('number');
  });

  test('is asked for as long as nobody has read the slot, and is not changed by looking', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database);
    await replica.run();
    const before = await database.confirmedLsn(database.name);
    await database.sql('SELECT pg_sleep(0.3)');
    const health = await replica.source().health?.();
    if ((await database.value(`SELECT current_setting('server_version_num')::int >= 170000`)) === 't') {
      expect(health?.figures['idleMs']).toBeGreaterThanOrEqual(300);
    } else {
      expect(health?.figures['idleMs']).toBeNull();
    }
    expect(await database.confirmedLsn(database.name)).toBe(before);
  });
});

describe('a slot over its limit', () => {
  test('fails the run before it reads, and is not dropped', async () => {
    await using database = await postgres.database(ITEMS);
    await new Replica(database, { tables: ['items'] }).run();
    await writeLog(database, 10);
    const limited = new Replica(database, { tables: ['items'], maxSlotLagBytes: 2 * MB });
    const error = await failureOf(limited.run());
    expect(error).toMatchObject({ code: 'PG_SLOT_OVER_LIMIT', kind: 'state' });
    expect(error.hint).toContain('--drop-slot-over-limit');
    expect(await database.confirmedLsn(database.name)).not.toBeNull();
    expect(limited.state()).toEqual([]);
  });

  test('is caught up with when the limit is raised, and warns while it is near', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database, { tables: ['items'], maxSlotLagBytes: 15 * MB });
    await replica.run();
    await writeLog(database, 10);
    await database.sql(`INSERT INTO items VALUES (2, 'b')`);
    await replica.run();
    expect(replica.warnings.join('\n')).toMatch(/replication slot .*keeps .* MB of the server's log/);
    expect(replica.rows('items')).toHaveLength(2);
  });

  test('is dropped when that is asked for, and every table is copied anew through a new one', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database, { tables: ['items'], maxSlotLagBytes: 2 * MB, dropSlotOverLimit: true });
    await replica.run();
    await writeLog(database, 10);
    await database.sql(`UPDATE items SET name = 'changed'; INSERT INTO items VALUES (2, 'b')`);
    const report = await replica.run();
    expect(report.status).toBe('ok');
    expect(replica.rows('items')).toEqual([
      { id: 1, name: 'changed' },
      { id: 2, name: 'b' },
    ]);
    expect(replica.warnings.join('\n')).toContain(`replication slot ${database.name} dropped`);
    await database.sql(`DELETE FROM items WHERE id = 1`);
    await replica.run();
    expect(replica.rows('items')).toEqual([{ id: 2, name: 'b' }]);
  });

  test('is dropped although the destination is down, and the next run copies the tables', async () => {
    await using database = await postgres.database(ITEMS);
    const options = { tables: ['items'], maxSlotLagBytes: 2 * MB, dropSlotOverLimit: true };
    const replica = new Replica(database, options);
    await replica.run();
    await writeLog(database, 10);
    // What runPipeline calls while it opens the destination, which fails.
    await using source = replica.source();
    await source.prepare?.();
    expect(await database.confirmedLsn(database.name)).toBeNull();
    // Nor does it hold off the next run, although its session is kept for a reading.
    expect(
      await database.value(
        `SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE locktype = 'advisory' AND datname = current_database()`,
      ),
    ).toBe('0');
    const careful = pgReplication({ connectionString: database.url, slot: database.name, tables: ['items'] });
    const refused = (async () => {
      for await (const message of careful.read(replica.request())) expect(message.type).not.toBe('records');
    })();
    expect(await failureOf(refused)).toMatchObject({ code: 'PG_SLOT_MISSING', context: { repair: 'full-refresh' } });
    await database.sql(`INSERT INTO items VALUES (2, 'b')`);
    await replica.run();
    expect(replica.rows('items')).toHaveLength(2);
  });

  test('is left alone while somebody reads it', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database, { tables: ['items'], slotWaitMs: 100 });
    await replica.run();
    await writeLog(database, 10);
    await database.sql(`INSERT INTO items VALUES (2, 'b')`);
    await using source = replica.source();
    for await (const message of source.read(replica.request())) {
      if (message.type !== 'records') continue;
      const options = { tables: ['items'], maxSlotLagBytes: MB, dropSlotOverLimit: true, slotWaitMs: 100 };
      await using other = new Replica(database, options).source();
      const prepared = other.prepare?.() ?? Promise.resolve();
      expect(await failureOf(prepared)).toMatchObject({ code: 'PG_SLOT_IN_USE' });
      break;
    }
    expect(await database.confirmedLsn(database.name)).not.toBeNull();
  });
});

describe('a position that was lost', () => {
  test('is refused with what repairs it: the slot may be read into another destination', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database);
    await replica.run();
    const confirmed = await database.confirmedLsn(database.name);
    const other = new Replica(database);
    const error = await failureOf(other.run());
    expect(error).toMatchObject({ code: 'PG_STATE_MISSING', kind: 'state', context: { repair: 'full-refresh' } });
    expect(await database.confirmedLsn(database.name)).toBe(confirmed);
    await replica.run();
    await other.attempt({ fullRefresh: true });
    expect(other.rows('items')).toHaveLength(1);
  });

  test('state_store_lost: of a run that was killed before its first load is none: the next one goes on', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database);
    const source = replica.source();
    // As if killed: the slot is made, nothing is stored, and nothing is tidied up.
    const messages = source.read(replica.request())[Symbol.asyncIterator]();
    await messages.next();
    expect(await database.confirmedLsn(database.name)).not.toBeNull();
    expect(replica.state()).toEqual([]);
    await database.sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database.name}' AND application_name = 'etl'`,
    );
    await replica.run();
    expect(replica.rows('items')).toHaveLength(1);
    await messages.return?.();
    await source[Symbol.asyncDispose]();
  });

  test('on purpose (etl state reset) lets the next run copy the tables', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database);
    await replica.run();
    replica.store.state.set('test', []);
    await database.sql(`INSERT INTO items VALUES (2, 'b')`);
    await replica.run();
    expect(replica.rows('items')).toHaveLength(2);
  });
});

describe('a server that throws the log away', () => {
  const strict = usePostgres({ max_slot_wal_keep_size: '16MB', max_wal_size: '32MB', min_wal_size: '32MB' });

  test('slot_invalidated_wal_removed: invalidates the slot: the run says so, and a full refresh makes a new one', async () => {
    await using database = await strict.database(ITEMS);
    const replica = new Replica(database, { tables: ['items'] });
    await replica.run();
    await writeLog(database, 60);
    await database.sql('SELECT pg_switch_wal()');
    await database.sql('CHECKPOINT');
    const health = await readSlotHealth(database.client, database.name);
    expect(health).toMatchObject({ walStatus: 'lost', maxKeptBytes: 16 * MB });
    const error = await failureOf(replica.run());
    expect(error).toMatchObject({ code: 'PG_SLOT_LOST', kind: 'state', context: { repair: 'full-refresh' } });
    expect(error.message).toContain('max_slot_wal_keep_size');
    expect((await replica.source().health?.())?.summary).toBe('slot lost');
    await replica.attempt({ fullRefresh: true });
    await database.sql(`INSERT INTO items VALUES (2, 'b')`);
    await replica.run();
    expect(replica.rows('items')).toHaveLength(2);
  });
});

describe('a server with idle_replication_slot_timeout', () => {
  const server = usePostgres();

  test('invalidates a slot that no run reads for that long', async () => {
    await using database = await server.database(ITEMS);
    const isKnown = await database.value(
      `SELECT count(*) FROM pg_settings WHERE name = 'idle_replication_slot_timeout'`,
    );
    if (isKnown === '0' || server.server === undefined) return;
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`ALTER SYSTEM SET idle_replication_slot_timeout = '1s'`);
    await database.sql('SELECT pg_reload_conf()');
    await expect
      .poll(async () => (await readSlotHealth(database.client, database.name))?.idleMs ?? 0, { timeout: 5000 })
      .toBeGreaterThan(1100);
    const threatened = await replica.source().health?.();
    expect(threatened?.warnings.map(({ code }) => code)).toEqual(['PG_SLOT_IDLE']);
    await database.sql('CHECKPOINT');
    const error = await failureOf(replica.run());
    expect(error).toMatchObject({ code: 'PG_SLOT_LOST', kind: 'state' });
    expect(error.message).toContain('idle_replication_slot_timeout');
    await database.sql('ALTER SYSTEM RESET idle_replication_slot_timeout');
    await database.sql('SELECT pg_reload_conf()');
    await replica.attempt({ fullRefresh: true });
    await replica.run();
  });
});

test('an outlook refuses what a run would refuse: a position whose slot is gone', async () => {
  await using database = await postgres.database(ITEMS);
  const replica = new Replica(database);
  const outlook = async (fullRefresh = false): Promise<unknown> =>
    replica.source().outlook?.({ ...replica.request(), fullRefresh });
  expect(await outlook()).toMatchObject([{ stream: 'items', begins: 'copy' }]);
  await replica.run();
  expect(await outlook()).toEqual([{ stream: 'items', begins: 'changes' }]);
  await database.sql(`SELECT pg_drop_replication_slot('${database.name}')`);
  expect(await failureOf(outlook())).toMatchObject({ code: 'PG_SLOT_MISSING', kind: 'state' });
  expect(await outlook(true)).toMatchObject([{ stream: 'items', begins: 'copy', reason: 'a full refresh' }]);
});
