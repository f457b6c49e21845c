import { join } from 'node:path';
import { startPostgres, type PostgresServer } from '@etl/testing/postgres';
import { Client } from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { runEtl, temporaryDirectory } from './etl-process.ts';

const SHOP = /* sql */ `
CREATE TABLE orders (id bigint PRIMARY KEY, status text NOT NULL, total numeric(12, 2), placed_at timestamptz NOT NULL);
CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL);
INSERT INTO orders SELECT i, 'paid', i / 4.0, '2026-11-01T00:00:00Z' FROM generate_series(1, 5000) AS i;
INSERT INTO customers SELECT i, 'Zoë ' || i FROM generate_series(1, 300) AS i;
`;

/** What a test has of a shop. */
export interface Shop {
  /** Of the database, the group and the slot. */
  readonly name: string;
  /** Connects to the database. */
  readonly connectionString: string;
  /** Of the command, so that it finds the group and an embedded ClickHouse of its own. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the command is run. */
  readonly directory: string;
  /** Where the embedded ClickHouse is. */
  readonly path: string;
  readonly etl: (args: readonly string[], more?: Record<string, string>) => ReturnType<typeof runEtl>;
  readonly query: (sql: string) => Promise<void>;
}

/**
 * Shops for the tests of a file: each has a database of its own in one PostgreSQL, which `sql` fills. The group of a
 * shop has `group` beside what it needs.
 */
export function useShops(): (group?: Record<string, unknown>, sql?: string) => Promise<Shop> {
  let postgres: PostgresServer;
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let databases = 0;

  beforeAll(async () => {
    [postgres, directory] = await Promise.all([startPostgres(), temporaryDirectory()]);
  });
  afterAll(async () => {
    await postgres[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  async function query(database: string, sql: string): Promise<void> {
    const client = new Client({ connectionString: postgres.connectionString(database) });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  }

  return async (group = {}, sql = SHOP) => {
    databases += 1;
    const name = `shop_${databases}`;
    await query('postgres', `CREATE DATABASE ${name}`);
    await query(name, sql);
    const connectionString = postgres.connectionString(name);
    const dataDirectory = join(directory.path, name);
    const env = {
      ETL_DATA_DIR: dataDirectory,
      ETL_GROUPS_PG: JSON.stringify({ shop: { connection_string: connectionString, slot: name, ...group } }),
    };
    return {
      name,
      connectionString,
      env,
      directory: directory.path,
      path: join(dataDirectory, 'clickhouse'),
      etl: (args, more = {}) => runEtl(args, { cwd: directory.path, env: { ...env, ...more } }),
      query: (text) => query(name, text),
    };
  };
}
