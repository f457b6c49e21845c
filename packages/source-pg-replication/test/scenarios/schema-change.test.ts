import type { RowLookup } from '@etl/core';
import { describe, expect, test } from 'vitest';
import { usePostgres } from '../support/postgres.ts';
import { killAtCalls, Replica } from '../support/replica.ts';

const postgres = usePostgres();
const ITEMS = `CREATE TABLE items (id int PRIMARY KEY, name text, amount int); INSERT INTO items SELECT g, 'n' || g, g FROM generate_series(1, 50) g`;

/** What a run after the change did: how many rows it read tells a resync from changes alone. */
async function afterChange(
  sql: string,
  columns: readonly string[],
  setup = ITEMS,
): Promise<{ rows: number; columns: string[]; difference: string[] }> {
  await using database = await postgres.database(setup);
  const replica = new Replica(database);
  await replica.run();
  await database.sql(sql);
  const report = await replica.run();
  const difference = await replica.difference(database, 'items', columns);
  // Nothing is left to do.
  expect((await replica.run()).rows).toBe(0);
  expect(await replica.difference(database, 'items', columns)).toEqual(difference);
  return {
    rows: report.rows,
    columns: replica.store.specs.get('items')?.columns.map(({ name }) => name) ?? [],
    difference,
  };
}

describe('goes on with changes alone', () => {
  test('add_column_nullable', async () => {
    const result = await afterChange(
      `ALTER TABLE items ADD COLUMN extra text; UPDATE items SET extra = 'e' WHERE id = 3; INSERT INTO items VALUES (60, 'x', 1, 'y')`,
      ['id', 'name', 'amount', 'extra'],
    );
    expect(result).toEqual({ rows: 2, columns: ['id', 'name', 'amount', 'extra'], difference: [] });
  });

  test('add_column_nullable: and no row changes', async () => {
    const result = await afterChange(`ALTER TABLE items ADD COLUMN extra text`, ['id', 'extra']);
    expect(result).toEqual({ rows: 0, columns: ['id', 'name', 'amount', 'extra'], difference: [] });
  });

  test('drop_column', async () => {
    const result = await afterChange(
      `UPDATE items SET amount = 9 WHERE id = 1; ALTER TABLE items DROP COLUMN amount; UPDATE items SET name = 'after' WHERE id = 2`,
      ['id', 'name'],
    );
    expect(result).toEqual({ rows: 2, columns: ['id', 'name'], difference: [] });
  });

  test('ddl_and_dml_interleaved_one_tx', async () => {
    const result = await afterChange(
      `BEGIN; INSERT INTO items VALUES (100, 'before', 1); ALTER TABLE items ADD COLUMN extra text;
       INSERT INTO items VALUES (101, 'between', 2, 'e'); ALTER TABLE items DROP COLUMN amount;
       INSERT INTO items VALUES (102, 'after', 'f'); COMMIT`,
      ['id', 'name', 'extra'],
    );
    expect(result).toEqual({ rows: 3, columns: ['id', 'name', 'extra'], difference: [] });
  });

  test('type_change_of_name_only', async () => {
    const setup = `CREATE TABLE items (id int PRIMARY KEY, name varchar(10)); INSERT INTO items VALUES (1, 'a')`;
    const result = await afterChange(
      `ALTER TABLE items ALTER name TYPE text; INSERT INTO items VALUES (2, 'b')`,
      ['id', 'name'],
      setup,
    );
    expect(result).toMatchObject({ rows: 1, difference: [] });
  });

  test('vacuum_full: the storage is new, the values are not', async () => {
    const result = await afterChange(`VACUUM FULL items`, ['id', 'name', 'amount']);
    expect(result).toMatchObject({ rows: 0, difference: [] });
  });
});

describe('copies the table anew', () => {
  test.each([
    ['add_column_default_backfill_value', `ALTER TABLE items ADD COLUMN extra int DEFAULT 7`, ['id', 'extra']],
    [
      'add_column_volatile_default',
      `ALTER TABLE items ADD COLUMN extra int DEFAULT (random() * 100)::int`,
      ['id', 'extra'],
    ],
    [
      'rename_column',
      `ALTER TABLE items RENAME name TO title; UPDATE items SET title = 'u' WHERE id = 4`,
      ['id', 'title'],
    ],
    [
      'type_widen',
      `ALTER TABLE items ALTER amount TYPE bigint; INSERT INTO items VALUES (99, 'x', 5000000000)`,
      ['id', 'amount'],
    ],
    ['type_change_incompatible', `ALTER TABLE items ALTER amount TYPE text USING 'n' || amount`, ['id', 'amount']],
    ['type_rewrite_same_type', `ALTER TABLE items ALTER name TYPE text USING upper(name)`, ['id', 'name']],
    ['drop_and_add_column_same_name', `ALTER TABLE items DROP amount, ADD amount int`, ['id', 'amount']],
    [
      'drop_and_recreate_table',
      `DROP TABLE items; CREATE TABLE items (id int PRIMARY KEY, other text); INSERT INTO items VALUES (1, 'only')`,
      ['id', 'other'],
    ],
    [
      'primary_key_changed',
      `ALTER TABLE items DROP CONSTRAINT items_pkey, ALTER amount SET NOT NULL, ADD PRIMARY KEY (id, amount)`,
      ['id', 'amount'],
    ],
  ])('%s', async (_, sql, columns) => {
    const { difference } = await afterChange(sql, columns);
    expect(difference).toEqual([]);
  });

  test('table_removed_and_re_added_to_publication', async () => {
    await using database = await postgres.database(`${ITEMS}; CREATE TABLE kept (id int PRIMARY KEY)`);
    const all = new Replica(database);
    await all.run();
    await database.sql(
      `ALTER PUBLICATION ${database.name} DROP TABLE items; UPDATE items SET name = 'unseen'; ALTER PUBLICATION ${database.name} ADD TABLE items`,
    );
    await all.run();
    expect(await all.difference(database, 'items', ['id', 'name'])).toEqual([]);
  });

  test('remove_table, and take it in again', async () => {
    await using database = await postgres.database(`${ITEMS}; CREATE TABLE kept (id int PRIMARY KEY)`);
    const all = new Replica(database);
    await all.run();
    const fewer = new Replica(database, { exclude: ['items'] });
    Object.assign(fewer, { store: all.store });
    await fewer.run();
    expect(fewer.rows('items')).toHaveLength(50);
    await database.sql(`UPDATE items SET name = 'unseen'`);
    await all.run();
    expect(await all.difference(database, 'items', ['id', 'name'])).toEqual([]);
  });
});

test('ddl_while_reading: noticed in the stream', async () => {
  await using database = await postgres.database(`${ITEMS}; CREATE TABLE other (id int PRIMARY KEY)`);
  const replica = new Replica(database, { pageRows: 1 });
  await replica.run();
  await database.sql(`INSERT INTO items SELECT g, 'x', g FROM generate_series(1000, 1020) g`);
  await using source = replica.source();
  const kinds: string[] = [];
  let isDone = false;
  for await (const message of source.read({ state: replica.state() })) {
    if (message.type === 'schema') kinds.push(message.stream.columns.map(({ name }) => name).join());
    if (message.type !== 'records' || isDone) continue;
    isDone = true;
    await database.sql(`ALTER TABLE items ADD COLUMN late text`);
  }
  expect(isDone).toBe(true);
  await database.sql(`UPDATE items SET late = 'l' WHERE id = 1`);
  await replica.run();
  await replica.run();
  expect(await replica.difference(database, 'items', ['id', 'name', 'amount', 'late'])).toEqual([]);
});

test('drop_table: what was loaded stays', async () => {
  await using database = await postgres.database(`${ITEMS}; CREATE TABLE other (id int PRIMARY KEY)`);
  const replica = new Replica(database);
  await replica.run();
  await database.sql(`DELETE FROM items WHERE id = 1; DROP TABLE items; INSERT INTO other VALUES (1)`);
  await replica.run();
  expect(replica.rows('items')).toHaveLength(50);
  expect(replica.rows('other')).toHaveLength(1);
  expect(replica.warnings.join()).toContain('no longer read');
});

test('add_table_live: copied while the others go on', async () => {
  await using database = await postgres.database(ITEMS);
  const replica = new Replica(database);
  await replica.run();
  await database.sql(
    `CREATE TABLE fresh (id int PRIMARY KEY, v text); INSERT INTO fresh VALUES (1, 'a'); UPDATE items SET name = 'x' WHERE id = 1; INSERT INTO fresh VALUES (2, 'b')`,
  );
  const report = await replica.run();
  expect(report.rows).toBe(3);
  expect(await replica.difference(database, 'fresh', ['id', 'v'])).toEqual([]);
  expect(await replica.difference(database, 'items', ['id', 'name'])).toEqual([]);
});

test('generated_column: stored ones are in the snapshot and in the stream, or in neither', async () => {
  await using database = await postgres.database(
    `CREATE TABLE g (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED); INSERT INTO g VALUES (1, 1)`,
  );
  const replica = new Replica(database);
  await replica.run();
  await database.sql(`INSERT INTO g VALUES (2, 2); UPDATE g SET a = 5 WHERE id = 1`);
  await replica.run();
  const has = Number(await database.value(`SHOW server_version_num`)) >= 180_000;
  expect(replica.rows('g')).toEqual([
    { id: 1, a: 5, ...(has ? { b: 10 } : {}) },
    { id: 2, a: 2, ...(has ? { b: 4 } : {}) },
  ]);
});

test('a table whose rows have to be copied anew is forgotten, although a column came as well', async () => {
  await using database = await postgres.database(
    `CREATE TABLE items (id int PRIMARY KEY, name text, big text); ALTER TABLE items ALTER big SET STORAGE EXTERNAL;
     INSERT INTO items VALUES (1, 'a', repeat('b', 10000))`,
  );
  const replica = new Replica(database);
  await replica.run();
  await database.sql(`CREATE TABLE fresh (id int PRIMARY KEY); INSERT INTO fresh VALUES (1)`);
  await using source = replica.source();
  const positions: unknown[] = [];
  const lookup: RowLookup = async (_, keys) => keys.map(() => undefined);
  for await (const message of source.read({ state: replica.state(), lookup })) {
    if (message.type === 'checkpoint') {
      positions.push(
        ...message.checkpoint.entries.filter(({ stream }) => stream === 'items').map(({ value }) => value),
      );
    }
    if (message.type !== 'records' || message.stream !== 'fresh') continue;
    await database.sql(
      `UPDATE items SET name = 'u'; ALTER TABLE items ADD COLUMN late text; INSERT INTO items VALUES (2, 'n', 'b', 'l')`,
    );
  }
  expect(positions).toEqual([null, expect.objectContaining({ format: 1 })]);
});

test('drop_consecutive_columns', async () => {
  const setup = `CREATE TABLE items (a int, b int, id int PRIMARY KEY, c int, d text); INSERT INTO items VALUES (1, 2, 3, 4, 'e')`;
  const result = await afterChange(
    `ALTER TABLE items DROP b; INSERT INTO items VALUES (7, 8, 9, 'f'); ALTER TABLE items DROP a, DROP c; INSERT INTO items VALUES (10, 'g'); UPDATE items SET d = 'h' WHERE id = 3`,
    ['id', 'd'],
    setup,
  );
  expect(result).toEqual({ rows: 3, columns: ['id', 'd'], difference: [] });
});

test('stale_relation_replay_after_kill: an older form of the table that is read again neither reverts nor fails it', async () => {
  await using database = await postgres.database(ITEMS);
  const replica = new Replica(database, { pageRows: 1 });
  await replica.run();
  let last = 0;
  await killAtCalls(replica, {
    change: async (call) => {
      await database.sql(
        `INSERT INTO items (id, name) VALUES (${1000 + call}, 'old form'); ALTER TABLE items ADD COLUMN c${call} int; UPDATE items SET c${call} = 1 WHERE id < 3;
         ALTER TABLE items DROP COLUMN IF EXISTS c${last}; INSERT INTO items (id, name) VALUES (${2000 + call}, 'new form')`,
      );
      last = call;
    },
    check: async (call, state) => {
      if (state === 'dead') return;
      expect([call, await replica.difference(database, 'items', ['id', 'name', `c${call}`])]).toEqual([call, []]);
    },
  });
});

test('rename_table: a stream of its own under the new name; what was loaded stays', async () => {
  await using database = await postgres.database(`${ITEMS}; CREATE TABLE other (id int PRIMARY KEY)`);
  const replica = new Replica(database);
  await replica.run();
  await database.sql(
    `UPDATE items SET name = 'before'; ALTER TABLE items RENAME TO things; UPDATE things SET amount = 0`,
  );
  await replica.run();
  expect(await replica.difference(database, 'things', ['id', 'name', 'amount'])).toEqual([]);
  expect(replica.rows('items')).toHaveLength(50);
  await database.sql(`ALTER TABLE things RENAME TO items; UPDATE items SET name = 'back'`);
  await replica.run();
  expect(await replica.difference(database, 'items', ['id', 'name', 'amount'])).toEqual([]);
});

test('generated_column_virtual: PostgreSQL does not send it, so it is not in the snapshot either', async () => {
  await using database = await postgres.database('SELECT');
  if (Number(await database.value('SHOW server_version_num')) < 180_000) return;
  await database.sql(
    `CREATE TABLE g (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL); INSERT INTO g VALUES (1, 1)`,
  );
  const replica = new Replica(database);
  await replica.run();
  await database.sql(`INSERT INTO g VALUES (2, 2)`);
  await replica.run();
  expect(replica.rows('g')).toEqual([
    { id: 1, a: 1 },
    { id: 2, a: 2 },
  ]);
});

test('generated_column_in_own_publication: of somebody who publishes none, it is in neither', async () => {
  await using database = await postgres.database(
    `CREATE TABLE g (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED); INSERT INTO g VALUES (1, 1);
     CREATE PUBLICATION theirs FOR TABLE g`,
  );
  const replica = new Replica(database, { publication: 'theirs' });
  await replica.run();
  await database.sql(`INSERT INTO g VALUES (2, 2)`);
  await replica.run();
  expect(replica.rows('g')).toEqual([
    { id: 1, a: 1 },
    { id: 2, a: 2 },
  ]);
});

test('enum_value_added: changes alone; enum_value_renamed, composite_altered: every row says something else, the table is copied anew', async () => {
  await using database = await postgres.database(
    `CREATE TYPE mood AS ENUM ('sad', 'fine'); CREATE TYPE pair AS (a int, b text); CREATE DOMAIN moody AS mood;
     CREATE TABLE items (id int PRIMARY KEY, m moody, ms mood[], p pair); INSERT INTO items SELECT g, 'sad', '{sad,fine}', ROW(g, 'x')::pair FROM generate_series(1, 20) g;
     CREATE TABLE other (id int PRIMARY KEY, v text); INSERT INTO other VALUES (1, 'a')`,
  );
  const replica = new Replica(database);
  await replica.run();
  await database.sql(`ALTER TYPE mood ADD VALUE 'happy' BEFORE 'sad'`);
  await database.sql(`INSERT INTO items VALUES (100, 'happy', '{happy}')`);
  expect((await replica.run()).rows).toBe(1);
  await database.sql(`ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'`);
  expect((await replica.run()).rows).toBe(21);
  expect(await replica.difference(database, 'items', ['id', 'm', 'p'])).toEqual([]);
  expect(new Set(replica.rows('items').map(({ ms }) => JSON.stringify(ms)))).toEqual(
    new Set(['["blue","fine"]', '["happy"]']),
  );
  await database.sql(`ALTER TYPE pair ADD ATTRIBUTE c int`);
  expect((await replica.run()).rows).toBe(21);
  expect(await replica.difference(database, 'items', ['id', 'm', 'p'])).toEqual([]);
  expect((await replica.run()).rows).toBe(0);
});

test('type_printed_otherwise: a change that leaves the rows as they are, but prints them otherwise', async () => {
  await using database = await postgres.database(
    `CREATE TABLE items (id int PRIMARY KEY, net cidr); INSERT INTO items VALUES (1, '10.0.0.1/32')`,
  );
  const replica = new Replica(database);
  await replica.run();
  await database.sql(`ALTER TABLE items ALTER net TYPE inet`);
  await replica.run();
  expect(replica.rows('items')).toEqual([{ id: 1, net: '10.0.0.1' }]);
});

test('generated_column_expression_dropped, column that is published only now: its old values are copied', async () => {
  const setup = `CREATE TABLE items (id int PRIMARY KEY, amount int, b int GENERATED ALWAYS AS (amount * 2) STORED); INSERT INTO items VALUES (1, 1), (2, 2);
    CREATE PUBLICATION theirs FOR ALL TABLES`;
  await using database = await postgres.database(setup);
  const replica = new Replica(database, { publication: 'theirs' });
  await replica.run();
  expect(replica.rows('items')[0]).toEqual({ id: 1, amount: 1 });
  await database.sql(`ALTER TABLE items ALTER b DROP EXPRESSION; UPDATE items SET b = 7 WHERE id = 1`);
  await replica.run();
  expect(await replica.difference(database, 'items', ['id', 'amount', 'b'])).toEqual([]);
});
