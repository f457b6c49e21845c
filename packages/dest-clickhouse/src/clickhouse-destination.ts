import type {
  Destination,
  DestinationPlan,
  DestinationSession,
  DestinationView,
  OpenOptions,
  OperationOptions,
  PipelineUnlock,
  StreamSpec,
  UnlockOptions,
} from '@etl/core';
import { EtlError } from '@etl/core/errors';
import type { Connection } from './connection.ts';
import type { Database } from './database.ts';
import { EarlyConnection } from './early-connection.ts';
import { openConnection } from './open-connection.ts';
import { clickHouseOptionsSchema, type ClickHouseOptions, type ResolvedOptions } from './options.ts';

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

// What works with the database is imported after the first request to it, so that it is sent soon.
class ClickHouseDestination implements Destination {
  readonly specificationVersion = 'v1';
  readonly name = 'clickhouse';
  readonly capabilities = { writeDispositions: ['append', 'merge', 'replace'], text: true, binary: true } as const;
  readonly #options: ResolvedOptions;
  #early: EarlyConnection | undefined;
  #opened: Promise<Database> | undefined;
  /** A connection of those who only looked. */
  #looked: Promise<Connection> | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
  }

  connect(options: OperationOptions = {}): void {
    // An embedded database admits one process, and is made by opening it.
    if (this.#options.path !== undefined || this.#opened !== undefined) return;
    this.#early ??= new EarlyConnection(async (stop) =>
      this.#connection({ ...options, signal: AbortSignal.any([stop, ...(options.signal ? [options.signal] : [])]) }),
    );
  }

  async check(options: OperationOptions = {}): Promise<void> {
    await this.#database(options);
  }

  async open(pipeline: string, options: OpenOptions = {}): Promise<DestinationSession> {
    // Compiled while the engine or the server answers.
    const module = import('./session.ts');
    const database = await this.#database(options);
    const { ClickHouseSession } = await module;
    return ClickHouseSession.open(database, this.#options, pipeline, options);
  }

  async inspect(options: OpenOptions = {}): Promise<DestinationView> {
    const database = await this.#look(options);
    const { ClickHouseView } = await import('./destination-view.ts');
    return new ClickHouseView(database, this.#options, options);
  }

  /** The database as it is, or would be: without creating it. */
  async #look(options: OpenOptions): Promise<Database> {
    if (this.#opened !== undefined) return this.#opened;
    this.#looked ??= openConnection(this.#options, options);
    try {
      const connection = await this.#looked;
      await requireVersion(connection, options);
      const { lookAtDatabase } = await import('./open-database.ts');
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
    const { planStreams } = await import('./plan-streams.ts');
    return planStreams(connection, this.#options, streams, options);
  }

  async unlock(pipeline: string, options: UnlockOptions = {}): Promise<PipelineUnlock> {
    const database = await this.#look(options);
    const { freePipeline } = await import('./pipeline-lock.ts');
    return freePipeline(database, pipeline, this.#options, options);
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
    const early = this.#early;
    this.#early = undefined;
    const connection = await (early?.take(options.signal) ?? this.#connection(options));
    try {
      const { openDatabase } = await import('./open-database.ts');
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
    await this.#early?.close();
    this.#early = undefined;
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
