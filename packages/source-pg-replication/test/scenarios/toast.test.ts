import { describe, expect, test } from 'vitest';
import { usePostgres } from '../support/postgres.ts';
import { killAtCalls, readAll, Replica, rowsOf } from '../support/replica.ts';

const postgres = usePostgres();
const TOAST = `CREATE TABLE docs (id int PRIMARY KEY, title text, body text, extra jsonb, bytes bytea, list text[]);
  ALTER TABLE docs ALTER body SET STORAGE EXTERNAL, ALTER extra SET STORAGE EXTERNAL, ALTER bytes SET STORAGE EXTERNAL, ALTER list SET STORAGE EXTERNAL;`;
const big = (letter: string): string => letter.repeat(20_000);

describe('unchanged TOAST', () => {
  const insert = (id: number, letter: string): string =>
    `INSERT INTO docs VALUES (${id}, 't', '${big(letter)}', '{"a": "${big(letter)}"}', '\\x${'ab'.repeat(20_000)}', ARRAY['${big(letter)}', NULL])`;

  test.each([['default'], ['full']])(
    'toast_unchanged_%s_identity, toast_unchanged_row_only_in_same_batch_or_destination_or_both, toast_unchanged_array_json_bytea',
    async (identity) => {
      await using database = await postgres.database(
        `${TOAST} ALTER TABLE docs REPLICA IDENTITY ${identity}; ${insert(1, 'a')}; ${insert(2, 'b')}`,
      );
      const replica = new Replica(database, { pageRows: 2 });
      await replica.run();
      // Only at the destination; only among the rows of this batch; first there, then here.
      await database.sql(`UPDATE docs SET title = 'u' WHERE id = 1`);
      await database.sql(`BEGIN; ${insert(3, 'c')}; UPDATE docs SET title = 'v' WHERE id = 3; COMMIT`);
      await database.sql(`UPDATE docs SET title = 'w' WHERE id = 2; UPDATE docs SET title = 'x' WHERE id = 2`);
      await replica.run();
      const rows = replica.rows('docs');
      expect(rows.map(({ id, title }) => [id, title])).toEqual([
        [1, 'u'],
        [2, 'x'],
        [3, 'v'],
      ]);
      expect(rows.map(({ body }) => body)).toEqual([big('a'), big('b'), big('c')]);
      expect(rows.map(({ extra }) => String(extra).length)).toEqual([20_009, 20_009, 20_009]);
      expect(rows.map(({ bytes }) => (bytes as Uint8Array).length)).toEqual([20_000, 20_000, 20_000]);
      expect(rows.map(({ list }) => (list as string[])[0]?.length)).toEqual([20_000, 20_000, 20_000]);
    },
  );

  test('pk_change_with_unchanged_toast: also twice and within one batch', async () => {
    await using database = await postgres.database(`${TOAST} ${insert(1, 'a')}; ${insert(2, 'b')}`);
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`UPDATE docs SET id = 11 WHERE id = 1; UPDATE docs SET id = 111 WHERE id = 11;
      BEGIN; UPDATE docs SET id = 22 WHERE id = 2; UPDATE docs SET title = 'moved', extra = 'null' WHERE id = 22; COMMIT`);
    await replica.run();
    expect(replica.rows('docs').map(({ id, title, body, extra }) => [id, title, body, String(extra).length])).toEqual([
      [111, 't', big('a'), 20_009],
      [22, 'moved', big('b'), 4],
    ]);
  });

  test('toast_set_null_vs_unchanged', async () => {
    await using database = await postgres.database(`${TOAST} ${insert(1, 'a')}`);
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`UPDATE docs SET body = NULL WHERE id = 1`);
    await replica.run();
    const [row] = replica.rows('docs');
    expect(row?.['body']).toBeNull();
    expect(String(row?.['extra'])).toHaveLength(20_009);
  });

  test('toast_unchanged_base_in_an_earlier_load_of_the_run', async () => {
    await using database = await postgres.database(TOAST);
    const replica = new Replica(database, { pageRows: 1 });
    await replica.run();
    await database.sql(`${insert(1, 'a')}; ${insert(2, 'b')}`);
    await database.sql(`UPDATE docs SET title = 'later' WHERE id = 1`);
    await replica.run({ commitEveryRows: 1 });
    expect(replica.rows('docs').map(({ title, body }) => [title, body])).toEqual([
      ['later', big('a')],
      ['t', big('b')],
    ]);
  });

  test('without a destination the value is undefined', async () => {
    await using database = await postgres.database(`${TOAST} ${insert(1, 'a')}`);
    await using source = new Replica(database).source();
    const first = await readAll(source);
    const state = first.flatMap((message) => (message.type === 'checkpoint' ? message.checkpoint.entries : []));
    await database.sql(`UPDATE docs SET title = 'u'`);
    const [row] = rowsOf(await readAll(source, state), 'docs');
    expect(row).toMatchObject({ id: 1, title: 'u' });
    expect(row?.['body']).toBeUndefined();
  });

  test('a base that the destination lost makes the table be copied anew in the same run', async () => {
    await using database = await postgres.database(`${TOAST} ${insert(1, 'a')}; ${insert(2, 'b')}`);
    const replica = new Replica(database);
    await replica.run();
    replica.store.tables.get('docs')?.clear();
    await database.sql(`UPDATE docs SET title = 'u' WHERE id = 1`);
    await replica.run();
    expect(replica.rows('docs').map(({ id, title }) => [id, title])).toEqual([
      [1, 'u'],
      [2, 't'],
    ]);
    expect(replica.warnings.join()).toContain('copied anew');
  });
});

test('toast_unchanged_hstore, toast_unchanged_domain, toast_unchanged_text_of_other_types', async () => {
  await using database = await postgres.database(
    `CREATE EXTENSION hstore; CREATE DOMAIN long_text AS text;
     CREATE TABLE wide (id int PRIMARY KEY, n int, h hstore, d long_text, x xml, v tsvector);
     ALTER TABLE wide ALTER h SET STORAGE EXTERNAL, ALTER d SET STORAGE EXTERNAL, ALTER x SET STORAGE EXTERNAL;
     INSERT INTO wide VALUES (1, 1, hstore('k', repeat('h', 20000)), repeat('d', 20000), ('<a>' || repeat('x', 20000) || '</a>')::xml, 'a b')`,
  );
  const replica = new Replica(database);
  await replica.run();
  await database.sql('UPDATE wide SET n = 2');
  expect((await replica.run()).rows).toBe(1);
  expect(await replica.difference(database, 'wide', ['id', 'h', 'd', 'x', 'v'])).toEqual([]);
});

test('toast_replay_after_kill: wherever a load is cut off, the big values are right', async () => {
  await using database = await postgres.database(
    `${TOAST} INSERT INTO docs (id, title, body) VALUES (1, 't', '${big('a')}'), (2, 't', '${big('b')}')`,
  );
  const replica = new Replica(database, { pageRows: 1 });
  await replica.run();
  await killAtCalls(replica, {
    change: async (call) =>
      database.sql(
        `UPDATE docs SET title = 'n${call}' WHERE id = 1; UPDATE docs SET id = id + 10 WHERE id % 10 = 2; DELETE FROM docs WHERE id = 3;
         INSERT INTO docs (id, title, body) VALUES (3, 'new', '${big('c')}'); UPDATE docs SET title = 'n' WHERE id = 3`,
      ),
    check: async (call, state) => {
      if (state === 'dead') return;
      expect([call, await replica.difference(database, 'docs', ['id', 'title', 'body'])]).toEqual([call, []]);
    },
  });
});
