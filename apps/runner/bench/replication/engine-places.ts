import { join } from 'node:path';

/**
 * The directories of the engines, by name. None is removed before the end: for minutes ext4 looks past every inode
 * that was freed, and whoever makes files next would pay for what others have removed.
 */
export class EnginePlaces {
  readonly #directory: string;
  readonly #begun = new Map<string, number>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  of(engine: string): string {
    return join(this.#directory, `${engine}-${this.#begun.get(engine) ?? 0}`);
  }

  /** Another directory for it, without anything in it. */
  beginAnew(engine: string): string {
    this.#begun.set(engine, (this.#begun.get(engine) ?? 0) + 1);
    return this.of(engine);
  }
}
