import { describe, expect, test } from 'vitest';
import { usePostgres } from '../support/postgres.ts';
import { faultyDestination, memoryDestination } from '@etl/testing';
import { killAtCalls, Replica } from '../support/replica.ts';

const postgres = usePostgres();
const ITEMS = `CREATE TABLE items (id int PRIMARY KEY, name text, note text)`;

describe('big transactions', () => {
  test('huge_transaction_split_over_flushes: in pages, committed only at its end', async () => {
    await using database = await postgres.database(ITEMS);
    const replica = new Replica(database, { pageRows: 500 });
    await replica.run();
    await database.sql(`INSERT INTO items SELECT g, 'x' FROM generate_series(1, 5000) g`);
    await database.sql(`UPDATE items SET name = 'y' WHERE id <= 10`);
    await using source = replica.source();
    let open = 0;
    const perCheckpoint: number[] = [];
    const pages: number[] = [];
    for await (const message of source.read({ state: replica.state() })) {
      if (message.type === 'records') {
        pages.push(message.rows.length);
        open += message.rows.length;
      }
      if (message.type === 'checkpoint') {
        perCheckpoint.push(open);
        open = 0;
      }
    }
    expect(Math.max(...pages)).toBe(500);
    expect(perCheckpoint).toEqual([5000, 10]);
  });
});

test('rollback_and_savepoint_rollback_invisible: also in a subtransaction that failed', async () => {
  await using database = await postgres.database(ITEMS);
  const replica = new Replica(database);
  await replica.run();
  await database.sql(
    `BEGIN; INSERT INTO items VALUES (1, 'kept'); SAVEPOINT a; INSERT INTO items VALUES (2, 'never'); SAVEPOINT b; INSERT INTO items VALUES (3, 'never');
     ROLLBACK TO a; INSERT INTO items VALUES (4, 'kept'); RELEASE a; COMMIT;`,
  );
  await database.sql(
    `DO $$ BEGIN INSERT INTO items VALUES (5, 'never'); RAISE 'x'; EXCEPTION WHEN OTHERS THEN INSERT INTO items VALUES (6, 'kept'); END $$`,
  );
  await replica.run();
  expect(replica.rows('items').map(({ id }) => id)).toEqual([1, 4, 6]);
});

test('concurrent transactions: in the order of their commits, not of their writes', async () => {
  await using database = await postgres.database(`${ITEMS}; INSERT INTO items VALUES (1, 'a')`);
  await using other = await database.connect();
  const replica = new Replica(database);
  await replica.run();
  await other.query(`BEGIN; INSERT INTO items VALUES (2, 'early')`);
  await database.sql(`UPDATE items SET name = 'committed first' WHERE id = 1`);
  await replica.run();
  expect(replica.rows('items').map(({ name }) => name)).toEqual(['committed first']);
  await other.query(`UPDATE items SET name = 'committed last' WHERE id = 1; COMMIT`);
  await replica.run();
  expect(replica.rows('items').map(({ name }) => name)).toEqual(['committed last', 'early']);
});

test('destination_down_then_up: nothing is acknowledged while it is down, nothing is lost', async () => {
  await using database = await postgres.database(ITEMS);
  const replica = new Replica(database);
  await replica.run();
  const before = await database.confirmedLsn(database.name);
  for (const when of ['beginLoad', 'write', 'commit'] as const) {
    await database.sql(`INSERT INTO items SELECT coalesce(max(id), 0) + 1, '${when}' FROM items`);
    const down = new Error('down');
    const destination = faultyDestination(memoryDestination(replica.store), (call) =>
      call === when ? { when: 'before', error: down } : undefined,
    );
    await expect(replica.attempt({ destination })).rejects.toThrow('down');
    expect(await database.confirmedLsn(database.name)).toBe(before);
  }
  await replica.run();
  expect(replica.rows('items').map(({ name }) => name)).toEqual(['beginLoad', 'write', 'commit']);
  expect(await database.confirmedLsn(database.name)).toBe(replica.lsn());
});

test('huge_transaction_kill_between_flushes, destination_partial_failure: wherever it is cut off, both tables end equal', async () => {
  await using database = await postgres.database(`${ITEMS}; CREATE TABLE others (id int PRIMARY KEY, v text)`);
  const replica = new Replica(database, { pageRows: 25 });
  await replica.run();
  await killAtCalls(replica, {
    step: 3,
    change: async (call) =>
      database.sql(
        `BEGIN; INSERT INTO items SELECT g, 'x' FROM generate_series(${call * 100}, ${call * 100 + 60}) g; DELETE FROM items WHERE id < ${call * 100};
         INSERT INTO others SELECT g, 'y' FROM generate_series(${call * 100}, ${call * 100 + 30}) g; UPDATE items SET name = '${call}'; COMMIT`,
      ),
    check: async (call, state) => {
      // Never half of a transaction.
      expect(replica.rows('others').length % 31).toBe(0);
      if (state === 'dead') return;
      expect([call, await replica.difference(database, 'items', ['id', 'name'])]).toEqual([call, []]);
      expect([call, await replica.difference(database, 'others', ['id', 'v'])]).toEqual([call, []]);
    },
  });
});

describe('with prepared transactions', () => {
  const prepared = usePostgres({ max_prepared_transactions: '5' });

  test('two_phase: a prepared transaction arrives when it is committed, also across runs and snapshots', async () => {
    await using database = await prepared.database(ITEMS);
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`BEGIN; INSERT INTO items VALUES (1, 'kept'); PREPARE TRANSACTION 'a${database.name}'`);
    await database.sql(`BEGIN; INSERT INTO items VALUES (2, 'never'); PREPARE TRANSACTION 'b${database.name}'`);
    await replica.run();
    expect(replica.rows('items')).toEqual([]);
    await database.sql(`ROLLBACK PREPARED 'b${database.name}'`);
    await database.sql(`COMMIT PREPARED 'a${database.name}'`);
    await replica.run();
    expect(replica.rows('items').map(({ id }) => id)).toEqual([1]);
  });
});
