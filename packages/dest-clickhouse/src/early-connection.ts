import type { Connection } from './connection.ts';

/** A connection that is opened before anybody asks for it, and is theirs who ask first. */
export class EarlyConnection {
  readonly #stop = new AbortController();
  readonly #opening: Promise<Connection>;

  constructor(open: (signal: AbortSignal) => Promise<Connection>) {
    this.#opening = open(this.#stop.signal);
    // Whoever takes it is told.
    this.#opening.catch(() => undefined);
  }

  /** @throws why it could not be opened, or the signal's reason. */
  async take(signal: AbortSignal | undefined): Promise<Connection> {
    const stop = (): void => this.#stop.abort(signal?.reason);
    if (signal?.aborted === true) stop();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await this.#opening;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Nobody has taken it, and nobody waits for a server that does not answer. */
  async close(): Promise<void> {
    this.#stop.abort();
    const connection = await this.#opening.catch(() => undefined);
    await connection?.close();
  }
}
