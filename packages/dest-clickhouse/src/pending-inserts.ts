import { Changes } from './changes.ts';
import type { InsertQueue } from './insert-queue.ts';
import { unlessAborted } from './unless-aborted.ts';

/** One insert: what it takes to make it, and what it holds. */
export interface PendingInsert {
  run(): Promise<void>;
  /** Gives up what it holds. Called once, after {@link run} or instead of it. */
  release?(): void;
}

/** The inserts of one staging table that are not made yet. After the first that fails none begins. */
export class PendingInserts {
  readonly #waiting = new Set<PendingInsert>();
  readonly #changes = new Changes();
  #running = 0;
  /** How often all were given up. */
  #cleared = 0;
  #failure: { readonly error: unknown } | undefined;

  /** Begins an insert. @throws why an earlier one failed, and leaves this one to the caller. */
  begin(insert: PendingInsert): void {
    this.#take(insert);
    void this.#make(insert);
  }

  /**
   * Begins an insert when it is its turn among those of other tables. Resolves at once when at most `unfinished` of
   * them all are not made yet; else it waits for that first. @throws as {@link begin}, the signal's reason, and when all
   * were given up.
   */
  async enqueue(insert: PendingInsert, queue: InsertQueue, unfinished: number, signal?: AbortSignal): Promise<void> {
    const cleared = this.#cleared;
    // Between looking and taking nothing may happen.
    while (queue.unfinished > unfinished) {
      await unlessAborted(Promise.race([queue.change(), this.#changes.next()]), signal);
      if (this.#cleared !== cleared) throw new Error('the inserts were given up');
      this.#requireSound();
    }
    this.#take(insert);
    queue.run(() => this.#make(insert));
  }

  /** Resolves when all are made. @throws why one of them failed; nothing runs any more then. */
  async idle(): Promise<void> {
    // What was begun ends before anybody hears of a failure: it still reads what it was given.
    while (this.#running + this.#waiting.size > 0) await this.#changes.next();
    this.#requireSound();
  }

  /** Gives up what has not begun, and forgets what has failed. Resolves when nothing runs any more. */
  async clear(): Promise<void> {
    this.#cleared += 1;
    this.#giveUp();
    while (this.#running > 0) await this.#changes.next();
    this.#failure = undefined;
  }

  #take(insert: PendingInsert): void {
    this.#requireSound();
    this.#waiting.add(insert);
  }

  #requireSound(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #make(insert: PendingInsert): Promise<void> {
    // It may have been given up while it waited for its turn.
    if (!this.#waiting.delete(insert)) return;
    this.#running += 1;
    try {
      await insert.run();
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#release(insert);
    if (this.#failure !== undefined) this.#giveUp();
    this.#running -= 1;
    this.#changes.happened();
  }

  #giveUp(): void {
    for (const insert of this.#waiting) {
      this.#waiting.delete(insert);
      this.#release(insert);
    }
    this.#changes.happened();
  }

  #release(insert: PendingInsert): void {
    try {
      insert.release?.();
    } catch (error) {
      this.#failure ??= { error };
    }
  }
}
