import type { TextBatch } from '@etl/core';
import type { InsertFile } from './insert-files.ts';

/** Lines of plain text that go into staging with one insert. */
export interface PlainFile {
  readonly columns: readonly string[];
  readonly file: InsertFile;
  rows: number;
}

interface PlainLimits {
  readonly chunkRows: number;
  readonly chunkBytes: number;
}

/** Share of the usual size that the first file has. */
const FIRST_SHARE = 1 / 8;
/** From so many files on they are larger: of a huge table the many parts would take more memory than large inserts. */
const MANY_FILES = 36;
const LARGE_SHARE = 3 / 2;

/** Lines of plain text on their way, in a file for each lane: what lies together at the source is stored together. */
export class PlainLanes {
  readonly #files = new Map<number, PlainFile>();
  readonly #limits: PlainLimits;
  readonly #open: () => InsertFile;
  #taken = 0;

  constructor(limits: PlainLimits, open: () => InsertFile) {
    this.#limits = limits;
    this.#open = open;
  }

  /** Adds the lines of a batch; what it yields is whole, and the caller's. */
  *add(columns: readonly string[], { bytes, rowCount, lane = 0 }: TextBatch): Generator<PlainFile, void, undefined> {
    if (this.#files.get(lane)?.columns !== columns) yield* this.take(lane);
    const lines = this.#files.get(lane) ?? { columns, file: this.#open(), rows: 0 };
    this.#files.set(lane, lines);
    lines.file.write(bytes);
    lines.rows += rowCount;
    if (lines.rows >= this.#limits.chunkRows || lines.file.length >= this.#mostBytes) yield* this.take(lane);
  }

  /** The file of a lane, if it has one: what comes next lies elsewhere, and belongs into another. */
  *take(lane = 0): Generator<PlainFile, void, undefined> {
    const lines = this.#files.get(lane);
    if (lines === undefined) return;
    this.#files.delete(lane);
    this.#taken += 1;
    yield lines;
  }

  *takeAll(): Generator<PlainFile, void, undefined> {
    for (const lane of this.#files.keys()) yield* this.take(lane);
  }

  discard(): void {
    for (const { file } of this.#files.values()) file.remove();
    this.#files.clear();
  }

  // A file begins to be read when it is whole: the first ones are small, so that nobody waits for them for long.
  get #mostBytes(): number {
    const share = this.#taken < MANY_FILES ? Math.min(1, FIRST_SHARE * (this.#taken + 1)) : LARGE_SHARE;
    return Math.ceil(this.#limits.chunkBytes * share);
  }
}
