import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ClickHouseOptions } from '@etl/dest-clickhouse';
import { startChdbServer } from '@etl/testing';
import { startPostgres, type PostgresServer } from '@etl/testing/postgres';
import { Client } from 'pg';
import { SCHEMA } from './tables.ts';

/** A database that is replicated, and a place to replicate it to. */
export interface KillScene extends AsyncDisposable {
  readonly postgres: PostgresServer;
  /** Where the command runs, and what it is configured with. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly destination: ClickHouseOptions;
  connect(): Promise<Client>;
}

/** The group of the command, which is the dataset too. */
export const GROUP = 'shop';

export async function startKillScene(options: {
  readonly directory: string;
  /** Load over HTTP into a process that lives on, instead of an engine that dies with the run. */
  readonly isServer: boolean;
}): Promise<KillScene> {
  const postgres = await startPostgres();
  const connect = async (): Promise<Client> => {
    const client = new Client({ connectionString: postgres.connectionString() });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const client = await connect();
  await client.query(SCHEMA);
  // A crash right away must not take the tables with it: without them there is nothing to compare.
  await client.query('CHECKPOINT');
  await client.end();
  const target = options.isServer ? await serverTarget(options.directory) : embeddedTarget(options.directory);
  const group = { connection_string: postgres.connectionString() };
  return {
    postgres,
    cwd: options.directory,
    env: { ETL_GROUPS_PG: JSON.stringify({ [GROUP]: group }), ...target.env },
    destination: target.destination,
    connect,
    async [Symbol.asyncDispose]() {
      await postgres[Symbol.asyncDispose]();
      await target.close();
    },
  };
}

interface Target {
  readonly env: Readonly<Record<string, string>>;
  readonly destination: ClickHouseOptions;
  close(): Promise<void>;
}

const DATABASE = 'travel';

function embeddedTarget(directory: string): Target {
  const dataDirectory = join(directory, 'data');
  return {
    env: { ETL_DATA_DIR: dataDirectory },
    destination: { path: join(dataDirectory, 'clickhouse'), database: DATABASE },
    close: async () => undefined,
  };
}

async function serverTarget(directory: string): Promise<Target> {
  const credentials = { username: 'etl', password: randomBytes(12).toString('base64url') };
  const server = await startChdbServer({ path: join(directory, 'server'), ...credentials });
  return {
    env: {
      CLICKHOUSE_URL: server.url,
      CLICKHOUSE_USER: credentials.username,
      CLICKHOUSE_PASSWORD: credentials.password,
    },
    destination: { url: server.url, ...credentials, database: DATABASE },
    close: async () => server[Symbol.asyncDispose](),
  };
}
