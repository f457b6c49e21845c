import { describe, expect, test } from 'vitest';
import { usePostgres } from '../support/postgres.ts';
import { lastCheckpoint, readAll, Replica, rowsOf } from '../support/replica.ts';

const postgres = usePostgres();
const ITEMS = `CREATE TABLE items (id int PRIMARY KEY, name text, note text)`;
describe('rows', () => {
  test('insert_update_delete_basic', async () => {
    await using database = await postgres.database(`${ITEMS}; INSERT INTO items VALUES (1, 'a'), (2, 'b'), (3, 'c')`);
    const replica = new Replica(database);
    await replica.run();
    await database.sql(
      `INSERT INTO items VALUES (4, 'd'); UPDATE items SET name = 'B' WHERE id = 2; DELETE FROM items WHERE id = 1`,
    );
    const report = await replica.run();
    expect(report.rows).toBe(3);
    expect(replica.rows('items')).toEqual([
      { id: 2, name: 'B', note: null },
      { id: 3, name: 'c', note: null },
      { id: 4, name: 'd', note: null },
    ]);
  });

  test('update_then_delete_same_tx, delete_then_insert_same_pk_same_tx, insert_then_update_same_tx_keeps_update, rollback_and_savepoint_rollback_invisible', async () => {
    await using database = await postgres.database(`${ITEMS}; INSERT INTO items VALUES (1, 'a'), (2, 'b'), (3, 'c')`);
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`BEGIN;
      UPDATE items SET name = 'x' WHERE id = 1; DELETE FROM items WHERE id = 1;
      DELETE FROM items WHERE id = 2; INSERT INTO items VALUES (2, 'again');
      INSERT INTO items VALUES (9, 'new'); UPDATE items SET name = 'newer' WHERE id = 9;
      SAVEPOINT s; INSERT INTO items VALUES (10, 'never'); ROLLBACK TO s;
      COMMIT; BEGIN; INSERT INTO items VALUES (11, 'never'); ROLLBACK;`);
    const report = await replica.run();
    expect(replica.rows('items').map(({ id, name }) => [id, name])).toEqual([
      [2, 'again'],
      [3, 'c'],
      [9, 'newer'],
    ]);
    expect(report.rows).toBe(3);
  });

  test('copy_multi_insert_same_lsn: all arrive, each with its own version', async () => {
    await using database = await postgres.database(ITEMS);
    await using source = new Replica(database).source();
    const first = await readAll(source);
    await database.sql(`INSERT INTO items SELECT g, 'row' FROM generate_series(1, 5) g`);
    const { entries } = lastCheckpoint(first);
    const state = [
      ...first.flatMap((message) => (message.type === 'checkpoint' ? message.checkpoint.entries : [])),
      ...entries,
    ];
    const rows = rowsOf(await readAll(source, state), 'items');
    expect(rows).toHaveLength(5);
    expect(new Set(rows.map((row) => row['_version'])).size).toBe(5);
  });

  test('pk_change_moves_row', async () => {
    await using database = await postgres.database(`${ITEMS}; INSERT INTO items VALUES (1, 'a'), (2, 'b')`);
    const replica = new Replica(database);
    await replica.run();
    await database.sql(
      `UPDATE items SET id = 5 WHERE id = 1; BEGIN; DELETE FROM items WHERE id = 2; UPDATE items SET id = 2 WHERE id = 5; COMMIT`,
    );
    await replica.run();
    expect(replica.rows('items')).toEqual([{ id: 2, name: 'a', note: null }]);
  });

  test('pk_swap_deferrable_full: keys that move up by one keep every row', async () => {
    await using database = await postgres.database(
      `CREATE TABLE seats (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, name text);
       ALTER TABLE seats REPLICA IDENTITY FULL; INSERT INTO seats VALUES (1, 'a'), (2, 'b'), (3, 'c')`,
    );
    const replica = new Replica(database);
    await replica.run();
    await database.sql('UPDATE seats SET id = id + 1');
    await replica.run();
    expect(replica.rows('seats').map(({ id, name }) => [id, name].join(''))).toEqual(['2a', '3b', '4c']);
    await database.sql(
      'UPDATE seats SET id = id - 1; BEGIN; INSERT INTO seats VALUES (9, $$x$$); DELETE FROM seats WHERE id = 9; COMMIT',
    );
    await replica.run();
    expect(replica.rows('seats').map(({ id, name }) => [id, name].join(''))).toEqual(['1a', '2b', '3c']);
  });

  test('composite_pk_order: that of the key, not of the columns', async () => {
    await using database = await postgres.database(
      `CREATE TABLE pairs (v text, b int, a text, PRIMARY KEY (a, b)); INSERT INTO pairs VALUES ('x', 1, 'k'), ('y', 2, 'k')`,
    );
    const replica = new Replica(database);
    await replica.run();
    expect(replica.store.specs.get('pairs')?.primaryKey).toEqual(['a', 'b']);
    await database.sql(`UPDATE pairs SET b = 3 WHERE b = 1; DELETE FROM pairs WHERE b = 2`);
    await replica.run();
    expect(replica.rows('pairs')).toEqual([{ v: 'x', b: 3, a: 'k' }]);
  });

  test('replica_identity_index: its columns are the key', async () => {
    await using database = await postgres.database(
      `CREATE TABLE coded (id int, code text NOT NULL); CREATE UNIQUE INDEX by_code ON coded (code);
       ALTER TABLE coded REPLICA IDENTITY USING INDEX by_code; INSERT INTO coded VALUES (1, 'a'), (2, 'b')`,
    );
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`DELETE FROM coded WHERE code = 'a'; UPDATE coded SET code = 'c', id = 7 WHERE code = 'b'`);
    await replica.run();
    expect(replica.store.specs.get('coded')?.primaryKey).toEqual(['code']);
    expect(replica.rows('coded')).toEqual([{ id: 7, code: 'c' }]);
  });

  test('delete_full_identity: with a primary key', async () => {
    await using database = await postgres.database(
      `${ITEMS}; ALTER TABLE items REPLICA IDENTITY FULL; INSERT INTO items VALUES (1, 'a'), (2, 'b')`,
    );
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`DELETE FROM items WHERE id = 1; UPDATE items SET id = 3, name = 'c' WHERE id = 2`);
    await replica.run();
    expect(replica.rows('items')).toEqual([{ id: 3, name: 'c', note: null }]);
  });
});

test('rows whose bytea keys are different bytes but the same text are different rows', async () => {
  await using database = await postgres.database(`CREATE TABLE blobs (id bytea PRIMARY KEY, v int)`);
  const replica = new Replica(database);
  await replica.run();
  await database.sql(`INSERT INTO blobs VALUES ('\\xff', 1), ('\\xfe', 2), ('\\xff00', 3)`);
  expect((await replica.run()).rows).toBe(3);
  expect(new Set(replica.rows('blobs').map((row) => row['v']))).toEqual(new Set([1, 2, 3]));
});

test('rows whose array keys differ only in where items end are different rows', async () => {
  await using database = await postgres.database(`CREATE TABLE lists (id text[] PRIMARY KEY, v int)`);
  const replica = new Replica(database);
  await replica.run();
  await database.sql(`INSERT INTO lists VALUES ('{"a,b"}', 1), ('{a,b}', 2)`);
  expect((await replica.run()).rows).toBe(2);
});

test('many_updates_one_key_one_batch: the last one counts, and one row is written', async () => {
  await using database = await postgres.database(`${ITEMS}; INSERT INTO items VALUES (1, 'a')`);
  const replica = new Replica(database);
  await replica.run();
  await database.sql(
    `DO $$ BEGIN FOR i IN 1..500 LOOP UPDATE items SET name = 'n' || i WHERE id = 1; END LOOP; END $$`,
  );
  expect((await replica.run()).rows).toBe(1);
  expect(replica.rows('items')).toEqual([{ id: 1, name: 'n500', note: null }]);
});

test('delete_default_identity_tombstone: the key, the version and the mark', async () => {
  await using database = await postgres.database(`${ITEMS}; INSERT INTO items VALUES (1, 'a')`);
  const replica = new Replica(database);
  await replica.run();
  await database.sql('DELETE FROM items');
  await using source = replica.source();
  const rows = rowsOf(await readAll(source, replica.state()), 'items');
  expect(rows).toEqual([{ id: 1, _version: expect.any(BigInt), _deleted: true }]);
});

test('merge, upsert and COPY are only inserts, updates and deletes', async () => {
  await using database = await postgres.database(`${ITEMS}; INSERT INTO items VALUES (1, 'a'), (2, 'b'), (3, 'c')`);
  const replica = new Replica(database);
  await replica.run();
  const isMergeKnown = Number(await database.value('SHOW server_version_num')) >= 150_000;
  await database.sql(`INSERT INTO items VALUES (1, 'z'), (4, 'd') ON CONFLICT (id) DO UPDATE SET name = excluded.name`);
  if (isMergeKnown)
    await database.sql(
      `MERGE INTO items i USING (VALUES (2, 'y'), (3, NULL), (5, 'e')) s (id, name) ON i.id = s.id
       WHEN MATCHED AND s.name IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.name)`,
    );
  await replica.run();
  expect(await replica.difference(database, 'items', ['id', 'name', 'note'])).toEqual([]);
});

test.each([
  ['default', 'full'],
  ['full', 'default'],
  ['default', 'USING INDEX by_code'],
])('replica identity changed from %s to %s between changes', async (before, after) => {
  await using database = await postgres.database(
    `CREATE TABLE items (id int PRIMARY KEY, code text NOT NULL, v text); CREATE UNIQUE INDEX by_code ON items (code);
     ALTER TABLE items REPLICA IDENTITY ${before}; INSERT INTO items VALUES (1, 'a', 'x'), (2, 'b', 'y'), (3, 'c', 'z')`,
  );
  const replica = new Replica(database);
  await replica.run();
  await database.sql(
    `UPDATE items SET v = 'u' WHERE id = 1; DELETE FROM items WHERE id = 2; ALTER TABLE items REPLICA IDENTITY ${after};
     UPDATE items SET id = 9, code = 'd' WHERE id = 1; INSERT INTO items VALUES (2, 'b', 'again')`,
  );
  await replica.run();
  await database.sql(`DELETE FROM items WHERE id = 3; UPDATE items SET v = 'last' WHERE id = 9`);
  await replica.run();
  expect(await replica.difference(database, 'items', ['id', 'code', 'v'])).toEqual([]);
});
