import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import type { Client } from 'pg';
import { connectionConfig, type ConnectionConfig } from './connection-config.ts';
import { pgError } from './pg-error.ts';
import { SteadySocket } from './steady-socket.ts';

/**
 * Settings of every session. Values come out the same in the snapshot and in the stream, whatever
 * the database, the role or the time zone of this process would prefer.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  client_encoding: 'UTF8',
  timezone: 'UTC',
  datestyle: 'ISO,MDY',
  intervalstyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  lc_monetary: 'C',
  search_path: 'pg_catalog',
  // A policy that would hide rows is an error, never a smaller copy.
  row_security: 'off',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
};

export interface ConnectorOptions {
  readonly connectionString: string;
  readonly applicationName: string;
  readonly connectTimeoutMs: number;
}

/** Opens sessions and knows all that are open, so that an abort can end them at once. */
export class Connector {
  readonly #config: ConnectionConfig;
  readonly #options: ConnectorOptions;
  readonly #open = new Set<Client>();
  /** Idle, for who needs a session for replication next. */
  #left: Client | undefined;
  /** On its way, for the same. */
  #expected: Promise<Client | undefined> | undefined;
  #tls: readonly (ConnectionOptions | false)[];

  constructor(options: ConnectorOptions) {
    this.#options = options;
    this.#config = connectionConfig(options.connectionString);
    this.#tls = this.#config.tls;
  }

  /** Host, port and database. */
  get label(): string {
    return this.#config.label;
  }

  /** An ordinary session. */
  async connect(): Promise<Client> {
    return this.#connect({});
  }

  /** A session that understands replication commands: one that was left or is expected, or a new one. */
  async connectReplication(): Promise<Client> {
    const left = this.#left ?? this.#expected;
    if (left === this.#left) this.#left = undefined;
    else this.#expected = undefined;
    const client = await left;
    if (client !== undefined && this.#open.has(client)) return client;
    return this.#connect({ replication: 'database' });
  }

  /**
   * Begins to open one for the next {@link connectReplication}, which tries anew where that fails: the server may have
   * had no place for it yet. Whoever expects one calls {@link closeLeft} in the end.
   */
  expectReplication(): void {
    this.#expected ??= this.#connect({ replication: 'database' }).catch(() => undefined);
  }

  /** Leaves an idle session for the next {@link connectReplication}; whoever leaves one closes it in the end. */
  leaveReplication(client: Client): void {
    this.#left = client;
  }

  /** Closes a session that was left or is expected, and that nobody has taken. Waits for none that is still on its way. */
  async closeLeft(): Promise<void> {
    const [left, expected] = [this.#left, this.#expected];
    this.#left = undefined;
    this.#expected = undefined;
    void expected?.then((client) => (client === undefined ? undefined : this.close(client)));
    if (left !== undefined) await this.close(left);
  }

  /** Ends a session in order, or at once when it does not answer. */
  async close(client: Client): Promise<void> {
    if (!this.#open.delete(client)) return;
    const timer = setTimeout(() => destroy(client), 2000);
    try {
      await client.end();
    } catch {
      destroy(client);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Cuts a session off. */
  destroy(client: Client): void {
    this.#open.delete(client);
    destroy(client);
  }

  /** Cuts all sessions off. */
  destroyAll(): void {
    for (const client of this.#open) this.destroy(client);
  }

  async #connect(extra: { readonly replication?: string }): Promise<Client> {
    const [preferred, ...others] = this.#tls;
    try {
      return await this.#attempt(preferred ?? false, extra);
    } catch (error) {
      if (others.length === 0 || !isRefusedTls(error)) throw pgError(error, `connecting to ${this.label}`);
      this.#tls = others;
      return this.#connect(extra);
    }
  }

  async #attempt(tls: ConnectionOptions | false, extra: { readonly replication?: string }): Promise<Client> {
    const settings = Object.entries(SETTINGS).map(([name, value]) => `-c ${name}=${value}`);
    const options = [this.#config.serverOptions, ...settings].join(' ');
    const config = {
      connectionString: this.#config.connectionString,
      ssl: tls,
      stream: () => new SteadySocket(),
      application_name: this.#options.applicationName,
      connectionTimeoutMillis: this.#options.connectTimeoutMs,
      keepAlive: true,
      options,
      // Every value stays the server's text: parsers set globally by the application play no part.
      types: { getTypeParser: () => String },
      ...extra,
    };
    const client = new pg.Client(config);
    // An idle session that dies is noticed by the next use of it.
    client.on('error', () => undefined);
    this.#open.add(client);
    client.once('end', () => this.#open.delete(client));
    try {
      await client.connect();
      return client;
    } catch (error) {
      this.destroy(client);
      throw error;
    }
  }
}

function isRefusedTls(error: unknown): boolean {
  return error instanceof Error && error.message === 'The server does not support SSL connections';
}

function destroy(client: Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}
