import { runPipeline, type Source } from '@etl/core';
import { expect, test, vi } from 'vitest';
import { usePostgres } from '../support/postgres.ts';
import { failureOf, readAll, recordingLogger, Replica, rowsOf, withoutSystemColumns } from '../support/replica.ts';

const postgres = usePostgres();
const SLOTS = 'SELECT count(*) FROM pg_replication_slots WHERE database = current_database()';
const ITEMS = `CREATE TABLE items (id int PRIMARY KEY, name text)`;

test('snapshot_empty_table_created: every table once, empty ones too; then nothing changed', async () => {
  await using database = await postgres.database(
    `${ITEMS}; CREATE TABLE empty (id int PRIMARY KEY); CREATE SCHEMA sales; CREATE TABLE sales.orders (id int PRIMARY KEY);
     INSERT INTO items SELECT g, 'n' || g FROM generate_series(1, 25000) g; INSERT INTO sales.orders VALUES (7)`,
  );
  const replica = new Replica(database, { schemas: ['public', 'sales'] });
  const first = await replica.run();
  expect(Object.fromEntries(first.streams.map(({ stream, rows }) => [stream, rows]))).toEqual({
    empty: 0,
    items: 25_000,
    sales__orders: 1,
  });
  expect(await replica.difference(database, 'items', ['id', 'name'])).toEqual([]);
  expect(replica.store.tables.get('empty')?.size).toBe(0);
  const second = await replica.run();
  expect(second.rows).toBe(0);
  expect(second.streams.map(({ stream }) => stream).sort()).toEqual(['empty', 'items', 'sales__orders']);
});

test('schema, truncate and rows come before the checkpoint of a table', async () => {
  await using database = await postgres.database(`${ITEMS}; INSERT INTO items VALUES (1, 'a')`);
  await using source = new Replica(database).source();
  const messages = (await readAll(source)).filter(({ type }) => type !== 'progress');
  expect(messages.map(({ type }) => type)).toEqual(['schema', 'truncate', 'records', 'checkpoint', 'checkpoint']);
  const [row] = rowsOf(messages, 'items');
  expect(withoutSystemColumns(row ?? {})).toEqual({ id: 1, name: 'a' });
});

test('snapshot_then_stream_no_gap: rows before, during and after it arrive exactly once', async () => {
  await using database = await postgres.database(
    `${ITEMS}; INSERT INTO items SELECT g, 'old' FROM generate_series(1, 2000) g`,
  );
  await using writer = await database.connect();
  const stop = new AbortController();
  let written = 0;
  const writing = (async () => {
    for (let id = 10_000; !stop.signal.aborted; id += 1) {
      await writer.query(
        `INSERT INTO items VALUES (${id}, 'during'); UPDATE items SET name = 'x${id}' WHERE id = ${(id % 2000) + 1}; DELETE FROM items WHERE id = ${id - 7}`,
      );
      written += 1;
    }
  })();
  const replica = new Replica(database, { pageRows: 300 });
  await replica.run({ commitEveryRows: 500 });
  await replica.run({ commitEveryRows: 500 });
  stop.abort();
  await writing;
  await replica.run();
  expect(written).toBeGreaterThan(10);
  expect(await replica.difference(database, 'items', ['id', 'name'])).toEqual([]);
});

test('snapshot_parallel_tx_not_skipped', async () => {
  await using database = await postgres.database(ITEMS);
  await using other = await database.connect();
  await other.query(`BEGIN; INSERT INTO items VALUES (1, 'open')`);
  const replica = new Replica(database);
  const run = replica.run();
  await new Promise((resolve) => setTimeout(resolve, 300));
  await other.query(`INSERT INTO items VALUES (2, 'open'); COMMIT`);
  await run;
  await replica.run();
  expect(replica.rows('items')).toEqual([
    { id: 1, name: 'open' },
    { id: 2, name: 'open' },
  ]);
});

test('snapshot_truncate_during_copy, snapshot_rewrite_during_copy: the table is copied under a new snapshot', async () => {
  await using database = await postgres.database(
    `CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT g, 'a' FROM generate_series(1, 3000) g;
     CREATE TABLE b (id int PRIMARY KEY, v text); INSERT INTO b SELECT g, 'b' FROM generate_series(1, 1000) g;
     CREATE TABLE c (id int PRIMARY KEY, v text); INSERT INTO c SELECT g, '7' FROM generate_series(1, 1000) g;
     CREATE TABLE d (id int PRIMARY KEY, v text); INSERT INTO d SELECT g, 'd' FROM generate_series(1, 1000) g`,
  );
  const replica = new Replica(database, { pageRows: 1000 });
  await using source = replica.source();
  let isDone = false;
  // While the first table is being copied, the others change in ways that snapshots do not see.
  const disturbed: Source = {
    specificationVersion: 'v1',
    name: 'pg',
    async *read(request) {
      for await (const message of source.read(request)) {
        yield message;
        if (message.type !== 'records' || isDone) continue;
        isDone = true;
        await database.sql(`TRUNCATE b; INSERT INTO b VALUES (1, 'new')`);
        await database.sql(`ALTER TABLE c ALTER v TYPE int USING v::int`);
        await database.sql(
          `ALTER TABLE d ADD COLUMN w int DEFAULT (random() * 1000)::int; INSERT INTO d VALUES (5000, 'e', 1)`,
        );
      }
    },
    acknowledge: async (checkpoint) => source.acknowledge?.(checkpoint),
    check: async () => undefined,
    discover: async () => [],
    [Symbol.asyncDispose]: async () => undefined,
  };
  const report = await runPipeline({ name: 'test', source: disturbed, destination: replica.destination() });
  expect(report.failures).toEqual([]);
  expect(replica.rows('b')).toEqual([{ id: 1, v: 'new' }]);
  expect(replica.rows('c')).toHaveLength(1000);
  expect(replica.rows('c')[0]?.['v']).toBe(7);
  expect(await replica.difference(database, 'd', ['id', 'v', 'w'])).toEqual([]);
  await replica.run();
  for (const [table, columns] of [
    ['a', ['id', 'v']],
    ['b', ['id', 'v']],
    ['c', ['id', 'v']],
    ['d', ['id', 'v', 'w']],
  ] as const) {
    expect(await replica.difference(database, table, columns)).toEqual([]);
  }
});

test('snapshot_killed_midway_restarts: goes on by table, no orphan slot', async () => {
  await using database = await postgres.database(
    `CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT g, 'a' FROM generate_series(1, 500) g;
     CREATE TABLE b (id int PRIMARY KEY, v text); INSERT INTO b SELECT g, 'b' FROM generate_series(1, 500) g;
     CREATE TABLE c (id int PRIMARY KEY, v text); INSERT INTO c SELECT g, 'c' FROM generate_series(1, 500) g`,
  );
  const replica = new Replica(database, { pageRows: 100 });
  for (const stopAfter of [1, 4, 9, 13]) {
    const stop = new AbortController();
    let pages = 0;
    await using source = replica.source();
    await runPipeline({
      name: 'test',
      source,
      destination: replica.destination(),
      commitEveryRows: 1,
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type !== 'batch-written') return;
        pages += 1;
        if (pages === stopAfter) stop.abort(new Error('killed'));
      },
    }).catch(() => undefined);
    await database.sql(
      `UPDATE a SET v = v || '!' WHERE id < 50; DELETE FROM b WHERE id = ${stopAfter}; INSERT INTO c VALUES (${1000 + stopAfter}, 'late')`,
    );
    // Before the first table was done, nothing could be gone on from.
    await expect.poll(async () => database.value(SLOTS)).toBe(stopAfter < 5 ? '0' : '1');
  }
  const last = await replica.run();
  expect(last.streams.find(({ stream }) => stream === 'a')?.rows).toBeLessThan(500);
  for (const table of ['a', 'b', 'c']) expect(await replica.difference(database, table, ['id', 'v'])).toEqual([]);
  expect(await database.value(SLOTS)).toBe('1');
});

test('no_pk_table_rejected, replica_identity_nothing, deferrable_pk_default_identity, snapshot_only_without_pk: by name, the others load', async () => {
  await using database = await postgres.database(
    `${ITEMS}; INSERT INTO items VALUES (1, 'a'); CREATE TABLE keyless (a int);
     CREATE TABLE mute (id int PRIMARY KEY); ALTER TABLE mute REPLICA IDENTITY NOTHING;
     CREATE TABLE later (id int PRIMARY KEY DEFERRABLE)`,
  );
  const replica = new Replica(database);
  const report = await replica.attempt();
  expect(report.status).toBe('partial');
  expect(report.failures.map(({ stream, error }) => [stream, error.code])).toEqual([
    ['keyless', 'PG_TABLE_KEYLESS'],
    ['later', 'PG_TABLE_KEYLESS'],
    ['mute', 'PG_TABLE_KEYLESS'],
  ]);
  expect(replica.rows('items')).toHaveLength(1);
  expect((await replica.attempt()).status).toBe('partial');
});

test('a table without a replica identity is never published, for PostgreSQL would refuse to update it', async () => {
  await using database = await postgres.database(
    `${ITEMS}; CREATE TABLE keyless (a int); INSERT INTO keyless VALUES (1);
     CREATE TABLE mute (id int PRIMARY KEY); ALTER TABLE mute REPLICA IDENTITY NOTHING; INSERT INTO mute VALUES (1);
     CREATE TABLE later (id int PRIMARY KEY DEFERRABLE); INSERT INTO later VALUES (1);
     CREATE TABLE parts (a int) PARTITION BY RANGE (a);
     CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (9); INSERT INTO parts VALUES (1)`,
  );
  const update = 'UPDATE keyless SET a = 2; UPDATE mute SET id = 2; UPDATE later SET id = 2; UPDATE parts SET a = 2';
  const replica = new Replica(database);
  expect((await replica.attempt()).failures).toHaveLength(4);
  await database.sql(update);
  await database.sql('ALTER TABLE keyless ADD PRIMARY KEY (a)');
  expect((await replica.attempt()).failures.map(({ stream }) => stream)).toEqual(['later', 'mute', 'parts']);
  expect(replica.rows('keyless')).toEqual([expect.objectContaining({ a: 2 })]);
  await database.sql('ALTER TABLE keyless DROP CONSTRAINT keyless_pkey');
  await replica.attempt();
  await database.sql(update);
});

test('with nothing but tables without a replica identity, none is published', async () => {
  await using database = await postgres.database('CREATE TABLE keyless (a int); INSERT INTO keyless VALUES (1)');
  const replica = new Replica(database);
  expect((await replica.attempt()).failures).toMatchObject([
    { stream: 'keyless', error: { code: 'PG_TABLE_KEYLESS' } },
  ]);
  await database.sql('UPDATE keyless SET a = 2');
});

test('chooses tables by schema, name and pattern, and says what it cannot find', async () => {
  await using database = await postgres.database(
    `CREATE SCHEMA sales; CREATE TABLE items (id int PRIMARY KEY); CREATE TABLE items_log (id int PRIMARY KEY);
     CREATE TABLE sales.orders (id int PRIMARY KEY); CREATE TABLE sales.order_log (id int PRIMARY KEY)`,
  );
  const streams = async (options: object): Promise<string[]> => {
    await using source = new Replica(database, options).source();
    return (await source.discover()).map(({ name }) => name);
  };
  expect(await streams({})).toEqual(['items', 'items_log']);
  expect(await streams({ schemas: ['sales'] })).toEqual(['sales__order_log', 'sales__orders']);
  expect(await streams({ tables: ['items', 'sales.*'], exclude: ['*_log'] })).toEqual(['items', 'sales__orders']);
  expect((await failureOf(streams({ tables: ['order'] }))).message).toContain('order cannot be found');
  const warnings: string[] = [];
  await using misspelt = new Replica(database, { tables: ['items', 'order'] }).source();
  await misspelt.discover({ logger: recordingLogger(warnings) });
  expect(warnings).toEqual([expect.stringMatching(/cannot be read .*"stream":"order".*order cannot be found/)]);
  expect(await failureOf(streams({ schemas: ['nowhere'] }))).toMatchObject({ code: 'PG_NO_TABLES', kind: 'config' });
});

test('weird_identifiers: capitals, quotes, dots and emoji are only names', async () => {
  await using database = await postgres.database(
    `CREATE SCHEMA "My.Schema"; CREATE TABLE "My.Schema"."Sel""ect 🚲?" ("Id" int PRIMARY KEY, "or'der" text, "a.b-c" int, "from" text);
     INSERT INTO "My.Schema"."Sel""ect 🚲?" VALUES (1, 'x', 2, 'y')`,
  );
  const replica = new Replica(database, { schemas: ['My.Schema'] });
  await replica.run();
  await database.sql(`UPDATE "My.Schema"."Sel""ect 🚲?" SET "or'der" = 'z'`);
  await replica.run();
  expect(replica.rows('My.Schema__Sel"ect 🚲?')).toEqual([{ Id: 1, "or'der": 'z', 'a.b-c': 2, from: 'y' }]);
});

test('snapshot_respects_row_filter_and_column_list, column_excluded: a publication of somebody else is used as it is', async (context) => {
  await postgres.requireVersion(context, 15, 'row filters and column lists');
  await using database = await postgres.database(
    `CREATE TABLE people (id int PRIMARY KEY, name text, secret text, age int); CREATE TABLE private (id int PRIMARY KEY);
     INSERT INTO people SELECT g, 'p' || g, 's', g FROM generate_series(1, 10) g;
     CREATE PUBLICATION theirs FOR TABLE people (id, name, age) WHERE (id > 3)`,
  );
  const replica = new Replica(database, { publication: 'theirs', tables: ['people'] });
  await replica.run();
  expect(replica.rows('people')).toHaveLength(7);
  expect(replica.rows('people')[0]).toEqual({ id: 10, name: 'p10', age: 10 });
  await database.sql(
    `INSERT INTO people VALUES (2000, 'n', 's', 1), (0, 'n', 's', 1); UPDATE people SET secret = 't', age = 99 WHERE id = 5; UPDATE people SET id = 1000 WHERE id = 1; UPDATE people SET id = -4 WHERE id = 4`,
  );
  await replica.run();
  expect(
    replica
      .rows('people')
      .map(({ id }) => Number(id))
      .sort((a, b) => a - b),
  ).toEqual([5, 6, 7, 8, 9, 10, 1000, 2000]);
  expect([...replica.store.tables.keys()]).toEqual(['people']);
});

test('a publication that leaves out deletes is refused', async () => {
  await using database = await postgres.database(
    `${ITEMS}; CREATE PUBLICATION partial FOR TABLE items WITH (publish = 'insert, update, truncate')`,
  );
  expect(await failureOf(new Replica(database, { publication: 'partial' }).run())).toMatchObject({
    code: 'PG_PUBLICATION_INCOMPLETE',
    kind: 'config',
  });
});

test('snapshot_ctid_ranges_cover_all_blocks: every row once, of a table with holes that grows during the copy', async () => {
  await using database = await postgres.database(
    `CREATE TABLE items (id int PRIMARY KEY, name text) WITH (fillfactor = 20);
     INSERT INTO items SELECT g, repeat('x', 200) FROM generate_series(1, 6000) g;
     DELETE FROM items WHERE id % 3 = 0 OR id BETWEEN 2000 AND 3000; UPDATE items SET name = 'moved' WHERE id % 7 = 0`,
  );
  const there = (await database.rows('SELECT id FROM items')).map(({ id }) => Number(id));
  await using source = new Replica(database, { pageRows: 500 }).source();
  const here: number[] = [];
  for await (const message of source.read()) {
    // What comes in the midst is not in the snapshot, and is read from the log.
    if (message.type === 'checkpoint') break;
    if (message.type !== 'records') continue;
    here.push(...message.rows.map((row) => Number(row['id'])));
    await database.sql(
      `INSERT INTO items SELECT g, 'late' FROM generate_series(${10_000 + here.length}, ${10_400 + here.length}) g ON CONFLICT DO NOTHING`,
    );
  }
  expect(here.toSorted((a, b) => a - b)).toEqual(there.toSorted((a, b) => a - b));
});

test('snapshot_slot_creation_blocked_by_open_tx: says who is waited for, and goes on when it ends', async () => {
  await using database = await postgres.database(`${ITEMS}; INSERT INTO items VALUES (1, 'a')`);
  await using other = await database.connect();
  const { rows } = await other.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  await other.query(`BEGIN; INSERT INTO items VALUES (2, 'open')`);
  const replica = new Replica(database);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const run = replica.run();
    const isWaiting = `SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE_REPLICATION_SLOT%' AND state = 'active'`;
    while ((await database.value(isWaiting)) === '0');
    vi.advanceTimersByTime(5000);
    while (replica.warnings.length === 0) await database.sql('SELECT');
    await other.query('COMMIT');
    vi.useRealTimers();
    await run;
  } finally {
    vi.useRealTimers();
  }
  expect(replica.warnings[0]).toBe(`snapshot waits for open transactions {"pids":[${rows[0]?.pid}]}`);
  expect(replica.rows('items')).toHaveLength(2);
});

test('snapshot_update_wins_over_copy_row: a change after the snapshot has the greater version', async () => {
  await using database = await postgres.database(`${ITEMS}; INSERT INTO items VALUES (1, 'copied')`);
  await using source = new Replica(database).source();
  const versions: [unknown, unknown][] = [];
  for await (const message of source.read()) {
    if (message.type !== 'records') continue;
    versions.push(...message.rows.map((row): [unknown, unknown] => [row['name'], row['_version']]));
    if (versions.length === 1) await database.sql(`UPDATE items SET name = 'changed'`);
  }
  expect(versions.map(([name]) => name)).toEqual(['copied', 'changed']);
  expect(versions[1]?.[1] as bigint).toBeGreaterThan(versions[0]?.[1] as bigint);
});

test('inheritance: a parent and its heirs are tables of their own, each with its own rows', async () => {
  await using database = await postgres.database(
    `CREATE TABLE parent (id int PRIMARY KEY, v text); CREATE TABLE heir (w text, PRIMARY KEY (id)) INHERITS (parent);
     INSERT INTO parent VALUES (1, 'p'); INSERT INTO heir VALUES (2, 'h', 'w')`,
  );
  const replica = new Replica(database);
  await replica.run();
  await database.sql(`UPDATE parent SET v = v || '!'; INSERT INTO heir VALUES (1, 'same id', 'w')`);
  await replica.run();
  expect(replica.rows('parent')).toEqual([{ id: 1, v: 'p!' }]);
  expect(replica.rows('heir')).toEqual([
    { id: 1, v: 'same id', w: 'w' },
    { id: 2, v: 'h!', w: 'w' },
  ]);
});

test('tables whose rows are not in the log are not read: unlogged, temporary, views; once logged they are', async () => {
  await using database = await postgres.database(
    `${ITEMS}; CREATE UNLOGGED TABLE fast (id int PRIMARY KEY); INSERT INTO fast VALUES (1); CREATE TEMP TABLE gone (id int PRIMARY KEY);
     CREATE VIEW seen AS SELECT * FROM items; CREATE MATERIALIZED VIEW kept AS SELECT * FROM items`,
  );
  const replica = new Replica(database);
  await replica.run();
  expect([...replica.store.tables.keys()]).toEqual(['items']);
  await database.sql('ALTER TABLE fast SET LOGGED; INSERT INTO fast VALUES (2)');
  await replica.run();
  expect(replica.rows('fast')).toHaveLength(2);
});
