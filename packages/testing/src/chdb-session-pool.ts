import { createRequire } from 'node:module';

export type ChdbSession = InstanceType<(typeof import('chdb'))['Session']>;

export interface ChdbSessionPoolOptions {
  readonly path: string;
  readonly configFile?: string | undefined;
  readonly concurrency?: number | undefined;
}

/**
 * Sessions of the embedded engine on one directory, one per statement that is under way: a session
 * carries its statements out one after the other, several ones theirs at the same time. How many are
 * really computed at once is bounded by the threads of libuv as well (`UV_THREADPOOL_SIZE`, 4).
 */
export class ChdbSessionPool {
  readonly #options: ChdbSessionPoolOptions;
  readonly #all: ChdbSession[] = [];
  readonly #idle: ChdbSession[] = [];
  readonly #waiting: ((session: ChdbSession) => void)[] = [];
  readonly #busy = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(options: ChdbSessionPoolOptions) {
    this.#options = options;
    // Opened at once, so that a directory that cannot be opened is told at the start.
    this.#idle.push(this.#open());
  }

  /** Carries work out with a session of its own; waits for one when all are busy. */
  use<T>(work: (session: ChdbSession) => Promise<T>): Promise<T> {
    const done = this.#use(work);
    const settled = done.then(
      () => undefined,
      () => undefined,
    );
    this.#busy.add(settled);
    void settled.then(() => this.#busy.delete(settled));
    return done;
  }

  async #use<T>(work: (session: ChdbSession) => Promise<T>): Promise<T> {
    const session = await this.#take();
    try {
      return await work(session);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(session);
      else next(session);
    }
  }

  async #take(): Promise<ChdbSession> {
    if (this.#isClosed) throw new Error('the engine is closed');
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#all.length < (this.#options.concurrency ?? 8)) return this.#open();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #open(): ChdbSession {
    const { Session } = createRequire(import.meta.url)('chdb') as typeof import('chdb');
    const { path, configFile } = this.#options;
    const session = new Session(
      path,
      configFile === undefined ? {} : { connectionArgs: [`--config-file=${configFile}`] },
    );
    this.#all.push(session);
    return session;
  }

  /** Waits for what is under way; nothing begins any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#busy.size > 0) await Promise.all(this.#busy);
    for (const session of this.#all.splice(0)) session.close();
  }
}
