import {
  EtlError,
  type Destination,
  type DestinationSession,
  type OpenOptions,
  type OperationOptions,
} from '@etl/core';
import type { Connection } from './connection.ts';
import { Database } from './database.ts';
import { identifier } from './identifier.ts';
import { openConnection } from './open-connection.ts';
import { clickHouseOptionsSchema, type ClickHouseOptions, type ResolvedOptions } from './options.ts';
import { ClickHouseSession } from './session.ts';

/** Oldest server with everything a load relies on, `ATTACH PARTITION ALL FROM` among it. */
const MINIMUM_VERSION = [25, 12] as const;

/**
 * ClickHouse as a destination: a server by `url`, or embedded in this process by `path`.
 *
 * Opens its connection at the first use and closes it when disposed.
 *
 * @throws `CLICKHOUSE_OPTIONS_INVALID` (config) at once, naming the option.
 * @example
 * await using destination = clickhouse({ url, database: 'travel', dataset: 'shop' });
 */
export function clickhouse(options: ClickHouseOptions): Destination {
  return new ClickHouseDestination(resolveOptions(options));
}

export function resolveOptions(options: ClickHouseOptions): ResolvedOptions {
  const parsed = clickHouseOptionsSchema.safeParse(options);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`);
  throw new EtlError({
    code: 'CLICKHOUSE_OPTIONS_INVALID',
    kind: 'config',
    message: `The ClickHouse options are wrong (${issues.join('; ')}).`,
    hint: 'See the table of options in the README of @etl/dest-clickhouse.',
  });
}

class ClickHouseDestination implements Destination {
  readonly specificationVersion = 'v1';
  readonly name = 'clickhouse';
  readonly capabilities = { writeDispositions: ['append', 'merge', 'replace'], text: true } as const;
  readonly #options: ResolvedOptions;
  #connection: Promise<Connection> | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
  }

  async check(options: OperationOptions = {}): Promise<void> {
    await this.#database(options);
  }

  async open(pipeline: string, options: OpenOptions = {}): Promise<DestinationSession> {
    return ClickHouseSession.open(await this.#database(options), this.#options, pipeline, options);
  }

  async #database(options: OpenOptions): Promise<Database> {
    this.#connection ??= this.#connect(options);
    try {
      return new Database(await this.#connection, this.#options.database);
    } catch (error) {
      this.#connection = undefined;
      throw error;
    }
  }

  async #connect(options: OpenOptions): Promise<Connection> {
    const connection = await openConnection(this.#options, options);
    try {
      await requireVersion(connection, options);
      await ensureDatabase(connection, this.#options.database, options);
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    this.#connection = undefined;
    await connection?.close();
  }
}

async function requireVersion(connection: Connection, options: OperationOptions): Promise<void> {
  const [row] = await connection.rows<{ version: string }>('SELECT version() AS version', options);
  const [major = 0, minor = 0] = (row?.version ?? '').split('.').map(Number);
  if (major > MINIMUM_VERSION[0] || (major === MINIMUM_VERSION[0] && minor >= MINIMUM_VERSION[1])) return;
  throw new EtlError({
    code: 'CLICKHOUSE_TOO_OLD',
    kind: 'config',
    message: `ClickHouse (${connection.target}) is version ${row?.version ?? 'unknown'}.`,
    hint: `Use ${MINIMUM_VERSION.join('.')} or newer.`,
  });
}

/** Creates the database when it is missing; asks first, so that no right to create is needed otherwise. */
export async function ensureDatabase(connection: Connection, name: string, options: OperationOptions): Promise<void> {
  const databases = await connection.rows<{ name: string }>('SELECT name FROM system.databases', options);
  if (databases.some((database) => database.name === name)) return;
  await connection.command(`CREATE DATABASE IF NOT EXISTS ${identifier(name)}`, options);
}
