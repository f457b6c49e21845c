/**
 * Bytes of rows that are inserted before freed memory is given back: most often one insert. It takes the engine a few
 * milliseconds, a fiftieth of its CPU; four times as many bytes would be 10 MB more at the highest.
 */
const RELEASE_AFTER_BYTES = 4 * 1024 * 1024;

/**
 * What an embedded engine has freed and keeps for later. It would hand it back to the system five seconds after,
 * when most runs have ended: until then a run grows with each of its inserts.
 */
export class EngineMemory {
  #insertedBytes = 0;
  #isKept = false;

  /** An insert of so many bytes has ended. */
  async inserted(bytes: number, execute: (statement: string) => Promise<void>): Promise<void> {
    this.#insertedBytes += bytes;
    if (this.#insertedBytes >= RELEASE_AFTER_BYTES) await this.release(execute);
  }

  /** Hands back what is free now. Never fails: an engine with another allocator refuses it, and is asked once. */
  async release(execute: (statement: string) => Promise<void>): Promise<void> {
    this.#insertedBytes = 0;
    if (this.#isKept) return;
    try {
      await execute('SYSTEM JEMALLOC PURGE');
    } catch {
      // Rows do not depend on it, and if the engine is gone the next statement will say so.
      this.#isKept = true;
    }
  }
}
