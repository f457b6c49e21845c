import type { Client } from 'pg';

/** A session that is open, or on its way, before anybody needs it. One at most. */
export class SpareSession {
  /** Idle. */
  #left: Client | undefined;
  #expected: Promise<Client | undefined> | undefined;

  /** Keeps an idle session for {@link take}. */
  leave(client: Client): void {
    this.#left = client;
  }

  /** Begins to open one, unless one is expected already. Why it fails, who takes it finds out by asking anew. */
  expect(open: () => Promise<Client>): void {
    this.#expected ??= open().catch(() => undefined);
  }

  /** The session, once; `undefined` where there is none, or could be none. It may have died meanwhile. */
  async take(): Promise<Client | undefined> {
    const spare = this.#left ?? this.#expected;
    if (spare === this.#left) this.#left = undefined;
    else this.#expected = undefined;
    return spare;
  }

  /** Gives the session up to who closes it. Waits for none that is still on its way. */
  async drop(close: (client: Client) => Promise<void>): Promise<void> {
    const [left, expected] = [this.#left, this.#expected];
    this.#left = undefined;
    this.#expected = undefined;
    void expected?.then((client) => (client === undefined ? undefined : close(client)));
    if (left !== undefined) await close(left);
  }
}
