import { newestEntries } from '@etl/core';
import { describe, expect, test } from 'vitest';
import { usePostgres } from './support/postgres.ts';
import { lastCheckpoint, readAll, Replica, rowsOf } from './support/replica.ts';

const postgres = usePostgres();
const ITEMS = `CREATE TABLE items (id int PRIMARY KEY, name text, note text)`;
const TOAST = `CREATE TABLE docs (id int PRIMARY KEY, title text, body text, extra jsonb, bytes bytea, list text[]);
  ALTER TABLE docs ALTER body SET STORAGE EXTERNAL, ALTER extra SET STORAGE EXTERNAL, ALTER bytes SET STORAGE EXTERNAL, ALTER list SET STORAGE EXTERNAL;`;
const big = (letter: string): string => letter.repeat(20_000);

describe('rows', () => {
  test('inserts, updates and deletes arrive', async () => {
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

  test('the last of many changes of a row in one transaction counts', async () => {
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

  test('rows of one COPY that share an LSN all arrive, each with its own version', async () => {
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

  test('a change of the primary key moves the row', async () => {
    await using database = await postgres.database(`${ITEMS}; INSERT INTO items VALUES (1, 'a'), (2, 'b')`);
    const replica = new Replica(database);
    await replica.run();
    await database.sql(
      `UPDATE items SET id = 5 WHERE id = 1; BEGIN; DELETE FROM items WHERE id = 2; UPDATE items SET id = 2 WHERE id = 5; COMMIT`,
    );
    await replica.run();
    expect(replica.rows('items')).toEqual([{ id: 2, name: 'a', note: null }]);
  });

  test('keys that move up by one within a transaction keep every row', async () => {
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

  test('composite keys follow the order of the key, not of the columns', async () => {
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

  test('a replica identity index is the key', async () => {
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

  test('REPLICA IDENTITY FULL works with a primary key', async () => {
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

describe('TRUNCATE', () => {
  test('empties the table, and what follows in the same transaction stays', async () => {
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

describe('unchanged TOAST', () => {
  const insert = (id: number, letter: string): string =>
    `INSERT INTO docs VALUES (${id}, 't', '${big(letter)}', '{"a": "${big(letter)}"}', '\\x${'ab'.repeat(20_000)}', ARRAY['${big(letter)}', NULL])`;

  test.each([['default'], ['full']])('values survive, replica identity %s', async (identity) => {
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
  });

  test('a big value moves with its key, also twice and within one batch', async () => {
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

  test('NULL that is written is not taken for unchanged', async () => {
    await using database = await postgres.database(`${TOAST} ${insert(1, 'a')}`);
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`UPDATE docs SET body = NULL WHERE id = 1`);
    await replica.run();
    const [row] = replica.rows('docs');
    expect(row?.['body']).toBeNull();
    expect(String(row?.['extra'])).toHaveLength(20_009);
  });

  test('the base may come from an earlier load of the same run', async () => {
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

describe('big transactions', () => {
  test('are handed on in pages and committed only at their end', async () => {
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

describe('partitions', () => {
  test('are one stream: rows are copied once, follow moves, and come from new leaves', async () => {
    await using database = await postgres.database(
      `CREATE TABLE events (id int, day date, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
       CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01') PARTITION BY HASH (id);
       CREATE TABLE events_1a PARTITION OF events_1 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
       CREATE TABLE events_1b PARTITION OF events_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
       CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
       INSERT INTO events SELECT g, '2026-01-15', 'x' FROM generate_series(1, 20) g`,
    );
    const replica = new Replica(database);
    await replica.run();
    expect([...replica.store.tables.keys()]).toEqual(['events']);
    expect(replica.rows('events')).toHaveLength(20);
    await database.sql(
      `UPDATE events SET day = '2026-02-10' WHERE id = 1;
       CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
       INSERT INTO events VALUES (100, '2026-03-05', 'new')`,
    );
    await replica.run();
    expect(await replica.difference(database, 'events', ['id', 'day', 'v'])).toEqual([]);
    await database.sql(`TRUNCATE events; INSERT INTO events VALUES (1, '2026-01-01', 'after')`);
    await replica.run();
    expect(await replica.difference(database, 'events', ['id', 'day', 'v'])).toEqual([]);
  });

  const PARTED = `CREATE TABLE events (id int, day date, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    INSERT INTO events SELECT g, '2026-01-15', 'x' FROM generate_series(1, 20) g`;
  const FEBRUARY = `FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')`;
  const LOADED = `CREATE TABLE events_2 (LIKE events INCLUDING ALL); INSERT INTO events_2 VALUES (50, '2026-02-02', 'brought')`;

  test.each([
    ['alone', `${LOADED}; ALTER TABLE events ATTACH PARTITION events_2 ${FEBRUARY}`],
    [
      'in a tree of its own',
      `CREATE TABLE events_q (LIKE events INCLUDING ALL) PARTITION BY RANGE (day);
       ${LOADED}; ALTER TABLE events_q ATTACH PARTITION events_2 ${FEBRUARY};
       ALTER TABLE events ATTACH PARTITION events_q ${FEBRUARY}`,
    ],
    [
      'after it was changed while it was detached',
      `ALTER TABLE events DETACH PARTITION events_1; UPDATE events_1 SET v = 'unseen';
       ALTER TABLE events ATTACH PARTITION events_1 FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')`,
    ],
  ])('a partition that is attached with rows makes the table be copied anew: %s', async (_, sql) => {
    await using database = await postgres.database(`${PARTED}; CREATE TABLE other (id int PRIMARY KEY)`);
    const replica = new Replica(database, { tables: ['events', 'other'] });
    await replica.run();
    await database.sql(sql);
    await replica.run();
    expect(await replica.difference(database, 'events', ['id', 'day', 'v'])).toEqual([]);
    await database.sql(`UPDATE events SET v = 'later' WHERE id IN (1, 50)`);
    expect((await replica.run()).rows).toBeLessThanOrEqual(2);
    expect(await replica.difference(database, 'events', ['id', 'day', 'v'])).toEqual([]);
  });

  test('an empty partition joins with changes alone', async () => {
    await using database = await postgres.database(PARTED);
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`CREATE TABLE events_2 PARTITION OF events ${FEBRUARY}`);
    expect((await replica.run()).rows).toBe(0);
    await database.sql(`INSERT INTO events VALUES (50, '2026-02-02', 'new')`);
    expect((await replica.run()).rows).toBe(1);
    expect(await replica.difference(database, 'events', ['id', 'day', 'v'])).toEqual([]);
  });

  test('a partition that is attached while a run reads is noticed by the next one', async () => {
    await using database = await postgres.database(PARTED);
    const replica = new Replica(database, { tables: ['events', 'fresh'], pageRows: 1 });
    await database.sql(`CREATE TABLE fresh (id int PRIMARY KEY)`);
    await replica.run();
    await database.sql(`UPDATE events SET v = 'y' WHERE id = 1`);
    await using source = replica.source();
    const entries = [...replica.state()];
    for await (const message of source.read({ state: replica.state() })) {
      if (message.type === 'checkpoint') entries.push(...message.checkpoint.entries);
      if (message.type !== 'records') continue;
      await database.sql(`${LOADED}; ALTER TABLE events ATTACH PARTITION events_2 ${FEBRUARY}`);
    }
    replica.store.state.set('test', newestEntries(entries));
    await replica.run();
    expect(await replica.difference(database, 'events', ['id', 'day', 'v'])).toEqual([]);
  });
});
