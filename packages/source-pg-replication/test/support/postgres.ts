import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { startPostgres, type PostgresOptions, type PostgresServer } from '@etl/testing/postgres';
import { afterAll, beforeAll, type TestContext } from 'vitest';

/** A server of the version whose `postgres` and `initdb` are where `ETL_TEST_POSTGRES_BINARIES` says, or of the npm package. */
export async function startServer(options: PostgresOptions = {}): Promise<PostgresServer> {
  const binaries = process.env['ETL_TEST_POSTGRES_BINARIES'];
  return startPostgres(binaries === undefined ? options : { binaries, ...options });
}

/** A database of its own, on a server that the tests of a file share. */
export class TestDatabase implements AsyncDisposable {
  readonly name: string;
  readonly url: string;
  readonly client: pg.Client;
  readonly #admin: string;

  constructor(name: string, url: string, client: pg.Client, admin: string) {
    this.name = name;
    this.url = url;
    this.client = client;
    this.#admin = admin;
  }

  async sql(text: string): Promise<void> {
    await this.client.query(text);
  }

  /** Every value as the server's text. */
  async rows(text: string): Promise<Record<string, string | null>[]> {
    const types = { getTypeParser: () => String };
    return (await this.client.query({ text, types })).rows as Record<string, string | null>[];
  }

  async value(text: string): Promise<string | null> {
    const [row] = await this.rows(text);
    return Object.values(row ?? {})[0] ?? null;
  }

  /** Another session. */
  async connect(): Promise<pg.Client & AsyncDisposable> {
    const client = new pg.Client(this.url);
    client.on('error', () => undefined);
    await client.connect();
    return Object.assign(client, { [Symbol.asyncDispose]: async () => client.end() });
  }

  async confirmedLsn(slot: string): Promise<string | null> {
    return this.value(`SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '${slot}'`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.end().catch(() => undefined);
    const admin = new pg.Client(this.#admin);
    admin.on('error', () => undefined);
    await admin.connect();
    try {
      await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${this.name}'`);
      for (let attempt = 0; ; attempt += 1) {
        try {
          await admin.query(
            `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '${this.name}'`,
          );
          await admin.query(`DROP DATABASE IF EXISTS "${this.name}" WITH (FORCE)`);
          break;
        } catch (error) {
          if (attempt === 50) throw error;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    } finally {
      await admin.end();
    }
  }
}

export interface TestPostgres {
  /** The embedded server; absent when `ETL_TEST_POSTGRES_URL` names another. */
  readonly server: PostgresServer | undefined;
  database(sql?: string): Promise<TestDatabase>;
  /** Major version of the server. */
  version(): Promise<number>;
  /** Skips a test on servers that are too old, and says what they lack. */
  requireVersion(test: Pick<TestContext, 'skip'>, version: number, feature: string): Promise<void>;
}

/** A server for the tests of this file: the one that `ETL_TEST_POSTGRES_URL` names, or an embedded one. */
export function usePostgres(settings: Readonly<Record<string, string>> = {}): TestPostgres {
  let server: PostgresServer | undefined;
  let admin = process.env['ETL_TEST_POSTGRES_URL'] ?? '';
  const isOwn = admin === '' || Object.keys(settings).length > 0;
  beforeAll(async () => {
    if (!isOwn) return;
    server = await startServer({ settings });
    admin = server.connectionString();
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  const version = async (): Promise<number> => {
    const client = new pg.Client(admin);
    await client.connect();
    const { rows } = await client.query<{ version: number }>(
      `SELECT current_setting('server_version_num')::int / 10000 AS version`,
    );
    await client.end();
    return rows[0]?.version ?? 0;
  };
  return {
    get server() {
      return server;
    },
    version,
    async requireVersion({ skip }, needed, feature) {
      const own = await version();
      if (own < needed) skip(`PostgreSQL ${own} has no ${feature}`);
    },
    async database(sql = '') {
      const name = `etl_test_${randomBytes(6).toString('hex')}`;
      const client = new pg.Client(admin);
      await client.connect();
      await client.query(`CREATE DATABASE ${name}`);
      await client.end();
      const url = new URL(admin);
      url.pathname = `/${name}`;
      const own = new pg.Client(url.toString());
      own.on('error', () => undefined);
      await own.connect();
      const database = new TestDatabase(name, url.toString(), own, admin);
      if (sql !== '') await database.sql(sql);
      return database;
    },
  };
}
