import type { StreamMemory } from '@etl/core';
import { z } from 'zod';

/** How many objects of a page the platform gives for an account, once it said that fewer have to be asked for. */
export class LearnedPageSize {
  readonly #memory: StreamMemory | undefined;
  readonly #key: string;
  #smaller: number | undefined;

  constructor(memory: StreamMemory | undefined, list: string) {
    this.#memory = memory;
    this.#key = `page-size/${list}`;
  }

  /** What to begin with: what was learned, but never more than what is configured now. */
  async first(configured: number): Promise<number> {
    const learned = z
      .int()
      .min(1)
      .max(configured)
      .safeParse(await this.#memory?.get(this.#key));
    return learned.data ?? configured;
  }

  /** For a list's `onPageSize`. */
  readonly learn = (size: number): void => {
    this.#smaller = size;
  };

  async save(): Promise<void> {
    if (this.#smaller !== undefined) await this.#memory?.set(this.#key, this.#smaller);
  }
}
