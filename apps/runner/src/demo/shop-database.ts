import { startPostgres } from '@etl/testing/postgres';
import { Client } from 'pg';
import type { ShopStep } from './shop-rows.ts';

/** The travel shop's own PostgreSQL, gone when it is closed or when this process is. */
export interface ShopDatabase {
  readonly client: Client;
  readonly connectionString: string;
  readonly password: string;
  close(): Promise<void>;
}

const DATABASE = 'shop';

export async function startShopDatabase(signal: AbortSignal): Promise<ShopDatabase> {
  const server = await startPostgres({ signal });
  const stop = (): void => void server.stop().catch(() => undefined);
  // A statement cannot be called back: ending the server ends it.
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    await once(server.connectionString(), `CREATE DATABASE ${DATABASE}`);
    const connectionString = server.connectionString(DATABASE);
    const client = await connect(connectionString);
    return {
      client,
      connectionString,
      password: server.password,
      async close() {
        signal.removeEventListener('abort', stop);
        await client.end().catch(() => undefined);
        await server[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** Runs steps in order, telling which one is next. */
export async function runSteps(
  { client }: ShopDatabase,
  steps: readonly ShopStep[],
  say: (name: string) => void,
): Promise<void> {
  for (const { name, sql } of steps) {
    say(name);
    await client.query(sql);
  }
}

async function once(connectionString: string, sql: string): Promise<void> {
  const client = await connect(connectionString);
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  // The server may go first; whoever queries then is told by the query.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
