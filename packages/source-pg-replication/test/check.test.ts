import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import type { EtlError } from '@etl/core';
import { describe, expect, test } from 'vitest';
import { pgReplication, pgReplicationOptionsSchema, VERSION } from '../src/index.ts';
import { pgError } from '../src/pg-error.ts';
import { usePostgres, type TestDatabase } from './support/postgres.ts';
import { failureOf, readAll, Replica } from './support/replica.ts';

const postgres = usePostgres();
const ITEMS = `CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a')`;

function as(database: TestDatabase, user: string, password: string): string {
  const url = new URL(database.url);
  url.username = user;
  url.password = password;
  return url.toString();
}

/** The statements that a hint tells to run. */
function sqlIn({ hint = '' }: EtlError, begin: string): string {
  return hint.slice(hint.indexOf(begin), hint.lastIndexOf(';') + 1);
}

async function withRole<T>(
  database: TestDatabase,
  attributes: string,
  work: (url: string, role: string) => Promise<T>,
): Promise<T> {
  const role = `${database.name}_role`;
  await database.sql(`CREATE ROLE ${role} LOGIN PASSWORD 'pass-word' ${attributes}`);
  try {
    return await work(as(database, role, 'pass-word'), role);
  } finally {
    await database.sql(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
  }
}

test('passes where everything is right, and changes nothing', async () => {
  await using database = await postgres.database(ITEMS);
  await using source = new Replica(database).source();
  await source.check();
  expect(await database.value('SELECT count(*) FROM pg_publication')).toBe('0');
  expect(await database.confirmedLsn(database.name)).toBeNull();
  expect((await source.discover()).map(({ name }) => name)).toEqual(['items']);
});

describe('says what has to be fixed', () => {
  test.each(['check', 'read'] as const)('wrong password, without the password, in %s', async (call) => {
    await using database = await postgres.database(ITEMS);
    const connectionString = as(database, new URL(database.url).username, 'hunter2-secret');
    const source = pgReplication({ connectionString });
    const error = await failureOf(call === 'check' ? source.check() : readAll(source));
    expect(error).toMatchObject({ code: 'PG_AUTH_FAILED', kind: 'auth' });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/hunter2|secret/);
    expect(inspect(source, { depth: 10 })).not.toContain('hunter2');
  });

  test('a missing database', async () => {
    await using database = await postgres.database();
    const url = new URL(database.url);
    url.pathname = '/no_such_database';
    expect(await failureOf(pgReplication({ connectionString: url.toString() }).check())).toMatchObject({
      code: 'PG_DATABASE_MISSING',
      kind: 'config',
    });
  });

  test('no server', async () => {
    const source = pgReplication({ connectionString: 'postgres://me:hunter2@127.0.0.1:1/x' });
    const error = await failureOf(source.check());
    expect(error).toMatchObject({ code: 'PG_UNREACHABLE', kind: 'transient' });
    expect(error.message).toContain('connection refused');
    expect(error.message).toContain('127.0.0.1:1/x');
    expect(inspect(error, { depth: 10 })).not.toContain('hunter2');
  });

  test('a server that does not answer', async () => {
    // It accepts connections and says nothing.
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const source = pgReplication({
      connectionString: `postgres://me@127.0.0.1:${port}/x?sslmode=disable`,
      connectTimeoutMs: 200,
    });
    const error = await failureOf(source.check());
    expect(error).toMatchObject({ code: 'PG_UNREACHABLE', kind: 'transient' });
    expect(error.message).toContain('no answer in time');
    silent.close();
  });

  test('a host whose name nobody knows, which waiting does not mend', async () => {
    // RFC 6761: names under .invalid never resolve. Without any name server, the answer is that nobody answers.
    const error = await failureOf(pgReplication({ connectionString: 'postgres://me@db.invalid/x' }).check());
    expect(pgError(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }), 'connecting')).toMatchObject({
      code: 'PG_HOST_UNKNOWN',
      kind: 'config',
    });
    expect(['PG_HOST_UNKNOWN', 'PG_UNREACHABLE']).toContain(error.code);
    if (error.code === 'PG_UNREACHABLE') expect(error.message).toContain('the name server does not answer');
    expect(error.message).toContain('db.invalid');
  });

  test('TLS that the server does not have', async () => {
    await using database = await postgres.database();
    const source = pgReplication({ connectionString: `${database.url}?sslmode=require` });
    expect(await failureOf(source.check())).toMatchObject({ code: 'PG_TLS_FAILED', kind: 'config' });
  });

  test('no right to replicate', async () => {
    await using database = await postgres.database(ITEMS);
    await withRole(database, '', async (url, role) => {
      await database.sql(`GRANT SELECT ON items TO ${role}`);
      await database.sql('CREATE PUBLICATION theirs FOR TABLE items');
      const error = await failureOf(pgReplication({ connectionString: url, publication: 'theirs' }).check());
      expect(error).toMatchObject({ code: 'PG_PERMISSION_DENIED', kind: 'permission' });
      expect(error.hint).toContain(`ALTER ROLE "${role}" REPLICATION;`);
    });
  });

  test('no right to read a table, which fails only that table in a run', async () => {
    await using database = await postgres.database(
      `${ITEMS}; CREATE TABLE hidden (id int PRIMARY KEY); CREATE PUBLICATION ours FOR ALL TABLES`,
    );
    await withRole(database, 'REPLICATION', async (url, role) => {
      await database.sql(`GRANT SELECT ON items TO ${role}`);
      const replica = new Replica(database, { connectionString: url, publication: 'ours' });
      const error = await failureOf(replica.source().check());
      expect(error).toMatchObject({ code: 'PG_PERMISSION_DENIED', kind: 'permission' });
      expect(error.message).toContain('public.hidden');
      const report = await replica.attempt();
      expect(report.failures.map(({ stream, error: failure }) => [stream, failure.kind])).toEqual([
        ['hidden', 'permission'],
      ]);
      expect(replica.rows('items')).toHaveLength(1);
    });
  });

  test('a table whose policies would hide rows, which fails only that table in a run', async () => {
    await using database = await postgres.database(
      `${ITEMS}; CREATE TABLE guarded (id int PRIMARY KEY); INSERT INTO guarded VALUES (1), (2);
       ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON guarded USING (id = 1); CREATE PUBLICATION ours FOR ALL TABLES`,
    );
    await withRole(database, 'REPLICATION', async (url, role) => {
      await database.sql(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`);
      const report = await new Replica(database, { connectionString: url, publication: 'ours' }).attempt();
      expect(report.failures.map(({ stream, error }) => [stream, error.kind])).toEqual([['guarded', 'permission']]);
    });
  });

  test.skipIf(process.env['ETL_TEST_POSTGRES_URL'] !== undefined)('no free replication slot', async () => {
    await using database = await postgres.database(ITEMS);
    const free = await database.value(
      `SELECT current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots)`,
    );
    const names = Array.from({ length: Number(free) }, (_, index) => `${database.name}_${index}`);
    for (const name of names) await database.sql(`SELECT pg_create_physical_replication_slot('${name}')`);
    const source = new Replica(database).source();
    const [checked, read] = [await failureOf(source.check()), await failureOf(readAll(source))];
    for (const name of names) await database.sql(`SELECT pg_drop_replication_slot('${name}')`);
    expect(checked).toMatchObject({ code: 'PG_SLOTS_EXHAUSTED', kind: 'config' });
    expect(read).toMatchObject({ code: 'PG_SLOTS_EXHAUSTED', kind: 'config' });
  });

  test('no right to create the publication: the reason, and SQL that runs as it stands', async () => {
    await using database = await postgres.database(`${ITEMS}; CREATE TABLE "Or""ders" (id int PRIMARY KEY)`);
    await withRole(database, 'REPLICATION', async (url, role) => {
      await database.sql(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`);
      const replica = new Replica(database, { connectionString: url });
      const checked = await failureOf(replica.source().check());
      expect(checked.message).toContain(`permission denied for database ${database.name}`);
      expect(checked.message).toContain('must be owner of public.Or"ders, public.items');
      const run = await failureOf(replica.run());
      expect(run.message).toContain('permission denied for database');
      for (const error of [checked, run]) {
        expect(error).toMatchObject({ code: 'PG_PUBLICATION_DENIED', kind: 'permission' });
        expect(error.hint).toBe(checked.hint);
      }
      await database.sql(sqlIn(checked, 'CREATE PUBLICATION'));
      await replica.source().check();
      expect((await replica.run()).streams.map(({ stream }) => stream).sort()).toEqual(['Or"ders', 'items']);
    });
  });

  test('only the right that is missing', async () => {
    await using database = await postgres.database(ITEMS);
    await withRole(database, 'REPLICATION', async (url, role) => {
      await database.sql(`ALTER TABLE items OWNER TO ${role}`);
      const source = new Replica(database, { connectionString: url }).source();
      const error = await failureOf(source.check());
      expect(error.message).toContain(`(permission denied for database ${database.name})`);
      await database.sql(`GRANT CREATE ON DATABASE ${database.name} TO ${role}`);
      await source.check();
    });
  });

  test('a new table that belongs to somebody else, which fails only that table', async () => {
    await using database = await postgres.database(ITEMS);
    await withRole(database, 'REPLICATION', async (url, role) => {
      await database.sql(`ALTER TABLE items OWNER TO ${role}; GRANT CREATE ON DATABASE ${database.name} TO ${role}`);
      const replica = new Replica(database, { connectionString: url });
      await replica.run();
      await database.sql(
        `CREATE TABLE alien (id int PRIMARY KEY); INSERT INTO alien VALUES (1); GRANT SELECT ON alien TO ${role};
         CREATE TABLE own (id int PRIMARY KEY); ALTER TABLE own OWNER TO ${role}; INSERT INTO items VALUES (2, 'b')`,
      );
      const error = await failureOf(replica.source().check());
      expect(error).toMatchObject({ code: 'PG_TABLE_UNPUBLISHED', context: { stream: 'alien' } });
      expect(error.message).toContain('public.alien');
      expect((await replica.attempt()).failures.map(({ stream }) => stream)).toEqual(['alien']);
      expect(replica.rows('items')).toHaveLength(2);
      expect(replica.store.tables.has('own')).toBe(true);
      await database.sql(sqlIn(error, 'ALTER PUBLICATION'));
      await replica.source().check();
      await replica.run();
      expect(replica.rows('alien')).toHaveLength(1);
      // It stays although others come and go.
      await database.sql(`DROP TABLE own; CREATE TABLE more (id int PRIMARY KEY); ALTER TABLE more OWNER TO ${role}`);
      await replica.run();
      await using chosen = new Replica(database, { connectionString: url, exclude: ['alien'] }).source();
      await readAll(chosen, replica.state());
      expect(await database.rows('SELECT tablename FROM pg_publication_tables ORDER BY 1')).toEqual([
        { tablename: 'items' },
        { tablename: 'more' },
      ]);
    });
  });

  test('two tables that would be one stream', async () => {
    await using database = await postgres.database(
      `CREATE SCHEMA a; CREATE TABLE a.b (id int PRIMARY KEY); CREATE TABLE a__b (id int PRIMARY KEY)`,
    );
    const source = new Replica(database, { schemas: ['public', 'a'] }).source();
    expect(await failureOf(source.check())).toMatchObject({ code: 'PG_STREAM_NAME_CONFLICT', kind: 'config' });
  });

  test.each([
    ['no key', 'CREATE TABLE t (a int)', undefined],
    ['a unique index over NULLs', 'CREATE TABLE t (a int UNIQUE)', undefined],
    ['identity FULL, which is no key', 'CREATE TABLE t (a int); ALTER TABLE t REPLICA IDENTITY FULL', undefined],
    [
      'a unique index',
      'CREATE TABLE t (a int NOT NULL UNIQUE)',
      'ALTER TABLE "public"."t" REPLICA IDENTITY USING INDEX',
    ],
    [
      'identity NOTHING',
      'CREATE TABLE t (a int PRIMARY KEY); ALTER TABLE t REPLICA IDENTITY NOTHING',
      'ALTER TABLE "public"."t" REPLICA IDENTITY DEFAULT',
    ],
    [
      'a deferrable key',
      'CREATE TABLE t (a int PRIMARY KEY DEFERRABLE)',
      'ALTER TABLE "public"."t" REPLICA IDENTITY FULL',
    ],
  ])('a table with %s, and the statement that helps', async (_, sql, cure) => {
    await using database = await postgres.database(`${ITEMS}; ${sql}`);
    const source = new Replica(database).source();
    const error = await failureOf(source.check());
    expect(error).toMatchObject({ code: 'PG_TABLE_KEYLESS', kind: 'config', context: { stream: 't' } });
    expect(error.message).toContain('public.t');
    if (cure === undefined) {
      expect(error.hint).toContain('REPLICA IDENTITY FULL alone gives no key');
      return;
    }
    expect(error.hint).toContain(cure);
    await database.sql(sqlIn(error, 'ALTER TABLE'));
    await source.check();
  });

  test('all of it in one go', async () => {
    await using database = await postgres.database(
      `${ITEMS}; CREATE TABLE keyless (a int); CREATE TABLE hidden (id int PRIMARY KEY); CREATE TABLE loose (a int)`,
    );
    await withRole(database, '', async (url, role) => {
      await database.sql(`GRANT SELECT ON items, keyless, loose TO ${role}`);
      const error = await failureOf(new Replica(database, { connectionString: url }).source().check());
      expect(error.code).toBe('PG_CHECK_FAILED');
      const { errors } = error.cause as AggregateError;
      expect((errors as EtlError[]).map(({ code, context }) => [code, context['stream']])).toEqual([
        ['PG_PERMISSION_DENIED', undefined],
        ['PG_PUBLICATION_DENIED', undefined],
        ['PG_PERMISSION_DENIED', 'hidden'],
        ['PG_TABLE_KEYLESS', 'keyless'],
        ['PG_TABLE_KEYLESS', 'loose'],
      ]);
      for (const problem of errors as EtlError[]) expect(error.message).toContain(problem.message);
      await database.sql(sqlIn((errors as EtlError[])[2]!, 'GRANT'));
      expect(
        (await failureOf(new Replica(database, { connectionString: url }).source().check())).message,
      ).not.toContain('may not read');
    });
  });

  test('a publication that leaves out deletes', async () => {
    await using database = await postgres.database(
      `${ITEMS}; CREATE PUBLICATION "no deletes" FOR TABLE items WITH (publish = 'insert, update, truncate')`,
    );
    const source = new Replica(database, { publication: 'no deletes' }).source();
    const error = await failureOf(source.check());
    expect(error).toMatchObject({ code: 'PG_PUBLICATION_INCOMPLETE', kind: 'config' });
    await database.sql(sqlIn(error, 'ALTER PUBLICATION'));
    await source.check();
  });
});

describe('a server that is not set up for logical replication', () => {
  const replicaLevel = usePostgres({ wal_level: 'replica' });

  test('is a matter of its configuration', async () => {
    await using database = await replicaLevel.database(ITEMS);
    const error = await failureOf(new Replica(database).source().check());
    expect(error).toMatchObject({ code: 'PG_WAL_LEVEL', kind: 'config' });
    expect(await failureOf(new Replica(database).run())).toMatchObject({ code: 'PG_WAL_LEVEL' });
  });
});

describe('options', () => {
  test('are strict, described, and refused without their values', async () => {
    const error = await failureOf(
      (async () => pgReplication({ connectionString: 'postgres://x:hunter2@h/d', slott: 'hunter3' } as never))(),
    );
    expect(error).toMatchObject({ code: 'PG_OPTIONS_INVALID', kind: 'config' });
    expect(error.message).toContain('slott');
    expect(inspect(error)).not.toMatch(/hunter/);
    for (const [name, field] of Object.entries(pgReplicationOptionsSchema.shape))
      expect([name, field.description]).not.toContain(undefined);
    expect(VERSION).toMatch(/^\d+\.\d+\.\d+/);
  });
});
