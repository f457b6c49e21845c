import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { Random } from '../random.ts';
import { SchemaChanges } from './schema-change.ts';
import { transaction } from './transaction.ts';

const PAUSE_MS = 80;
const SCHEMA_PAUSE_MS = 2500;

/** Sessions that write at the same time, each on its own, whatever becomes of the server. */
export class Workload {
  readonly #connectionString: string;
  readonly #sources: readonly { readonly pauseMs: number; readonly next: () => string; readonly random: Random }[];
  #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  committed = 0;
  refused = 0;
  schemaChanges = 0;

  constructor(connectionString: string, seed: number, writers: number) {
    this.#connectionString = connectionString;
    const changes = new SchemaChanges(new Random(seed));
    const alterations = {
      pauseMs: SCHEMA_PAUSE_MS,
      random: new Random(seed + 1),
      next: (): string => {
        this.schemaChanges += 1;
        return changes.next();
      },
    };
    const sessions = Array.from({ length: writers }, (_, index) => {
      const random = new Random(seed + 2 + index);
      return { pauseMs: PAUSE_MS, random, next: () => transaction(random) };
    });
    this.#sources = [alterations, ...sessions];
  }

  start(): void {
    this.#stop = new AbortController();
    this.#running = Promise.all(this.#sources.map(async (source) => this.#write(source)));
  }

  /** Afterwards no transaction is open, and nothing is written. */
  async pause(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #write({ next, random, pauseMs }: { pauseMs: number; next: () => string; random: Random }): Promise<void> {
    let client: Client | undefined;
    while (!this.#stop.signal.aborted) {
      await delay(random.below(pauseMs));
      const sql = next();
      try {
        client ??= await this.#connect();
        await client.query(sql);
        this.committed += 1;
      } catch {
        // A key that is there already, a column that is gone, a deadlock, or a server that crashed.
        this.refused += 1;
        client = await afterFailure(client);
      }
    }
    await client?.end().catch(() => undefined);
  }

  async #connect(): Promise<Client> {
    const client = new Client({ connectionString: this.#connectionString, connectionTimeoutMillis: 5000 });
    client.on('error', () => undefined);
    await client.connect();
    await client.query(`SET lock_timeout = '2s'; SET deadlock_timeout = '100ms'`);
    return client;
  }
}

async function afterFailure(client: Client | undefined): Promise<Client | undefined> {
  try {
    await client?.query('ROLLBACK');
    return client;
  } catch {
    await client?.end().catch(() => undefined);
    return undefined;
  }
}
