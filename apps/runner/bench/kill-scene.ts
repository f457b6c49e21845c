import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { startChdbServer } from '@etl/testing';
import { startPostgres } from '@etl/testing/postgres';
import { Client } from 'pg';
import { SHOP_ROWS } from '../src/demo/shop-rows.ts';
import { SHOP_SCHEMA } from '../src/demo/shop-schema.ts';
import type { KillTrialOptions } from './kill-trials.ts';

/** A database to replicate, and a place to replicate it to. */
export interface KillScene extends Omit<KillTrialOptions, 'trials' | 'random'> {
  close(): Promise<void>;
}

const EXCEPT_SCHEMAS = ['world'];

export async function startKillScene(options: {
  readonly directory: string;
  /** Load over HTTP into a process that lives on, instead of an engine that dies with the run. */
  readonly isServer: boolean;
  /** The whole travel shop instead of two small tables. */
  readonly isLarge: boolean;
}): Promise<KillScene> {
  const postgres = await startPostgres();
  const client = new Client({ connectionString: postgres.connectionString() });
  client.on('error', () => undefined);
  await client.connect();
  if (options.isLarge) await fillShop(client);
  else await client.query(SMALL_SCHEMA);
  const target = options.isServer ? await serverTarget(options.directory) : embeddedTarget(options.directory);
  const schemas = options.isLarge ? { schemas: ['public', 'loyalty'] } : {};
  const groups = { shop: { connection_string: postgres.connectionString(), ...schemas } };
  return {
    cwd: options.directory,
    env: { ETL_GROUPS_PG: JSON.stringify(groups), ...target.env },
    client,
    destination: target.destination,
    dataset: 'shop',
    exceptSchemas: EXCEPT_SCHEMAS,
    change: options.isLarge ? changeShop : changeSmall,
    async close() {
      await client.end();
      await postgres[Symbol.asyncDispose]();
      await target.close();
    },
  };
}

function embeddedTarget(directory: string) {
  const dataDirectory = join(directory, 'data');
  return {
    env: { ETL_DATA_DIR: dataDirectory },
    destination: { path: join(dataDirectory, 'clickhouse'), database: 'travel' },
    close: async () => undefined,
  };
}

async function serverTarget(directory: string) {
  const credentials = { username: 'etl', password: randomBytes(12).toString('base64url') };
  const server = await startChdbServer({ path: join(directory, 'server'), ...credentials });
  return {
    env: {
      CLICKHOUSE_URL: server.url,
      CLICKHOUSE_USER: credentials.username,
      CLICKHOUSE_PASSWORD: credentials.password,
    },
    destination: { url: server.url, ...credentials, database: 'travel' },
    close: async () => server[Symbol.asyncDispose](),
  };
}

const SMALL_SCHEMA = /* sql */ `
CREATE TABLE orders (id bigint PRIMARY KEY, status text NOT NULL, total numeric(12, 2), tags text[] NOT NULL, note text);
CREATE TABLE customers (id bigint PRIMARY KEY, name text, payload bytea);
INSERT INTO orders SELECT i, 'new', i / 3.0, ARRAY['a', 'b'], NULL FROM generate_series(1, 20000) AS i;
INSERT INTO customers SELECT i, 'Zoë ' || i, decode(repeat(md5(i::text), 200), 'hex') FROM generate_series(1, 500) AS i;
`;

/** A little of everything, in several transactions. */
async function changeSmall(client: Client, trial: number): Promise<void> {
  const base = 100_000 + trial * 1000;
  await client.query(
    `INSERT INTO orders SELECT i, 'late', 1, '{}', 'trial ${trial}' FROM generate_series(${base}, ${base + 700}) AS i`,
  );
  await client.query(`UPDATE orders SET total = total + 1, status = 'seen' WHERE id % 17 = ${trial % 17}`);
  await client.query(`UPDATE customers SET name = name || '.' WHERE id % 5 = ${trial % 5}`);
  await client.query(`UPDATE customers SET id = id + 1000000 WHERE id % 97 = ${trial % 97}`);
  await client.query(`DELETE FROM orders WHERE id % 101 = ${trial % 101}`);
  if (trial % 5 === 0) {
    await client.query(`BEGIN; TRUNCATE customers;
      INSERT INTO customers SELECT i, 'again ${trial}', decode(md5(i::text), 'hex') FROM generate_series(1, 300) AS i; COMMIT`);
  }
  if (trial % 7 === 0) await client.query(`ALTER TABLE orders ADD COLUMN extra_${trial} integer`);
}

async function fillShop(client: Client): Promise<void> {
  await client.query(SHOP_SCHEMA);
  for (const { sql } of SHOP_ROWS) await client.query(sql);
}

async function changeShop(client: Client, trial: number): Promise<void> {
  await client.query(`UPDATE orders SET total = total + 1 WHERE id % 13 = ${trial % 13}`);
  await client.query(`UPDATE products SET price = price + 1 WHERE city_id % 7 = ${trial % 7}`);
  await client.query(`DELETE FROM searches WHERE id % 211 = ${trial % 211}`);
  await client.query(
    `UPDATE loyalty.accounts SET number = 'T${trial}' || number WHERE customer_id % 251 = ${trial % 251}`,
  );
}
