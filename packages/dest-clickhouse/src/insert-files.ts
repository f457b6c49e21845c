import { randomUUID } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { PlainBody } from './plain-body.ts';

const PREFIX = 'etl-insert-';

/** Below it a file costs more than it saves. */
const LEAST_BYTES = 64 * 1024;
/** As many as are written by two lanes and read by two inserts. */
const MOST_FREE = 4;

/**
 * Files through which an embedded engine reads the rows of an insert itself. Given inline, they would
 * become one JavaScript string and then one of the engine's, parsed by one thread: twice the CPU.
 * They are scratch: a file means nothing once its insert has ended, so it is never flushed to the disk.
 */
export class InsertFiles {
  readonly #directory: string;
  readonly #free: OpenFile[] = [];
  #isOver = false;

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
    return new InsertFile(this, this.#free.pop() ?? newFile(this.#path()));
  }

  /** Nobody reads the file any more: it is written anew, which takes the system less than another file would. */
  giveBack(file: OpenFile): void {
    if (this.#isOver || this.#free.length >= MOST_FREE) removeFile(file);
    else this.#free.push(file);
  }

  /** Removes the files that are kept for later. */
  close(): void {
    this.#isOver = true;
    for (const file of this.#free.splice(0)) removeFile(file);
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

interface OpenFile {
  readonly path: string;
  readonly descriptor: number;
  /** Bytes that were written to it before. */
  length: number;
}

function newFile(path: string): OpenFile {
  return { path, descriptor: openSync(path, 'wx', 0o600), length: 0 };
}

function removeFile({ path, descriptor }: OpenFile): void {
  try {
    closeSync(descriptor);
  } finally {
    rmSync(path, { force: true });
  }
}

/** The rows of one insert, kept outside of this process's memory until it is made. */
export class InsertFile implements PlainBody {
  readonly #files: InsertFiles;
  readonly #file: OpenFile;
  #attempts = 0;
  #isAnswered = false;
  #isRemoved = false;
  length = 0;

  constructor(files: InsertFiles, file: OpenFile) {
    this.#files = files;
    this.#file = file;
  }

  write(bytes: Uint8Array): void {
    this.#requireOwn();
    for (let at = 0; at < bytes.length;) {
      const written = writeSync(this.#file.descriptor, bytes, at, bytes.length - at, this.length);
      at += written;
      this.length += written;
    }
  }

  close(): void {
    this.#requireOwn();
    if (this.#file.length > this.length) ftruncateSync(this.#file.descriptor, this.length);
    this.#file.length = this.length;
  }

  /** Lets `work` read it. A reading that failed may still be under way, and the engine maps what it reads. */
  async read(work: (path: string) => Promise<void>): Promise<void> {
    this.#requireOwn();
    this.#attempts += 1;
    await work(this.#file.path);
    this.#isAnswered = true;
  }

  remove(): void {
    if (this.#isRemoved) return;
    this.#isRemoved = true;
    const isUnread = this.#attempts === 0 || (this.#attempts === 1 && this.#isAnswered);
    this.#file.length = Math.max(this.#file.length, this.length);
    if (isUnread) this.#files.giveBack(this.#file);
    else removeFile(this.#file);
  }

  /** The file may be another insert's by now. */
  #requireOwn(): void {
    if (this.#isRemoved) throw new Error('the rows of this insert were given up');
  }
}

/** Removes what a killed process left. Only for who holds the directory. */
export function sweepInsertFiles(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (name.startsWith(PREFIX)) rmSync(join(directory, name), { force: true });
  }
}
