import { Changes } from './changes.ts';

/** Lets a few works run at once, in the order in which they came. Works end without an error: theirs is to keep it. */
export class InsertQueue {
  readonly #atOnce: number;
  readonly #waiting: (() => Promise<void>)[] = [];
  readonly #changes = new Changes();
  #running = 0;

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Works that run or wait. */
  get unfinished(): number {
    return this.#running + this.#waiting.length;
  }

  /** Resolves when a work has ended. */
  change(): Promise<void> {
    return this.#changes.next();
  }

  run(work: () => Promise<void>): void {
    this.#waiting.push(work);
    this.#start();
  }

  #start(): void {
    while (this.#running < this.#atOnce) {
      const work = this.#waiting.shift();
      if (work === undefined) return;
      this.#running += 1;
      void work().finally(() => {
        this.#running -= 1;
        this.#start();
        this.#changes.happened();
      });
    }
  }
}
