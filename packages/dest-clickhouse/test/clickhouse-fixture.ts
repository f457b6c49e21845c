import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Destination, Row } from '@etl/core';
import { startChdbServer, type ChooseFault, type DestinationFixture } from '@etl/testing';
import { clickhouse, openClickHouse, type ClickHouseOptions } from '../src/index.ts';

/** One engine a process: its directory lives as long as the test file. */
const directory = mkdtempSync(join(tmpdir(), 'etl-clickhouse-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
let databases = 0;

export interface ClickHouseFixture extends DestinationFixture {
  readonly options: ClickHouseOptions;
  query<TRow = Record<string, unknown>>(sql: string): Promise<readonly TRow[]>;
  create(overrides?: Partial<ClickHouseOptions>): Destination;
}

/** A database of its own in the engine of this process. */
export async function embeddedFixture(overrides: Partial<ClickHouseOptions> = {}): Promise<ClickHouseFixture> {
  return fixture({ path: join(directory, 'engine'), ...overrides }, async () => undefined);
}

/** The same engine behind its HTTP front: the client's real wire path. */
export async function httpFixture(
  overrides: Partial<ClickHouseOptions> = {},
  fault?: ChooseFault,
): Promise<ClickHouseFixture & { readonly queries: readonly string[] }> {
  const username = 'loader';
  const password = 'p&ss word';
  const server = await startChdbServer({ path: join(directory, 'engine'), username, password, fault });
  const made = await fixture({ url: server.url, username, password, retryWaitMs: 1, ...overrides }, () =>
    server[Symbol.asyncDispose](),
  );
  return Object.assign(made, { queries: server.queries });
}

/** A database of its own on a real server, dropped afterwards. */
export async function serverFixture(url: string, engine: ClickHouseOptions['engine']): Promise<ClickHouseFixture> {
  const database = `etl_test_${process.pid}_${databases + 1}`;
  const made = await fixture({ url, database, engine }, async () => undefined);
  return {
    ...made,
    async [Symbol.asyncDispose]() {
      const cluster = engine === 'replicated' ? " ON CLUSTER '{cluster}'" : '';
      await made.query(`DROP DATABASE IF EXISTS ${database}${cluster} SYNC`);
      await made[Symbol.asyncDispose]();
    },
  };
}

async function fixture(
  base: Omit<ClickHouseOptions, 'database'> & { readonly database?: string },
  close: () => PromiseLike<void>,
): Promise<ClickHouseFixture> {
  databases += 1;
  const options: ClickHouseOptions = { database: `db${databases}`, dataset: 'shop', lockWaitMs: 2000, ...base };
  const made: Destination[] = [];
  const create = (overrides: Partial<ClickHouseOptions> = {}): Destination => {
    const destination = clickhouse({ ...options, ...overrides });
    made.push(destination);
    return destination;
  };
  const query = async <TRow>(sql: string): Promise<readonly TRow[]> => {
    await using reader = await openClickHouse(options);
    let text = '';
    for await (const chunk of reader.query(sql, { format: 'JSONEachRow' })) text += Buffer.from(chunk).toString('utf8');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as TRow);
  };
  return {
    options,
    destination: create(),
    create,
    query,
    async restart() {
      await made.at(-1)?.[Symbol.asyncDispose]();
      return create();
    },
    async readRows(stream): Promise<readonly Row[]> {
      const name = `shop___${stream}`;
      const [view] = await query(
        `SELECT name FROM system.tables WHERE database = '${options.database}' AND name = '${name}'`,
      );
      if (view === undefined) return [];
      const rows = await query<Row>(`SELECT * EXCEPT (_etl_load_id) FROM \`${options.database}\`.\`${name}\``);
      return rows;
    },
    async [Symbol.asyncDispose]() {
      // Holds the engine open until the end: it would load every database that is left when it is opened again.
      const reader = await openClickHouse(options);
      const mutations = await query(`SELECT * FROM system.mutations WHERE database = '${options.database}'`);
      await Promise.all(made.map((destination) => destination[Symbol.asyncDispose]()));
      // What others have left makes every later statement slower.
      await query(`DROP DATABASE IF EXISTS \`${options.database}\` SYNC`);
      await reader[Symbol.asyncDispose]();
      await close();
      if (mutations.length > 0) throw new Error('the loader caused a mutation');
    },
  };
}
