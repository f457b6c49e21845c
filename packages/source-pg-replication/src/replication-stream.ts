import { EtlError } from '@etl/core';
import type { Client } from 'pg';
import type { Connector } from './connector.ts';
import { identifier, literal } from './identifier.ts';
import { formatLsn } from './lsn.ts';
import { pgError, sqlState } from './pg-error.ts';
import { MalformedMessage } from './malformed-message.ts';
import { PgoutputDecoder, type PgoutputMessage } from './pgoutput.ts';
import { COPY_DONE, KEEPALIVE, standbyStatus, XLOG_DATA, XLOG_DATA_HEADER_BYTES } from './replication-frame.ts';
import { serverError } from './server-message.ts';
import { slotLost, slotMissing } from './slot-error.ts';
import { TAG, WireSession } from './wire-session.ts';

/** How long the server may take to end the stream before the connection is cut. */
const STOP_TIMEOUT_MS = 2000;
const KEEPALIVE_REQUEST_MS = 150;

export interface ReplicationStreamOptions {
  readonly slot: string;
  readonly publication: string;
  /** First byte to decode from; changes committed before it are not sent. */
  readonly from: bigint;
  /** What the slot has confirmed; confirmed again and again until {@link ReplicationStream.confirm} says more. */
  readonly confirmed: bigint;
  readonly serverVersion: number;
  readonly statusIntervalMs: number;
  /** Longest time of waiting in which the server neither sends a change nor gets on in the log. */
  readonly silenceTimeoutMs: number;
  /** Asks for keepalives while waiting; needed where no fence message can be written. */
  readonly asksForKeepalives: boolean;
}

/** What comes out of a slot. */
export type ReplicationEvent =
  | PgoutputMessage
  /** The server has sent everything that was committed before `walEnd`. */
  | { readonly type: 'keepalive'; readonly walEnd: bigint };

/**
 * An open stream of changes. Confirms exactly what it is told, from a timer of its own, and reads
 * only when asked: a slow consumer stops the server without losing the connection.
 */
export class ReplicationStream {
  readonly #connector: Connector;
  readonly #client: Client;
  readonly #wire: WireSession;
  readonly #options: ReplicationStreamOptions;
  readonly #decoder = new PgoutputDecoder();
  readonly #timers: NodeJS.Timeout[] = [];
  /** Silence after which the server cuts the connection. */
  readonly #patienceMs: number;
  #confirmed: bigint;
  #walEnd = 0n;
  #isOpen = true;
  #waitingSince: number | undefined;

  /** Length of the last message on the wire. */
  lastBytes = 0;

  private constructor(connector: Connector, client: Client, options: ReplicationStreamOptions, patienceMs: number) {
    this.#connector = connector;
    this.#client = client;
    this.#wire = new WireSession(client, { isCoalesced: true });
    this.#options = options;
    this.#confirmed = options.confirmed;
    this.#patienceMs = patienceMs;
  }

  /**
   * Starts streaming on a fresh replication connection.
   *
   * @throws `PG_SLOT_IN_USE`, `PG_SLOT_MISSING`, `PG_SLOT_LOST`.
   */
  static async open(connector: Connector, options: ReplicationStreamOptions): Promise<ReplicationStream> {
    const client = await connector.connectReplication();
    try {
      const stream = new ReplicationStream(connector, client, options, await readPatience(client));
      await stream.#start();
      return stream;
    } catch (error) {
      connector.destroy(client);
      throw startError(error, options.slot);
    }
  }

  async #start(): Promise<void> {
    const { slot, publication, from, serverVersion, statusIntervalMs } = this.#options;
    const messages = serverVersion >= 140_000 ? `, messages 'true'` : '';
    this.#wire.query(
      `START_REPLICATION SLOT ${identifier(slot)} LOGICAL ${formatLsn(from)} ` +
        `(proto_version '1', publication_names ${literal(identifier(publication)).trim()}${messages})`,
    );
    while ((await this.#wire.nextAnswer()) !== TAG.copyBothResponse);
    this.#every(Math.min(statusIntervalMs, this.#patienceMs / 3), () => this.#sendStatus());
    this.#every(Math.min(1000, this.#options.silenceTimeoutMs), () => this.#checkSilence());
    if (this.#options.asksForKeepalives) this.#every(KEEPALIVE_REQUEST_MS, () => this.#sendStatus(true));
  }

  /**
   * The next event whose bytes are here already; `undefined` when {@link wait} has to fetch more. A
   * change is valid until the next call of either.
   *
   * @throws `PG_PROTOCOL_UNKNOWN_MESSAGE` (internal), naming the position.
   */
  take(): ReplicationEvent | undefined {
    const { scanner } = this.#wire;
    while (scanner.next()) {
      const { buffer, start, end, tag } = scanner;
      if (tag === TAG.error) throw streamError(serverError(buffer, start, end), this.#options);
      if (tag === TAG.copyDone) throw pgError(new Error('Connection terminated by the server'), 'reading the log');
      if (tag !== TAG.copyData) continue;
      if (buffer[start] === XLOG_DATA) {
        this.#heard();
        this.lastBytes = end - start;
        return this.#decode(buffer, start, end);
      }
      if (buffer[start] === KEEPALIVE) {
        const walEnd = buffer.readBigUInt64BE(start + 1);
        // A keepalive alone is no progress.
        if (walEnd > this.#walEnd) this.#heard();
        this.#walEnd = walEnd;
        if (buffer[start + 17] === 1) this.#sendStatus();
        return { type: 'keepalive', walEnd };
      }
    }
    return undefined;
  }

  #decode(buffer: Buffer, start: number, end: number): PgoutputMessage {
    try {
      return this.#decoder.decode(buffer, start + XLOG_DATA_HEADER_BYTES, end);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      throw malformed(error, buffer.readBigUInt64BE(start + 1));
    }
  }

  async wait(): Promise<void> {
    this.#waitingSince ??= Date.now();
    try {
      await this.#wire.fill();
    } catch (error) {
      throw pgError(error, 'reading the log');
    }
  }

  /** Confirms that everything before `lsn` is durable elsewhere; the server may forget it. */
  confirm(lsn: bigint): void {
    if (lsn > this.#confirmed) this.#confirmed = lsn;
    if (this.#isOpen) this.#sendStatus();
  }

  /** Ends the stream in order, so that the slot is free when this resolves. */
  async stop(): Promise<void> {
    if (!this.#isOpen) return;
    this.#close();
    this.#wire.send(COPY_DONE);
    const timer = setTimeout(() => this.#wire.destroy(), STOP_TIMEOUT_MS);
    try {
      do await this.#wire.next();
      while (this.#wire.scanner.tag !== TAG.readyForQuery);
      this.#wire.release();
      await this.#connector.close(this.#client);
    } catch {
      this.#connector.destroy(this.#client);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Cuts the stream off. */
  destroy(): void {
    this.#close();
    this.#wire.destroy();
    this.#connector.destroy(this.#client);
  }

  #close(): void {
    this.#isOpen = false;
    for (const timer of this.#timers) clearInterval(timer);
  }

  #heard(): void {
    this.#waitingSince = undefined;
  }

  #sendStatus(asksForReply = false): void {
    this.#wire.send(standbyStatus(this.#confirmed, { asksForReply }));
  }

  #checkSilence(): void {
    if (this.#waitingSince === undefined || Date.now() - this.#waitingSince < this.#options.silenceTimeoutMs) return;
    this.#wire.destroy(
      new EtlError({
        code: 'PG_STREAM_SILENT',
        kind: 'transient',
        message: `The server sent nothing of the log for ${Math.round(this.#options.silenceTimeoutMs / 1000)} s.`,
        hint: 'Look for long transactions and for the state of the walsender in pg_stat_replication.',
      }),
    );
  }

  #every(intervalMs: number, work: () => void): void {
    const timer = setInterval(work, intervalMs);
    timer.unref();
    this.#timers.push(timer);
  }
}

/** A big message keeps a request for a status waiting behind it, so the server's patience sets the pace. */
async function readPatience(client: Client): Promise<number> {
  const { rows } = await client.query<{ setting: string }>(
    "SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'",
  );
  const timeoutMs = Number(rows[0]?.setting ?? '0');
  return timeoutMs > 0 ? timeoutMs : Infinity;
}

function malformed({ message }: MalformedMessage, lsn: bigint): EtlError {
  return new EtlError({
    code: 'PG_PROTOCOL_UNKNOWN_MESSAGE',
    kind: 'internal',
    message: `The replication stream has ${message} near ${formatLsn(lsn)}.`,
    hint: 'Report it with the version of the server.',
  });
}

function startError(error: unknown, slot: string): EtlError {
  if (sqlState(error) === '42704') return slotMissing(slot);
  if (sqlState(error) === '55000') return slotLost(slot, (error as Error).message);
  return pgError(error, `starting replication from the slot ${slot}`);
}

function streamError(error: Error, options: ReplicationStreamOptions): EtlError {
  if (sqlState(error) === '42704' && /publication/.test(error.message)) {
    return new EtlError({
      code: 'PG_PUBLICATION_GONE',
      kind: 'state',
      message: `The publication ${options.publication} did not exist all the time since the last run.`,
      hint: 'Run again; its tables are copied anew. If that is not enough, run with --full-refresh of all streams.',
      cause: error,
      context: { repair: 'full-refresh' },
    });
  }
  if (sqlState(error) === '55000') return slotLost(options.slot, error.message);
  return pgError(error, `reading from the slot ${options.slot}`);
}
