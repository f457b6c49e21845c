/** One insert: what it takes to make it, and what it holds until it is made or given up. */
export interface QueuedInsert {
  run(): Promise<void>;
  /** Called once it was taken, whether it was run or not. */
  release?(): void;
}

/** Inserts on their way, a few at once and in the order in which they came. */
export class InsertQueue {
  readonly #atOnce: number;
  readonly #waiting: QueuedInsert[] = [];
  #running = 0;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** How many inserts are not made yet. */
  get #unmade(): number {
    return this.#running + this.#waiting.length;
  }

  /** Takes an insert as soon as at most `unmade` others are not made yet. @throws why an earlier one failed, and leaves it. */
  async add(insert: QueuedInsert, unmade: number): Promise<void> {
    await this.#until(unmade);
    this.#waiting.push(insert);
    this.#start();
  }

  /** Resolves when all are made. @throws why one of them failed; nothing runs any more then. */
  async idle(): Promise<void> {
    await this.#until(0);
  }

  /** Gives up what has not begun, and forgets what has failed. Resolves when nothing runs any more. */
  async clear(): Promise<void> {
    this.#drop();
    while (this.#running > 0) await this.#change();
    this.#failure = undefined;
  }

  async #until(unmade: number): Promise<void> {
    // What was begun ends before anybody hears of a failure: it still reads what it was given.
    while (this.#failure === undefined ? this.#unmade > unmade : this.#running > 0) await this.#change();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #start(): void {
    while (this.#running < this.#atOnce) {
      const insert = this.#waiting.shift();
      if (insert === undefined) return;
      this.#running += 1;
      void this.#make(insert);
    }
  }

  async #make(insert: QueuedInsert): Promise<void> {
    try {
      await insert.run();
    } catch (error) {
      this.#failure ??= { error };
      this.#drop();
    } finally {
      insert.release?.();
      this.#running -= 1;
    }
    this.#start();
    for (const wake of this.#wake.splice(0)) wake();
  }

  #drop(): void {
    for (const insert of this.#waiting.splice(0)) insert.release?.();
  }
}
