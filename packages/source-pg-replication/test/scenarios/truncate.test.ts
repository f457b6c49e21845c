import { describe, expect, test } from 'vitest';
import { usePostgres } from '../support/postgres.ts';
import { Replica } from '../support/replica.ts';

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
