import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import type { Client } from 'pg';
import { connectionConfig, type ConnectionConfig } from './connection-config.ts';
import { pgError } from './pg-error.ts';
import { SpareSession } from './spare-session.ts';
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

const REPLICATION = { replication: 'database' };

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
  readonly #spare = new SpareSession();
  readonly #spareReplication = new SpareSession();
  /** How often all sessions were cut off. */
  #cuts = 0;
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

  /** An ordinary session: the one that is expected, or a new one. */
  async connect(): Promise<Client> {
    return (await this.#taken(this.#spare)) ?? this.#connect({});
  }

  /** A session that understands replication commands: one that was left or is expected, or a new one. */
  async connectReplication(): Promise<Client> {
    return (await this.#taken(this.#spareReplication)) ?? this.#connect(REPLICATION);
  }

  /**
   * Begins to open one for the next {@link connect}, which tries anew where that fails: the server may have had no
   * place for it yet. Whoever expects one calls {@link closeExpected} or {@link closeSpare} in the end.
   *
   * @param ready What is done with it before it is given to anybody.
   */
  expect(ready: (client: Client) => Promise<unknown>): void {
    this.#spare.expect(async () => {
      const client = await this.#connect({});
      try {
        await ready(client);
        return client;
      } catch (error) {
        this.destroy(client);
        throw error;
      }
    });
  }

  /** As {@link expect}, for {@link connectReplication}. */
  expectReplication(): void {
    this.#spareReplication.expect(async () => this.#connect(REPLICATION));
  }

  /** Leaves an idle session for the next {@link connectReplication}; whoever leaves one calls {@link closeSpare}. */
  leaveReplication(client: Client): void {
    this.#spareReplication.leave(client);
  }

  /** Closes the ordinary session that is expected, if nobody has taken it. Waits for none that is on its way. */
  async closeExpected(): Promise<void> {
    await this.#spare.drop(async (client) => this.close(client));
  }

  /** As {@link closeExpected}, and the one for replication that was left or is expected. */
  async closeSpare(): Promise<void> {
    await Promise.all([this.closeExpected(), this.#spareReplication.drop(async (client) => this.close(client))]);
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
    this.#cuts += 1;
    for (const client of this.#open) this.destroy(client);
  }

  async #taken(spare: SpareSession): Promise<Client | undefined> {
    const cuts = this.#cuts;
    const client = await spare.take();
    // Whoever waited is cut off as well: a session of its own would outlive that.
    if (this.#cuts !== cuts)
      throw pgError(new Error('connection closed with all others'), `connecting to ${this.label}`);
    return client !== undefined && this.#open.has(client) ? client : undefined;
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
