import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { followPipeline } from '@etl/core';
import { memoryDestination } from '@etl/testing';
import type { PostgresServer } from '@etl/testing/postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { pgReplication } from '../src/index.ts';
import { startServer, TestDatabase } from './support/postgres.ts';
import { failureOf, Replica } from './support/replica.ts';

// Servers of other versions that happen to be installed, as Debian's packages are; the npm package is 18.
const INSTALLED = '/usr/lib/postgresql';
const binaries = (existsSync(INSTALLED) ? readdirSync(INSTALLED) : [])
  .filter((version) => Number(version) >= 14 && existsSync(join(INSTALLED, version, 'bin', 'initdb')))
  .map((version) => ({ version, directory: join(INSTALLED, version, 'bin') as string | undefined }));

describe.each([{ version: 'by default', directory: undefined }, ...binaries])(
  'PostgreSQL $version',
  ({ directory }) => {
    let server: PostgresServer;
    let database: TestDatabase;

    beforeAll(async () => {
      server = await startServer(directory === undefined ? {} : { binaries: directory });
      const client = new pg.Client(server.connectionString());
      client.on('error', () => undefined);
      await client.connect();
      database = new TestDatabase('postgres', server.connectionString(), client, server.connectionString());
      await database.sql(`CREATE TABLE items (id int PRIMARY KEY, name text, price numeric(8, 2), tags text[], big text);
      CREATE TABLE parts (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
      CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
      INSERT INTO items SELECT g, 'n' || g, g / 3.0, ARRAY['a', NULL], repeat(md5(g::text), 200) FROM generate_series(1, 500) g;
      INSERT INTO parts SELECT g, date '2026-01-01' + g FROM generate_series(1, 100) g`);
    });
    afterAll(async () => {
      await database.client.end();
      await server[Symbol.asyncDispose]();
    });

    const columns = ['id', 'name', 'price', 'big'];

    test('is copied and followed change by change', async () => {
      const replica = new Replica(database, { slot: 'changes' }, { form: 'bytes' });
      await replica.source().check();
      await replica.run();
      for (const change of [
        `INSERT INTO items SELECT g, 'new', 1, '{}', 'x' FROM generate_series(1000, 1500) g`,
        `UPDATE items SET name = 'changed' WHERE id % 3 = 0`,
        `UPDATE items SET id = -id WHERE id BETWEEN 10 AND 20`,
        `DELETE FROM items WHERE id % 7 = 0`,
        `BEGIN; INSERT INTO items VALUES (5000, 'gone'); ROLLBACK; INSERT INTO parts VALUES (7, '2026-12-31')`,
        `ALTER TABLE items ADD COLUMN more int; UPDATE items SET more = 1 WHERE id = 1; ALTER TABLE items DROP COLUMN more`,
        `TRUNCATE items; INSERT INTO items SELECT g, 'n' || g, g / 3.0, ARRAY['a', NULL], repeat(md5(g::text), 200) FROM generate_series(1, 500) g`,
      ]) {
        await database.sql(change);
        await replica.run();
        expect(await replica.difference(database, 'items', columns), change).toEqual([]);
      }
      expect(replica.rows('parts')).toHaveLength(Number(await database.value('SELECT count(*) FROM parts')));
      expect((await replica.run()).rows).toBe(0);
      await database.sql(`DELETE FROM parts WHERE day = '2026-12-31'`);
    });

    test('says how its slot stands, as far as it knows', async () => {
      const replica = new Replica(database, { slot: 'health' });
      const { sourceHealth } = await replica.run();
      expect(sourceHealth).toMatchObject({ status: 'ok', figures: { slot: 'health', walStatus: 'reserved' } });
      await database.sql(`SELECT pg_drop_replication_slot('health')`);
      expect(await failureOf(replica.run())).toMatchObject({ code: 'PG_SLOT_MISSING' });
    });

    test('is compared at the position of a snapshot', async () => {
      const source = pgReplication({ connectionString: database.url, slot: 'compared' });
      await using content = await source.openContent();
      const before = await content.readBuckets(content.streams[0]!, 4);
      await database.sql(`UPDATE items SET name = 'later' WHERE id = 1`);
      expect(await content.readBuckets(content.streams[0]!, 4)).toEqual(before);
      await using later = await source.openContent();
      expect(await later.readBuckets(later.streams[0]!, 4)).not.toEqual(before);
      expect([...before.values()].reduce((sum, { rows }) => sum + rows, 0)).toBe(500);
    });

    test('is followed, and reached again after a crash', async () => {
      const replica = new Replica(database, { slot: 'followed', heartbeatMs: 200 });
      await replica.run();
      const stop = new AbortController();
      const source = replica.source();
      const ended = followPipeline({
        name: 'test',
        source,
        destination: memoryDestination(replica.store),
        stop: stop.signal,
        flush: { flushAgeMs: 20 },
        random: () => 0,
      });
      await database.sql(`INSERT INTO items (id) VALUES (9000)`);
      await vi.waitUntil(() => replica.rows('items').some(({ id }) => String(id) === '9000'), { timeout: 15_000 });
      await server.restart('immediate');
      const client = new pg.Client(server.connectionString());
      await client.connect();
      await client.query(`INSERT INTO items (id) VALUES (9001)`);
      await vi.waitUntil(() => replica.rows('items').some(({ id }) => String(id) === '9001'), { timeout: 15_000 });
      stop.abort();
      expect((await ended).status).toBe('ok');
      await client.end();
      await source[Symbol.asyncDispose]();
      await database.client.end().catch(() => undefined);
    });
  },
);
