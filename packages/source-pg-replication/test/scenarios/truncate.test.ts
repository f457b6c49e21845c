import { describe, expect, test } from 'vitest';
import { usePostgres } from '../support/postgres.ts';
import { killAtCalls, Replica } from '../support/replica.ts';

const postgres = usePostgres();
const ITEMS = `CREATE TABLE items (id int PRIMARY KEY, name text, note text)`;

describe('TRUNCATE', () => {
  test('truncate_clears_and_accepts_new: also in one transaction', async () => {
    await using database = await postgres.database(
      `${ITEMS}; CREATE TABLE others (id int PRIMARY KEY); INSERT INTO items VALUES (1, 'a'), (2, 'b'); INSERT INTO others VALUES (1)`,
    );
    const replica = new Replica(database);
    await replica.run();
    await database.sql(
      `BEGIN; INSERT INTO items VALUES (3, 'lost'); TRUNCATE items, others; INSERT INTO items VALUES (1, 'fresh'); COMMIT`,
    );
    await replica.run();
    expect(replica.rows('items')).toEqual([{ id: 1, name: 'fresh', note: null }]);
    expect(replica.rows('others')).toEqual([]);
  });
});

test('truncate_cascade: each table that it reaches is empty', async () => {
  await using database = await postgres.database(
    `${ITEMS}; CREATE TABLE lines (id int PRIMARY KEY, item int REFERENCES items); INSERT INTO items VALUES (1, 'a'); INSERT INTO lines VALUES (1, 1)`,
  );
  const replica = new Replica(database);
  await replica.run();
  await database.sql(`TRUNCATE items RESTART IDENTITY CASCADE`);
  await replica.run();
  expect([replica.rows('items'), replica.rows('lines')]).toEqual([[], []]);
});

test('truncate_replayed_after_kill: wherever a load is cut off, rows after it survive and rows before it do not', async () => {
  await using database = await postgres.database(
    `${ITEMS}; INSERT INTO items SELECT g, 'old' FROM generate_series(1, 5) g`,
  );
  const replica = new Replica(database, { pageRows: 1 });
  await replica.run();
  await killAtCalls(replica, {
    step: 3,
    change: async (call) =>
      database.sql(
        `INSERT INTO items VALUES (100, 'gone'); TRUNCATE items; INSERT INTO items VALUES (1, 'n${call}'), (${call + 1}, 'n');
         DELETE FROM items WHERE id = 1; INSERT INTO items VALUES (1, 'last')`,
      ),
    check: async (call, state) => {
      if (state === 'dead') return;
      expect([call, await replica.difference(database, 'items', ['id', 'name'])]).toEqual([call, []]);
    },
  });
});
