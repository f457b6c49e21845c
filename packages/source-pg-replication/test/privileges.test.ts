import { followPipeline } from '@etl/core';
import { memoryDestination } from '@etl/testing';
import { expect, test, vi } from 'vitest';
import { usePostgres, type TestDatabase } from './support/postgres.ts';
import { failureOf, Replica } from './support/replica.ts';

const postgres = usePostgres();

const TABLES = `CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1), (2);
  CREATE TABLE visits (day int PRIMARY KEY) PARTITION BY RANGE (day);
  CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM (1) TO (10); INSERT INTO visits VALUES (1)`;

/** Neither role is a superuser: one owns the database and its tables, one may replicate. */
async function withRoles(
  database: TestDatabase,
  work: (roles: { owner: string; etl: string; asOwner: (sql: string) => Promise<void>; url: string }) => Promise<void>,
): Promise<void> {
  const [owner, etl] = [`${database.name}_owner`, `${database.name}_etl`];
  await database.sql(
    `CREATE ROLE ${owner}; CREATE ROLE ${etl} LOGIN REPLICATION PASSWORD 'pass-word';
     ALTER DATABASE ${database.name} OWNER TO ${owner}`,
  );
  const url = new URL(database.url);
  [url.username, url.password] = [etl, 'pass-word'];
  const asOwner = async (sql: string): Promise<void> => {
    await database.sql(`SET ROLE ${owner}; ${sql}; RESET ROLE`);
  };
  try {
    await asOwner(TABLES);
    await work({ owner, etl, asOwner, url: url.toString() });
  } finally {
    await database.sql(
      `RESET ROLE; ALTER DATABASE ${database.name} OWNER TO CURRENT_USER; DROP OWNED BY ${etl} CASCADE; DROP OWNED BY ${owner} CASCADE; DROP ROLE ${owner}, ${etl}`,
    );
  }
}

test('the owner of the tables makes the publication, without a superuser', async () => {
  await using database = await postgres.database();
  await withRoles(database, async ({ etl, asOwner, url }) => {
    await asOwner(
      `GRANT USAGE ON SCHEMA public TO ${etl}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${etl};
       ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO ${etl}`,
    );
    const replica = new Replica(database, { connectionString: url });
    const outlook = async (): Promise<unknown> => replica.source().outlook?.(replica.request());
    for (const ask of [async () => replica.source().check(), outlook])
      expect(await failureOf(ask())).toMatchObject({ code: 'PG_PUBLICATION_DENIED' });
    await asOwner(
      `CREATE PUBLICATION ${database.name} FOR TABLE orders, visits WITH (publish_via_partition_root = true)`,
    );
    await replica.source().check();
    expect(await outlook()).toMatchObject([
      { stream: 'orders', begins: 'copy' },
      { stream: 'visits', begins: 'copy' },
    ]);
    await replica.run();
    expect([replica.rows('orders').length, replica.rows('visits').length]).toEqual([2, 1]);
    expect(await outlook()).toEqual([
      { stream: 'orders', begins: 'changes' },
      { stream: 'visits', begins: 'changes' },
    ]);
    await asOwner('CREATE TABLE later (id int PRIMARY KEY); INSERT INTO orders VALUES (3)');
    expect((await replica.attempt()).failures.map(({ error }) => error.code)).toEqual(['PG_TABLE_UNPUBLISHED']);
    await asOwner(`ALTER PUBLICATION ${database.name} ADD TABLE later`);
    await replica.run();
    expect([...replica.store.tables.keys()].sort()).toEqual(['later', 'orders', 'visits']);
  });
});

test('a member of the owning role with CREATE on the database makes it, and takes later tables along', async () => {
  await using database = await postgres.database();
  await withRoles(database, async ({ owner, etl, asOwner, url }) => {
    await database.sql(`GRANT ${owner} TO ${etl}`);
    const replica = new Replica(database, { connectionString: url });
    // Membership alone will do where the role owns the database, too.
    await database.sql(`ALTER DATABASE ${database.name} OWNER TO CURRENT_USER`);
    expect((await failureOf(replica.source().check())).message).toContain('permission denied for database');
    await database.sql(`GRANT CREATE ON DATABASE ${database.name} TO ${etl}`);
    await replica.source().check();
    await replica.run();
    await database.sql(`GRANT CREATE ON SCHEMA public TO ${owner}`);
    await asOwner('CREATE TABLE later (id int PRIMARY KEY); INSERT INTO later VALUES (1)');
    await replica.source().check();
    await replica.run();
    expect([...replica.store.tables.keys()].sort()).toEqual(['later', 'orders', 'visits']);
  });
});

test('a superuser publishes a schema, later tables included', async (context) => {
  await postgres.requireVersion(context, 15, 'publications of schemas');
  await using database = await postgres.database(TABLES);
  await database.sql(
    `CREATE PUBLICATION ours FOR TABLES IN SCHEMA public WITH (publish_via_partition_root = true);
     CREATE TABLE later (id int PRIMARY KEY)`,
  );
  const replica = new Replica(database, { publication: 'ours' });
  await replica.source().check();
  await replica.run();
  expect([...replica.store.tables.keys()].sort()).toEqual(['later', 'orders', 'visits']);
});

test('to look after the slot, to follow and to compare takes REPLICATION and SELECT, and no superuser', async () => {
  await using database = await postgres.database();
  await withRoles(database, async ({ etl, asOwner, url }) => {
    await asOwner(
      `GRANT USAGE ON SCHEMA public TO ${etl}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${etl};
       CREATE PUBLICATION ${database.name} FOR TABLE orders, visits WITH (publish_via_partition_root = true)`,
    );
    const tables = ['orders', 'visits'];
    const options = { connectionString: url, tables, maxSlotLagBytes: 1024 * 1024, heartbeatMs: 50 };
    const replica = new Replica(database, options);
    const report = await replica.run();
    expect(report.sourceHealth).toMatchObject({ status: 'ok', figures: { maxSlotLagBytes: 1024 * 1024 } });
    await using content = await replica.source().openContent();
    const [orders] = content.streams;
    expect(orders?.name).toBe('orders');
    expect((await content.readBuckets(orders!, 4)).size).toBe(2);
    const stop = new AbortController();
    const source = replica.source();
    const ended = followPipeline({
      name: 'test',
      source,
      destination: memoryDestination(replica.store),
      stop: stop.signal,
      flush: { flushAgeMs: 10 },
    });
    await asOwner('INSERT INTO orders VALUES (3)');
    await vi.waitUntil(() => replica.rows('orders').length === 3, { timeout: 15_000 });
    stop.abort();
    expect((await ended).status).toBe('ok');
    await source[Symbol.asyncDispose]();
    await database.sql(`CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 3000)`);
    expect(await failureOf(replica.run())).toMatchObject({ code: 'PG_SLOT_OVER_LIMIT' });
    const dropping = new Replica(database, { ...options, dropSlotOverLimit: true }, { store: replica.store });
    await dropping.run();
    expect(dropping.rows('orders')).toHaveLength(3);
  });
});
