import { expect, test } from 'vitest';
import { usePostgres } from '../support/postgres.ts';
import { failureOf, recordingLogger, Replica } from '../support/replica.ts';

const postgres = usePostgres();
const TABLES = `CREATE TABLE items (id int PRIMARY KEY); CREATE TABLE archive (id int PRIMARY KEY);
  CREATE TABLE other (id int PRIMARY KEY); INSERT INTO items VALUES (1); INSERT INTO archive VALUES (1), (2);
  CREATE PUBLICATION theirs FOR TABLE items`;

test('table_not_in_publication: fails by name, everywhere', async () => {
  await using database = await postgres.database(TABLES);
  const replica = new Replica(database, { publication: 'theirs' });
  const error = await failureOf(replica.source().check());
  expect(error).toMatchObject({
    code: 'PG_TABLE_UNPUBLISHED',
    kind: 'config',
    context: { streams: 'archive, other' },
  });
  expect(error.message).toContain('does not publish public.archive, public.other');
  const statement = 'ALTER PUBLICATION "theirs" ADD TABLE ONLY "public"."archive", ONLY "public"."other";';
  expect(error.hint).toContain(statement);

  const warnings: string[] = [];
  const streams = await replica.source().discover({ logger: recordingLogger(warnings) });
  expect(streams.map(({ name }) => name)).toEqual(['items']);
  expect(warnings).toHaveLength(2);
  expect(warnings[0]).toMatch(/cannot be read .*"stream":"archive".*does not publish public.archive.*ADD TABLE/);

  const report = await replica.attempt();
  expect(report.status).toBe('partial');
  expect(report.failures.map(({ stream, error: failure }) => [stream, failure.code])).toEqual([
    ['archive', 'PG_TABLE_UNPUBLISHED'],
    ['other', 'PG_TABLE_UNPUBLISHED'],
  ]);
  expect(replica.rows('items')).toHaveLength(1);
  // Again in every run that is to read them, and in no other.
  expect((await replica.attempt()).failures).toHaveLength(2);
  expect((await replica.attempt({ streams: ['items', 'other'] })).failures).toHaveLength(1);

  await database.sql(statement);
  await replica.source().check();
  await replica.run();
  expect(replica.rows('archive')).toHaveLength(2);
});

test('nobody is told to publish a table without a replica identity', async () => {
  await using database = await postgres.database(
    `CREATE TABLE items (id int PRIMARY KEY); CREATE TABLE keyless (a int); CREATE PUBLICATION theirs FOR TABLE items`,
  );
  const replica = new Replica(database, { publication: 'theirs' });
  expect(await failureOf(replica.source().check())).toMatchObject({ code: 'PG_TABLE_KEYLESS' });
  expect((await replica.attempt()).failures).toMatchObject([
    { stream: 'keyless', error: { code: 'PG_TABLE_KEYLESS' } },
  ]);
});

test('a table that the options name is a matter of configuration, before anything is read', async () => {
  await using database = await postgres.database(TABLES);
  const replica = new Replica(database, { publication: 'theirs', tables: ['items', 'archive', 'oth*'] });
  for (const error of [await failureOf(replica.source().check()), await failureOf(replica.run())]) {
    expect(error).toMatchObject({ code: 'PG_TABLE_UNPUBLISHED', kind: 'config' });
    expect(error.message).toContain('public.archive');
    expect(error.hint).toContain('ALTER PUBLICATION "theirs" ADD TABLE ONLY "public"."archive";');
  }
  expect(await database.confirmedLsn(database.name)).toBeNull();
  const unknown = new Replica(database, { publication: 'theirs', tables: ['itemz'] });
  expect(await failureOf(unknown.source().check())).toMatchObject({ code: 'PG_TABLE_NOT_FOUND' });
});

test('a name that is no table fails by name from the first run on, unless it is excluded too', async () => {
  await using database = await postgres.database(TABLES);
  const replica = new Replica(database, { tables: ['items', 'archve'] });
  const failure = { code: 'PG_TABLE_NOT_FOUND', kind: 'config', context: { stream: 'archve' } };
  expect(await failureOf(replica.source().check())).toMatchObject(failure);
  expect((await replica.attempt()).failures).toMatchObject([{ stream: 'archve', error: failure }]);
  expect(replica.rows('items')).toHaveLength(1);
  await replica.with({ exclude: ['archve'] }).run();
});

test('a dropped table of one of several schemas fails as the stream that it was', async () => {
  await using database = await postgres.database(
    `CREATE SCHEMA sales; CREATE SCHEMA hr; CREATE TABLE sales.tills (id int PRIMARY KEY);
     CREATE TABLE hr.people (id int PRIMARY KEY); INSERT INTO sales.tills VALUES (1)`,
  );
  const replica = new Replica(database, { schemas: ['hr', 'sales'], tables: ['tills', 'people'] });
  await replica.run();
  await database.sql('DROP TABLE sales.tills; INSERT INTO hr.people VALUES (1)');
  expect((await replica.attempt()).failures).toMatchObject([{ stream: 'sales__tills' }]);
  const selected = await replica.attempt({ streams: ['sales__tills', 'hr__people'] });
  expect(selected.failures).toMatchObject([{ stream: 'sales__tills' }]);
  expect(replica.rows('hr__people')).toHaveLength(1);
});

test('table_dropped: one that the options name fails by name in every run, and the others go on', async () => {
  await using database = await postgres.database(
    `${TABLES}; CREATE SCHEMA sales; CREATE TABLE sales.tills (id int PRIMARY KEY)`,
  );
  const replica = new Replica(database, { tables: ['items', 'archive', 'sales.tills'] });
  await replica.run();
  await database.sql('DROP TABLE archive; DROP TABLE sales.tills; INSERT INTO items VALUES (2)');
  const failures = [
    { stream: 'archive', error: { code: 'PG_TABLE_NOT_FOUND', context: { stream: 'archive' } } },
    { stream: 'sales__tills', error: { code: 'PG_TABLE_NOT_FOUND', context: { stream: 'sales__tills' } } },
  ];
  const report = await replica.attempt();
  expect(report).toMatchObject({ status: 'partial', failures });
  expect(replica.rows('items')).toHaveLength(2);
  // What was loaded stays to be read.
  expect(replica.rows('archive')).toHaveLength(2);
  expect((await replica.attempt()).failures).toHaveLength(2);
  expect((await replica.attempt({ streams: ['items', 'archive'] })).failures).toHaveLength(1);
  expect(await replica.source().outlook!(replica.request())).toMatchObject([{ stream: 'items' }]);
  const warnings: string[] = [];
  await replica.source().discover({ logger: recordingLogger(warnings) });
  expect(warnings).toEqual([
    expect.stringMatching(/cannot be read .*"stream":"archive".*cannot be found/),
    expect.stringMatching(/cannot be read .*"stream":"sales__tills"/),
  ]);

  await database.sql('CREATE TABLE archive (id int PRIMARY KEY); INSERT INTO archive VALUES (7)');
  expect((await replica.attempt()).failures).toHaveLength(1);
  expect(replica.rows('archive')).toEqual([{ id: 7 }]);
});

test('a choice of tables, or an exclusion, says that it is meant', async () => {
  await using database = await postgres.database(TABLES);
  for (const [index, options] of [{ tables: ['items'] }, { exclude: ['archive', 'other'] }].entries()) {
    const replica = new Replica(database, { publication: 'theirs', slot: `${database.name}_${index}`, ...options });
    await replica.source().check();
    await replica.run();
  }
});

test('a publication of none of the tables is no run without tables', async () => {
  await using database = await postgres.database(`${TABLES}; CREATE PUBLICATION empty`);
  expect(await failureOf(new Replica(database, { publication: 'empty' }).run())).toMatchObject({
    code: 'PG_TABLE_UNPUBLISHED',
  });
});

test('a table that leaves the publication is named, and copied when it is back', async () => {
  await using database = await postgres.database(`${TABLES}; ALTER PUBLICATION theirs ADD TABLE archive, other`);
  const replica = new Replica(database, { publication: 'theirs' });
  await replica.run();
  await database.sql('ALTER PUBLICATION theirs DROP TABLE archive; INSERT INTO archive VALUES (3)');
  expect((await replica.attempt()).failures.map(({ stream }) => stream)).toEqual(['archive']);
  await database.sql('ALTER PUBLICATION theirs ADD TABLE archive');
  await replica.run();
  expect(replica.rows('archive')).toHaveLength(3);
});

test('publish_via_partition_root_false: leaves are streams of their own', async () => {
  await using database = await postgres.database(
    `CREATE TABLE events (day int PRIMARY KEY) PARTITION BY RANGE (day);
     CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (1) TO (10);
     CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20); INSERT INTO events VALUES (1), (11);
     CREATE PUBLICATION leaves FOR TABLE events; CREATE PUBLICATION one FOR TABLE events_1`,
  );
  const byLeaf = new Replica(database, { publication: 'leaves' });
  await byLeaf.source().check();
  expect((await byLeaf.run()).streams.map(({ stream }) => stream).sort()).toEqual(['events_1', 'events_2']);
  const named = new Replica(database, { publication: 'leaves', tables: ['events'] });
  const error = await failureOf(named.source().check());
  expect(error.hint).toContain('ALTER PUBLICATION "leaves" SET (publish_via_partition_root = true);');
  expect((await failureOf(new Replica(database, { publication: 'one' }).source().check())).message).toContain(
    'public.events,',
  );
});

test('publication_missing: it is made anew and the tables are copied, without the log from before it', async () => {
  await using database = await postgres.database(
    `CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)`,
  );
  const replica = new Replica(database);
  await replica.run();
  await database.sql(`DROP PUBLICATION ${database.name}; INSERT INTO items VALUES (2); DELETE FROM items WHERE id = 1`);
  await replica.run();
  expect(replica.rows('items').map(({ id }) => id)).toEqual([2]);
  await database.sql('INSERT INTO items VALUES (3)');
  expect((await replica.run()).rows).toBe(1);
});

test.for([
  ['FOR ALL TABLES', 14],
  ['FOR TABLES IN SCHEMA public', 15],
  ['FOR TABLE events', 14],
] as const)(
  'publication_recreated: what a publication %s did not publish meanwhile is copied',
  async ([what, version], context) => {
    await postgres.requireVersion(context, version, 'publications of schemas');
    await using database = await postgres.database(
      `CREATE TABLE events (day int PRIMARY KEY) PARTITION BY RANGE (day); CREATE TABLE events_1 PARTITION OF events DEFAULT;
     INSERT INTO events VALUES (1); CREATE PUBLICATION theirs ${what}`,
    );
    const replica = new Replica(database, { publication: 'theirs' });
    await replica.run();
    await database.sql(`DROP PUBLICATION theirs; INSERT INTO events VALUES (2); DELETE FROM events WHERE day = 1`);
    await database.sql(`CREATE PUBLICATION theirs ${what}; INSERT INTO events VALUES (3)`);
    await replica.run();
    expect(replica.rows('events_1').map(({ day }) => day)).toEqual([2, 3]);
    await database.sql('INSERT INTO events VALUES (4)');
    expect((await replica.run()).rows).toBe(1);
  },
);

test('row_filter_changed, column_list_changed: the table is copied anew as the publication is now', async (context) => {
  await postgres.requireVersion(context, 15, 'row filters and column lists');
  await using database = await postgres.database(
    `CREATE TABLE items (id int PRIMARY KEY, v text, secret text); INSERT INTO items SELECT g, 'v', 's' FROM generate_series(1, 10) g;
     CREATE PUBLICATION theirs FOR TABLE items (id, v) WHERE (id > 5)`,
  );
  const replica = new Replica(database, { publication: 'theirs' });
  await replica.run();
  expect(replica.rows('items')).toHaveLength(5);
  await database.sql(
    `ALTER PUBLICATION theirs SET TABLE items (id, v) WHERE (id > 2); UPDATE items SET v = 'w' WHERE id = 4`,
  );
  await replica.run();
  expect(replica.rows('items')).toHaveLength(8);
  await database.sql(`ALTER PUBLICATION theirs SET TABLE items (id, v, secret) WHERE (id > 2)`);
  await replica.run();
  expect(replica.rows('items').every(({ secret }) => secret === 's')).toBe(true);
  await database.sql(
    `ALTER PUBLICATION theirs SET TABLE items (id) WHERE (id > 2); UPDATE items SET v = 'hidden', secret = 'hidden'`,
  );
  await replica.run();
  expect(
    JSON.stringify(replica.rows('items'), (_, value: unknown) => (typeof value === 'bigint' ? '' : value)),
  ).not.toContain('hidden');
});

test('publication_for_all_tables, for tables in schema: new tables come by themselves', async () => {
  await using database = await postgres.database(
    `CREATE TABLE items (id int PRIMARY KEY); CREATE PUBLICATION theirs FOR ALL TABLES WITH (publish_via_partition_root = true)`,
  );
  const replica = new Replica(database, { publication: 'theirs' });
  await replica.run();
  await database.sql(
    `CREATE TABLE fresh (id int PRIMARY KEY); INSERT INTO fresh VALUES (1); CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
     CREATE TABLE parts_1 PARTITION OF parts DEFAULT; INSERT INTO parts VALUES (1)`,
  );
  await replica.run();
  await database.sql('INSERT INTO fresh VALUES (2); INSERT INTO parts VALUES (2)');
  await replica.run();
  expect([replica.rows('fresh').length, replica.rows('parts').length]).toEqual([2, 2]);
  expect([...replica.store.tables.keys()].toSorted()).toEqual(['fresh', 'items', 'parts']);
});

test('publication_of_several, published twice or with a subset of operations elsewhere: only ours counts', async () => {
  // Before 15 a publication had no lists of columns.
  const columns = (await postgres.version()) >= 15 ? '(id)' : '';
  await using database = await postgres.database(
    `CREATE TABLE items (id int PRIMARY KEY, v text); CREATE PUBLICATION other FOR TABLE items ${columns} WITH (publish = 'insert')`,
  );
  const replica = new Replica(database);
  await replica.run();
  await database.sql(`INSERT INTO items VALUES (1, 'a'); UPDATE items SET v = 'b'`);
  await replica.run();
  expect(replica.rows('items')).toEqual([{ id: 1, v: 'b' }]);
});

test.each([
  ["publish = 'insert'", 'leaves out update, delete, truncate'],
  ['publish_via_partition_root = false', 'publishes partitions instead of their tables'],
])('publication_of_ours_altered: SET (%s) is refused, not followed', async (parameter, message) => {
  await using database = await postgres.database(`CREATE TABLE items (id int PRIMARY KEY)`);
  const replica = new Replica(database);
  await replica.run();
  await database.sql(`ALTER PUBLICATION ${database.name} SET (${parameter})`);
  const error = await failureOf(replica.run());
  expect(error).toMatchObject({ code: 'PG_PUBLICATION_INCOMPLETE', kind: 'config' });
  expect(error.message).toContain(message);
  expect(error.hint).toContain('--full-refresh');
});
