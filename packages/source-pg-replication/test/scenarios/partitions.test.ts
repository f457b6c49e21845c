import { newestEntries, type SourceMessage } from '@etl/core';
import { describe, expect, test } from 'vitest';
import { usePostgres } from '../support/postgres.ts';
import { Replica, ROW_FORMS, rowsOf } from '../support/replica.ts';

const postgres = usePostgres();

describe('partitions', () => {
  test('snapshot_partitioned_root, snapshot_multi_level_partitions, row_moves_between_partitions, partition_attach_new_leaf_streams', async () => {
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
  ])('partition_attach_with_rows: the table is copied anew, %s', async (_, sql) => {
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

  test('partition_attach_empty: changes alone', async () => {
    await using database = await postgres.database(PARTED);
    const replica = new Replica(database);
    await replica.run();
    await database.sql(`CREATE TABLE events_2 PARTITION OF events ${FEBRUARY}`);
    expect((await replica.run()).rows).toBe(0);
    await database.sql(`INSERT INTO events VALUES (50, '2026-02-02', 'new')`);
    expect((await replica.run()).rows).toBe(1);
    expect(await replica.difference(database, 'events', ['id', 'day', 'v'])).toEqual([]);
  });

  test('partition_attach_while_reading: noticed by the next run', async () => {
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

  test('truncate_leaf_via_root_not_published: nothing is sent, the next run notices and copies the table anew', async () => {
    await using database = await postgres.database(
      `${PARTED}; CREATE TABLE events_2 PARTITION OF events ${FEBRUARY}; INSERT INTO events VALUES (50, '2026-02-02', 'stays')`,
    );
    const replica = new Replica(database);
    await replica.run();
    await database.sql('TRUNCATE events_1');
    await replica.run();
    expect(replica.rows('events')).toHaveLength(1);
    expect(replica.warnings.join()).toContain('a partition was truncated');
    expect((await replica.run()).rows).toBe(0);
  });

  test('partition_drop_or_detach: nothing is sent; its rows stay, and the run that notices says so', async () => {
    await using database = await postgres.database(
      `${PARTED}; CREATE TABLE events_2 PARTITION OF events ${FEBRUARY}; INSERT INTO events VALUES (50, '2026-02-02', 'new')`,
    );
    const replica = new Replica(database, { tables: ['events'] });
    await replica.run();
    await database.sql(`DROP TABLE events_1; UPDATE events SET v = 'changed'`);
    const report = await replica.run();
    expect(report.schemaChanges).toEqual([
      expect.objectContaining({
        stream: 'events',
        property: 'partitions',
        actual: 'one detached or dropped; its rows stay',
      }),
    ]);
    expect(replica.rows('events')).toHaveLength(21);
    expect(replica.rows('events').find(({ id }) => id === 50)).toMatchObject({ v: 'changed' });
    expect((await replica.run()).schemaChanges).toEqual([]);
    await replica.attempt({ fullRefresh: true });
    expect(await replica.difference(database, 'events', ['id', 'day', 'v'])).toEqual([]);
  });

  test.each(ROW_FORMS)(
    'partition_detach, its key added again: the row takes the place of one that lacks values, as %s',
    async (form) => {
      await using database = await postgres.database(
        `CREATE TABLE events (id int, day date, n int, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
       ALTER TABLE events ALTER v SET STORAGE EXTERNAL;
       CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
       CREATE TABLE events_rest PARTITION OF events DEFAULT;
       INSERT INTO events VALUES (1, '2026-01-15', 0, repeat('x', 100000))`,
      );
      const replica = new Replica(database, {}, { form });
      await replica.run();
      await database.sql(
        `UPDATE events SET n = 1; ALTER TABLE events DETACH PARTITION events_1;
       INSERT INTO events VALUES (1, '2026-01-15', 2, 'new')`,
      );
      await replica.run();
      expect(await replica.difference(database, 'events', ['id', 'day', 'n', 'v'])).toEqual([]);
    },
  );

  test('an outlook says about how many rows a table has when all its partitions were looked at, and else nothing', async () => {
    await using database = await postgres.database(`${PARTED}; CREATE TABLE events_2 PARTITION OF events ${FEBRUARY}`);
    const replica = new Replica(database, { tables: ['events'] });
    const outlook = async (): Promise<unknown> => replica.source().outlook?.(replica.request());
    await database.sql('ANALYZE events_1');
    expect(await outlook()).toEqual([expect.not.objectContaining({ estimatedRows: expect.anything() })]);
    await database.sql('ANALYZE events_2');
    const rows = Number(await database.value('SELECT count(*) FROM events'));
    expect(await outlook()).toMatchObject([{ stream: 'events', estimatedRows: rows }]);
  });

  test('partition_default_split: rows moved into a new partition are neither lost nor doubled', async () => {
    await using database = await postgres.database(
      `${PARTED}; CREATE TABLE events_rest PARTITION OF events DEFAULT; INSERT INTO events SELECT g, '2026-02-03', 'rest' FROM generate_series(100, 110) g`,
    );
    const replica = new Replica(database, { tables: ['events'] });
    await replica.run();
    await database.sql(
      `BEGIN; ALTER TABLE events DETACH PARTITION events_rest; CREATE TABLE events_2 PARTITION OF events ${FEBRUARY};
       INSERT INTO events SELECT * FROM events_rest; TRUNCATE events_rest; ALTER TABLE events ATTACH PARTITION events_rest DEFAULT; COMMIT`,
    );
    await replica.run();
    expect(await replica.difference(database, 'events', ['id', 'day', 'v'])).toEqual([]);
  });

  test('partition_detach_concurrently, truncated root: in one run', async () => {
    await using database = await postgres.database(`${PARTED}; CREATE TABLE events_2 PARTITION OF events ${FEBRUARY}`);
    const replica = new Replica(database, { tables: ['events'] });
    await replica.run();
    await database.sql('ALTER TABLE events DETACH PARTITION events_2 CONCURRENTLY');
    await database.sql(`TRUNCATE events; INSERT INTO events VALUES (1, '2026-01-02', 'after')`);
    await replica.run();
    await replica.run();
    expect(await replica.difference(database, 'events', ['id', 'day', 'v'])).toEqual([]);
  });

  test('partition_drop_during_snapshot, drop_table_during_snapshot: what its snapshot shows is not there any more', async () => {
    await using database = await postgres.database(
      `${PARTED}; CREATE TABLE events_2 PARTITION OF events ${FEBRUARY}; INSERT INTO events VALUES (50, '2026-02-02', 'gone');
       CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1); CREATE TABLE gone (id int PRIMARY KEY)`,
    );
    const replica = new Replica(database, { tables: ['a', 'events*', 'gone'] });
    await using source = replica.source();
    let isChanged = false;
    const messages: SourceMessage[] = [];
    for await (const message of source.read()) {
      messages.push(message);
      if (message.type !== 'records' || isChanged) continue;
      isChanged = true;
      await database.sql(`DROP TABLE events_2; DROP TABLE gone; INSERT INTO events VALUES (3, '2026-01-02', 'late')`);
    }
    expect(messages.filter(({ type }) => type === 'stream-failed')).toEqual([]);
    expect(rowsOf(messages, 'events').map(({ id }) => id)).toHaveLength(21);
  });
});
