import { serverCode } from './clickhouse-error.ts';

/**
 * Bytes of rows that are inserted before freed memory is given back: most often one insert. It takes the engine a few
 * milliseconds, and what comes next has to get its memory anew.
 */
const RELEASE_AFTER_BYTES = 4 * 1024 * 1024;
/** Where inserts follow each other as fast as these, that is a twentieth of all their CPU. */
const BUSY_MS = 300;
/** Then so many bytes go before: two inserts, so that the highest is what two hold and what two have left. */
const RELEASE_AFTER_BYTES_WHEN_BUSY = 8 * 1024 * 1024;
/** How often a merge gives back what it has freed: it goes through one column after the other. */
const RELEASE_EVERY_MS = 100;

/**
 * What an embedded engine has freed and keeps for later. It would hand it back to the system five seconds after,
 * when most runs have ended: until then a run grows with each of its inserts.
 */
export class EngineMemory {
  readonly #now: () => number;
  #insertedBytes = 0;
  #releasedAt = Number.NEGATIVE_INFINITY;
  #isKept = false;

  /** @param now A clock in milliseconds. */
  constructor(now = (): number => performance.now()) {
    this.#now = now;
  }

  /** An insert of so many bytes has ended. */
  async inserted(bytes: number, execute: (statement: string) => Promise<void>): Promise<void> {
    this.#insertedBytes += bytes;
    const isBusy = this.#now() - this.#releasedAt < BUSY_MS;
    const limit = isBusy ? RELEASE_AFTER_BYTES_WHEN_BUSY : RELEASE_AFTER_BYTES;
    if (this.#insertedBytes >= limit) await this.release(execute);
  }

  /** Does work that takes long, and hands back before and meanwhile what is free. */
  async during<T>(work: () => Promise<T>, execute: (statement: string) => Promise<void>): Promise<T> {
    await this.release(execute);
    let releasing: Promise<void> | undefined;
    const timer = setInterval(() => {
      releasing ??= this.release(execute).finally(() => (releasing = undefined));
    }, RELEASE_EVERY_MS);
    try {
      return await work();
    } finally {
      clearInterval(timer);
      await releasing;
    }
  }

  /** Hands back what is free now. Never fails: an engine with another allocator refuses it, and is asked once. */
  async release(execute: (statement: string) => Promise<void>): Promise<void> {
    this.#insertedBytes = 0;
    this.#releasedAt = this.#now();
    if (this.#isKept) return;
    try {
      await execute('SYSTEM JEMALLOC PURGE');
    } catch (error) {
      // Rows do not depend on it, and if the engine is gone the next statement will say so.
      this.#isKept ||= serverCode(error) !== undefined;
    }
  }
}
