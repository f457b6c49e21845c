import { describe, expect, test } from 'vitest';
import { usePostgres } from '../support/postgres.ts';
import { Replica } from '../support/replica.ts';

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
