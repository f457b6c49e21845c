import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { PlainBody } from './plain-body.ts';

const PREFIX = 'etl-insert-';

/** Below it a file costs more than it saves. */
const LEAST_BYTES = 64 * 1024;

/**
 * Files through which an embedded engine reads the rows of an insert itself. Given inline, they would
 * become one JavaScript string and then one of the engine's, parsed by one thread: twice the CPU.
 * They are scratch: a file means nothing once its insert has ended, so it is never flushed to the disk.
 */
export class InsertFiles {
  readonly #directory: string;

  /** @param directory The engine's own: whoever may read it may read the rows anyway. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The engine takes these characters in a path for a pattern. */
  static canBeIn(directory: string): boolean {
    return !/[*?{}]/.test(directory);
  }

  pays(body: Buffer): boolean {
    return body.length >= LEAST_BYTES;
  }

  /** A file to be written bit by bit. */
  open(): InsertFile {
    return new InsertFile(this.#path());
  }

  #path(): string {
    return join(this.#directory, `${PREFIX}${randomUUID()}`);
  }

  /** Lets `work` read a file of the bytes, and removes it. */
  async with(body: Buffer, work: (path: string) => Promise<void>): Promise<void> {
    const path = this.#path();
    try {
      // At once: it is a copy in memory, and the threads that would make it are those that the engine works in.
      writeFileSync(path, body, { mode: 0o600, flag: 'wx' });
      await work(path);
    } finally {
      rmSync(path, { force: true });
    }
  }
}

/** The rows of one insert, kept outside of this process's memory until it is made. */
export class InsertFile implements PlainBody {
  readonly path: string;
  readonly #descriptor: number;
  #isOpen = true;
  length = 0;

  constructor(path: string) {
    this.path = path;
    this.#descriptor = openSync(path, 'wx', 0o600);
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += writeSync(this.#descriptor, bytes, at);
    this.length += bytes.length;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#descriptor);
  }

  remove(): void {
    try {
      this.close();
    } finally {
      rmSync(this.path, { force: true });
    }
  }
}

/** Removes what a killed process left. Only for who holds the directory. */
export function sweepInsertFiles(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (name.startsWith(PREFIX)) rmSync(join(directory, name), { force: true });
  }
}
