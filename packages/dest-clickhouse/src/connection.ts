import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import type { OperationOptions } from '@etl/core';
import { EtlError } from '@etl/core/errors';
import { allEnded } from './all-ended.ts';
import { clickHouseError, serverCode, SESSION_NOT_FOUND } from './clickhouse-error.ts';
import { ClientPool } from './client-pool.ts';
import { EngineMemory } from './engine-memory.ts';
import { literal } from './identifier.ts';
import { InsertFile, type InsertFiles } from './insert-files.ts';
import { InsertQueue } from './insert-queue.ts';
import type { PlainBody } from './plain-body.ts';
import type { PlainForm } from './plain-form.ts';
import { PlainMemory, PlainPieces } from './plain-memory.ts';

/** How a statement is carried out. */
export interface StatementOptions extends OperationOptions {
  /** Settings that go with it; never for an embedded engine, which would keep them for the session. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Statements that go before it and reach the same replica, also behind a load balancer. */
  readonly before?: readonly string[];
}

export interface InsertTarget {
  /** Quoted and qualified. */
  readonly table: string;
  readonly columns: readonly string[];
  /** The same token with the same bytes is stored once, however often it is sent. */
  readonly token: string;
}

/** Where rows go that are inserted as they are. */
export type PlainTarget = InsertTarget & PlainForm;

/** How many inserts of plain rows are made at once, and how many may not be made yet when one more is whole. */
export interface PlainTurns {
  readonly queue: InsertQueue;
  readonly behind: number;
}

/** What a connection is made to. */
export interface ConnectionEnd {
  /** Names it in messages, without credentials. */
  readonly target: string;
  readonly isEmbedded: boolean;
  readonly retryWaitMs: number;
  /** Where the rows of inserts are put for an engine in this process. Absent: they go with the statement. */
  readonly insertFiles?: InsertFiles;
  /** A client for statements that must not wait for others. Absent: there is no such thing. */
  readonly aside?: ClickHouseClient;
  /** Makes one more client, for an engine that carries out the statements of each one by one. */
  readonly another?: () => ClickHouseClient;
  /** Called after the client is closed. */
  readonly close: () => Promise<void>;
}

/**
 * A server refuses rows of more than a hundred partitions in one insert, which is less than nine years of days
 * by the month: a slice of a whole history would never be loaded.
 */
export const MANY_PARTITIONS = 'max_partitions_per_insert_block = 0';

const EXACT_NUMBERS =
  'output_format_json_quote_64bit_integers = 1, output_format_json_quote_decimals = 1, output_format_json_quote_denormals = 1';
/**
 * An expression that is used often enough is compiled, which takes 60 ms, and formatting starts threads. For an
 * engine that lives as long as a run, and answers of a few rows, neither pays.
 */
const SHORT_LIVED = 'output_format_parallel_formatting = 0, compile_expressions = 0, compile_aggregate_expressions = 0';
const ONE_THREAD = 'input_format_parallel_parsing = 0';
/** A first line that looks like names is a row, NULL in a row that is gone is a default, and truth is a letter. */
export const PLAIN_TEXT =
  "input_format_tsv_detect_header = 0, date_time_input_format = 'basic', input_format_null_as_default = 1, input_format_tsv_empty_as_default = 0, " +
  "bool_true_representation = 't', bool_false_representation = 'f'";
const ATTEMPTS = 4;
/** Inserts of files that are made side by side, of all tables: each takes a thread of the engine. */
export const FILES_AT_ONCE = 2;
/** Reading goes on while so many files are not inserted yet: they take no memory of this process. */
const FILES_BEHIND = 8;
/** Inserts that are sent side by side, of each table: most of one of lines, so a server that is far is kept busy. */
const SENT_AT_ONCE = 4;
/** A load balancer sends every request to another replica, and two have to reach one. */
const ATTEMPTS_AT_ONE_REPLICA = 60;
/** Seconds that a replica remembers a session for. */
const SESSION_SECONDS = '60';

/**
 * The statements of a load over one client, server or embedded.
 *
 * Settings always stand inline: in an embedded engine those of the client would stay for the
 * session. Statements that failed without an answer are sent again, so every statement given here
 * must be harmless when it is carried out twice.
 */
export class Connection {
  readonly #client: ClickHouseClient;
  readonly #aside: ClickHouseClient | undefined;
  readonly #insertFiles: InsertFiles | undefined;
  readonly #fileTurns: PlainTurns = { queue: new InsertQueue(FILES_AT_ONCE), behind: FILES_BEHIND };
  readonly #plainMemory = new PlainMemory();
  #wasReached = false;
  readonly #engineMemory = new EngineMemory();
  readonly #others: ClientPool;
  readonly #close: () => Promise<void>;
  readonly #retryWaitMs: number;
  readonly target: string;
  readonly isEmbedded: boolean;

  constructor(client: ClickHouseClient, end: ConnectionEnd) {
    this.#client = client;
    this.#aside = end.aside;
    this.#insertFiles = end.insertFiles;
    this.#others = new ClientPool(end.another ?? (() => client));
    this.#close = end.close;
    this.#retryWaitMs = end.retryWaitMs;
    this.target = end.target;
    this.isEmbedded = end.isEmbedded;
  }

  async command(query: string, options: StatementOptions = {}): Promise<void> {
    await this.#retrying(options, async () => this.#exec(query, await this.#prepared(options)));
  }

  /**
   * Statements that need nothing of each other: an embedded engine carries out two at a time, a server one by one.
   *
   * @throws why one failed, when none runs any more.
   */
  async commands(queries: readonly string[], options: StatementOptions = {}): Promise<void> {
    const left = [...queries];
    const work = async (client: ClickHouseClient): Promise<void> => {
      for (let query = left.shift(); query !== undefined; query = left.shift()) {
        const next = query;
        await this.#retrying(options, async () => this.#exec(next, await this.#prepared(options), client));
      }
    };
    const beside = this.isEmbedded && queries.length > 1 ? [this.#others.with(work)] : [];
    await allEnded([work(this.#client), ...beside]);
  }

  /** Once, and past every statement that is under way or waiting. */
  async commandAside(query: string, options: StatementOptions = {}): Promise<void> {
    const { settings } = options;
    const client = this.#aside ?? this.#client;
    try {
      const parameters = {
        ...(settings === undefined ? {} : { clickhouse_settings: settings }),
        ...abortSignal(options),
      };
      const { stream } = await client.exec({ query, ...parameters });
      await drain(stream);
    } catch (error) {
      throw this.#mapped(error);
    }
  }

  /** All rows of a small result. 64-bit numbers and decimals arrive as text. `settings` stand in the statement. */
  async rows<TRow>(query: string, options: StatementOptions = {}, ...settings: readonly string[]): Promise<TRow[]> {
    const all = [EXACT_NUMBERS, ...(this.isEmbedded ? [SHORT_LIVED] : []), ...settings].join(', ');
    return this.#retrying(options, async () => {
      const parameters = await this.#prepared(options);
      const result = await this.#client.query({
        query: `${query} SETTINGS ${all}`,
        format: 'JSONEachRow',
        ...parameters,
      });
      return result.json<TRow>();
    });
  }

  /** Inserts lines of JSONCompactEachRow, each ending in a newline. */
  async insert(target: InsertTarget, body: Buffer, options: StatementOptions = {}): Promise<void> {
    const into = `INSERT INTO ${target.table} (${target.columns.join(', ')})`;
    const settings = `SETTINGS insert_deduplication_token = '${target.token}', async_insert = 0, ${MANY_PARTITIONS}`;
    if (this.#insertFiles?.pays(body) === true) {
      // Parsed by one thread: there is no server to spare, and it costs less in all.
      return this.#insertFiles.with(body, (path) =>
        this.command(
          `${into} FROM INFILE ${literal(path)} COMPRESSION 'none' ${settings}, ${ONE_THREAD} FORMAT JSONCompactEachRow`,
          options,
        ),
      );
    }
    const query = `${into} ${settings} FORMAT JSONCompactEachRow\n`;
    await this.#retrying(options, () => this.#send(query, [body], options));
  }

  /** Whether the engine reads files that stand next to its own. */
  get readsFiles(): boolean {
    return this.#insertFiles !== undefined;
  }

  /** For the rows of one {@link insertPlain}. */
  openPlain(): PlainBody {
    return this.#insertFiles?.open() ?? this.#plainMemory.open();
  }

  /** The turns in which a table's inserts of {@link insertPlain} are made. */
  plainTurns(): PlainTurns {
    if (this.#insertFiles !== undefined) return this.#fileTurns;
    return { queue: new InsertQueue(SENT_AT_ONCE), behind: SENT_AT_ONCE - 1 };
  }

  /** Inserts rows as they are, in a body of {@link openPlain}; only where `PlainSupport` says so. */
  async insertPlain(target: PlainTarget, body: PlainBody, options: StatementOptions = {}): Promise<void> {
    body.close();
    const into = `INSERT INTO ${target.table} (${target.columns.join(', ')})`;
    const settings = `SETTINGS insert_deduplication_token = '${target.token}', async_insert = 0, ${MANY_PARTITIONS}${target.format === 'TabSeparated' ? `, ${PLAIN_TEXT}` : ''}`;
    if (body instanceof InsertFile) {
      const read = async (path: string): Promise<void> => {
        const query = `${into} FROM INFILE ${literal(path)} COMPRESSION 'none' ${settings}, ${ONE_THREAD} FORMAT ${target.format}`;
        await this.#others.with(async (client) => {
          await this.#exec(query, await this.#prepared(options), client);
          await this.#engineMemory.inserted(body.length, (statement) => this.#exec(statement, {}, client));
        });
      };
      return this.#retrying(options, () => body.read(read));
    }
    if (!(body instanceof PlainPieces)) throw new TypeError('a body of another connection');
    const query = `${into} ${settings} FORMAT ${target.format}`;
    await this.#retrying(options, () => body.send((pieces) => this.#send(query, pieces, options)));
  }

  /** Carries out a statement that takes long; an embedded engine gives back meanwhile what it keeps for later. */
  async longCommand(query: string, options: StatementOptions = {}): Promise<void> {
    const work = (): Promise<void> => this.command(query, options);
    if (!this.isEmbedded) return work();
    await this.#engineMemory.during(work, (statement) =>
      this.#others.with((client) => this.#exec(statement, {}, client)),
    );
  }

  /** The raw result of any query, in the format it names. */
  async *stream(query: string, options: OperationOptions = {}): AsyncIterable<Uint8Array> {
    try {
      const { stream } = await this.#client.exec({ query, ...abortSignal(options) });
      for await (const chunk of stream) yield chunk as Uint8Array;
    } catch (error) {
      throw this.#mapped(error);
    }
  }

  async close(): Promise<void> {
    const own = this.#aside === undefined ? [this.#client] : [this.#client, this.#aside];
    const clients = new Set([...own, ...this.#others.end()]);
    try {
      await allEnded([...clients].map((client) => client.close()));
    } finally {
      try {
        this.#insertFiles?.close();
      } finally {
        await this.#close();
      }
    }
  }

  async #send(query: string, body: readonly Buffer[], options: StatementOptions): Promise<void> {
    const values = Readable.from(body, { objectMode: false });
    const { stream } = await this.#client.exec({ query, values, ...(await this.#prepared(options)) });
    await drain(stream);
  }

  async #exec(query: string, parameters: StatementParameters, client = this.#client): Promise<void> {
    const { stream } = await client.exec({ query, ...parameters });
    await drain(stream);
  }

  /**
   * Carries out what goes before a statement, in a session that only one replica knows. With the
   * result the statement is refused elsewhere, with `SESSION_NOT_FOUND`, and both are sent again.
   */
  async #prepared({ settings, before = [], signal }: StatementOptions): Promise<StatementParameters> {
    const plain = { ...(settings === undefined ? {} : { clickhouse_settings: settings }), ...abortSignal({ signal }) };
    if (before.length === 0) return plain;
    const session = { session_id: randomUUID() };
    const checked = { ...plain, ...session, clickhouse_settings: { ...settings, session_check: '1' } };
    for (const [index, query] of before.entries()) {
      const first = { ...plain, ...session, clickhouse_settings: { ...settings, session_timeout: SESSION_SECONDS } };
      await this.#exec(query, index === 0 ? first : checked);
    }
    return checked;
  }

  #mapped(error: unknown): unknown {
    return clickHouseError(error, this.target, { wasReached: this.#wasReached });
  }

  async #retrying<T>(options: OperationOptions, attempt: () => Promise<T>): Promise<T> {
    let elsewhere = 0;
    for (let count = 1; ; count += 1) {
      options.signal?.throwIfAborted();
      try {
        const result = await attempt();
        this.#wasReached = true;
        return result;
      } catch (error) {
        options.signal?.throwIfAborted();
        if (serverCode(error) === SESSION_NOT_FOUND && elsewhere < ATTEMPTS_AT_ONE_REPLICA) {
          elsewhere += 1;
          count -= 1;
          continue;
        }
        const mapped = this.#mapped(error);
        if (count >= ATTEMPTS || !EtlError.isInstance(mapped) || !mapped.isRetryable) throw mapped;
        options.logger?.warn({ err: mapped.code, attempt: count }, 'statement failed, sending it again');
        await pause(Math.random() * this.#retryWaitMs * 2 ** count, options.signal);
      }
    }
  }
}

interface StatementParameters {
  readonly clickhouse_settings?: Readonly<Record<string, string>>;
  readonly session_id?: string;
  readonly abort_signal?: AbortSignal;
}

function abortSignal(options: OperationOptions): { abort_signal?: AbortSignal } {
  return options.signal === undefined ? {} : { abort_signal: options.signal };
}

async function drain(stream: Readable): Promise<void> {
  stream.resume();
  await finished(stream);
}

/** Waits, or throws the signal's reason as soon as it aborts. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener('abort', aborted, { once: true });
    function done(): void {
      signal?.removeEventListener('abort', aborted);
      resolve();
    }
    function aborted(): void {
      clearTimeout(timer);
      reject(signal?.reason);
    }
  });
}
