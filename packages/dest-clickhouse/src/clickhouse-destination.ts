import {
  EtlError,
  type Destination,
  type DestinationPlan,
  type DestinationSession,
  type DestinationView,
  type OpenOptions,
  type OperationOptions,
  type PipelineUnlock,
  type StreamSpec,
  type UnlockOptions,
} from '@etl/core';
import type { Connection } from './connection.ts';
import type { Database } from './database.ts';
import { ClickHouseView } from './destination-view.ts';
import { lookAtDatabase, openDatabase } from './open-database.ts';
import { freePipeline } from './pipeline-lock.ts';
import { planStreams } from './plan-streams.ts';
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
  #opened: Promise<Database> | undefined;
  /** A connection of those who only looked. */
  #looked: Promise<Connection> | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
  }

  async check(options: OperationOptions = {}): Promise<void> {
    await this.#database(options);
  }

  async open(pipeline: string, options: OpenOptions = {}): Promise<DestinationSession> {
    return ClickHouseSession.open(await this.#database(options), this.#options, pipeline, options);
  }

  async inspect(options: OpenOptions = {}): Promise<DestinationView> {
    return new ClickHouseView(await this.#look(options), this.#options, options);
  }

  /** The database as it is, or would be: without creating it. */
  async #look(options: OpenOptions): Promise<Database> {
    if (this.#opened !== undefined) return this.#opened;
    this.#looked ??= openConnection(this.#options, options);
    try {
      const connection = await this.#looked;
      await requireVersion(connection, options);
      return (await lookAtDatabase(connection, this.#options, options)).database;
    } catch (error) {
      await this.#closeLooked();
      throw error;
    }
  }

  async #closeLooked(): Promise<void> {
    const connection = await this.#looked?.catch(() => undefined);
    this.#looked = undefined;
    await connection?.close();
  }

  async plan(streams: readonly StreamSpec[], options: OperationOptions = {}): Promise<DestinationPlan> {
    const { connection } = await this.#look(options);
    return planStreams(connection, this.#options, streams, options);
  }

  async unlock(pipeline: string, options: UnlockOptions = {}): Promise<PipelineUnlock> {
    return freePipeline(await this.#look(options), pipeline, this.#options, options);
  }

  async #database(options: OpenOptions): Promise<Database> {
    this.#opened ??= this.#connect(options);
    try {
      return await this.#opened;
    } catch (error) {
      this.#opened = undefined;
      throw error;
    }
  }

  async #connect(options: OpenOptions): Promise<Database> {
    const connection = await this.#connection(options);
    try {
      return await openDatabase(connection, this.#options, options);
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async #connection(options: OpenOptions): Promise<Connection> {
    const connection = await openConnection(this.#options, options);
    try {
      await requireVersion(connection, options);
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const database = await this.#opened?.catch(() => undefined);
    this.#opened = undefined;
    await database?.connection.close();
    await this.#closeLooked();
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
