import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { FrameScanner } from './frame-scanner.ts';
import { ReadRest } from './read-rest.ts';
import { serverError } from './server-message.ts';
import { SteadySocket } from './steady-socket.ts';

/** Reads wait until at most this much is unread, which is the back-pressure on the server. */
const MAX_QUEUED_BYTES = 512 * 1024;

export const TAG = {
  copyBothResponse: 0x57,
  copyOutResponse: 0x48,
  copyData: 0x64,
  copyDone: 0x63,
  commandComplete: 0x43,
  readyForQuery: 0x5a,
  error: 0x45,
  notice: 0x4e,
  parameterStatus: 0x53,
} as const;

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

export interface WireOptions {
  /** Rests between reads of little: see {@link ReadRest}. */
  readonly isCoalesced?: boolean;
}

/**
 * The raw protocol on the socket of an idle `pg` client, which has done address, TLS and
 * authentication. `pg` gets the socket back with {@link release}.
 */
export class WireSession {
  readonly scanner = new FrameScanner();
  readonly #socket: Duplex;
  readonly #rest: ReadRest | undefined;
  /** Whether the memory of a read is used again for the next one. */
  readonly #isSteady: boolean;
  readonly #ofClient: ((...args: unknown[]) => void)[];
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  #readAt = performance.now();
  #failure: Error | undefined;
  #waiter: Waiter | undefined;
  #filling: Promise<void> | undefined;

  constructor(client: Client, options: WireOptions = {}) {
    this.#rest = options.isCoalesced === true ? new ReadRest() : undefined;
    this.#socket = (client as unknown as { connection: { stream: Duplex } }).connection.stream;
    this.#socket.pause();
    this.#ofClient = this.#socket.listeners('data') as ((...args: unknown[]) => void)[];
    this.#socket.removeAllListeners('data');
    this.#isSteady = this.#socket instanceof SteadySocket;
    if (this.#socket instanceof SteadySocket) this.#socket.readWith(this.#onData);
    else this.#socket.on('data', this.#onData);
    this.#socket.on('close', this.#onClose);
    this.#socket.on('error', this.#onError);
    // Of one that is closed already nobody is told any more.
    if (this.#socket.destroyed) this.#onClose();
  }

  send(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** Sends a simple query. */
  query(sql: string): void {
    const text = Buffer.from(sql, 'utf8');
    const message = Buffer.alloc(text.length + 6);
    message.write('Q', 0, 'latin1');
    message.writeInt32BE(text.length + 5, 1);
    text.copy(message, 5);
    this.send(message);
  }

  /** Waits until a whole message stands in the scanner. Throws what the connection failed with. */
  async next(): Promise<void> {
    while (!this.scanner.next()) await this.fill();
  }

  /**
   * Like {@link next}, for the messages of the query's protocol: skips notices, throws the server's
   * error.
   */
  async nextAnswer(): Promise<number> {
    for (;;) {
      await this.next();
      const { tag } = this.scanner;
      if (tag === TAG.error) this.currentError();
      if (tag !== TAG.notice && tag !== TAG.parameterStatus) return tag;
    }
  }

  /** Throws the error that the current message holds. */
  currentError(): never {
    const { buffer, start, end } = this.scanner;
    throw serverError(buffer, start, end);
  }

  /** Gives the socket back; only between queries, when nothing comes that nobody has asked for. */
  release(): void {
    this.#detach();
    for (const listener of this.#ofClient) this.#socket.on('data', listener);
    this.#socket.resume();
  }

  /** Ends the session with an error for whoever waits on it. */
  destroy(error: Error = new Error('connection closed')): void {
    this.#detach();
    // A late error of the socket has nobody left whom it concerns.
    this.#socket.on('error', () => undefined);
    this.#socket.destroy();
    this.#fail(error);
  }

  /** Waits for bytes and puts them into the scanner. Who calls while another waits, waits with it. */
  async fill(): Promise<void> {
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = undefined;
    });
    return this.#filling;
  }

  async #fill(): Promise<void> {
    const restMs = this.#rest?.ms ?? 0;
    if (restMs > 0 && this.#failure === undefined) {
      // Inside of TLS each message is a record, and a read of its own: they are collected meanwhile.
      if (!this.#isSteady) this.#socket.resume();
      await delay(restMs);
    }
    if (this.#queue.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve, reject) => {
        if (this.#failure !== undefined) {
          reject(this.#failure);
          return;
        }
        this.#waiter = { resolve, reject };
        this.scanner.keep();
        this.#socket.resume();
      });
    }
    let read = 0;
    for (const chunk of this.#queue) {
      read += chunk.length;
      this.scanner.push(chunk);
    }
    const now = performance.now();
    this.#rest?.read(read, now - this.#readAt);
    this.#readAt = now;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    if ((this.#rest !== undefined && this.#isSteady) || this.#queuedBytes >= MAX_QUEUED_BYTES) this.#socket.pause();
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.resolve();
  };

  readonly #onClose = (): void => {
    this.#fail(new Error('Connection terminated unexpectedly'));
  };

  readonly #onError = (error: Error): void => {
    this.#fail(error);
  };

  #fail(error: Error): void {
    this.#failure ??= error;
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.reject(this.#failure);
  }

  #detach(): void {
    this.#socket.pause();
    if (this.#socket instanceof SteadySocket) this.#socket.readWith(undefined);
    this.#socket.off('data', this.#onData);
    this.#socket.off('close', this.#onClose);
    this.#socket.off('error', this.#onError);
  }
}
