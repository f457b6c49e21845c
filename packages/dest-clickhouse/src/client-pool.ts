import type { ClickHouseClient } from '@clickhouse/client';

/** Clients for work that is done side by side, made when they are needed. */
export class ClientPool {
  readonly #connect: () => ClickHouseClient;
  readonly #clients = new Set<ClickHouseClient>();
  readonly #idle: ClickHouseClient[] = [];
  #isEnded = false;

  /** @param connect Makes a client, or returns one that all work shares. */
  constructor(connect: () => ClickHouseClient) {
    this.#connect = connect;
  }

  /** Does work with a client that no other work of this pool has meanwhile, unless all share one. */
  async with(work: (client: ClickHouseClient) => Promise<void>): Promise<void> {
    if (this.#isEnded) throw new TypeError('a statement after close');
    const client = this.#idle.pop() ?? this.#connect();
    this.#clients.add(client);
    try {
      await work(client);
    } finally {
      if (!this.#isEnded) this.#idle.push(client);
    }
  }

  /** Lends no client any more, and returns those that it had. */
  end(): readonly ClickHouseClient[] {
    this.#isEnded = true;
    this.#idle.length = 0;
    const clients = [...this.#clients];
    this.#clients.clear();
    return clients;
  }
}
