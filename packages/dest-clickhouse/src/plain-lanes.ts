import type { TextBatch } from '@etl/core';
import type { PlainBody } from './plain-body.ts';

/** Lines of plain text that go into staging with one insert. */
export interface PlainLines {
  readonly columns: readonly string[];
  readonly body: PlainBody;
  rows: number;
}

interface PlainLimits {
  readonly chunkRows: number;
  readonly chunkBytes: number;
}

/** Share of the usual size that the first body has. */
const FIRST_SHARE = 1 / 8;
/** From so many bodies on they are larger: of a huge table the many parts would take more memory than large inserts. */
const MANY_BODIES = 36;
const LARGE_SHARE = 3 / 2;

/** Lines of plain text on their way, in a body for each lane: what lies together at the source is stored together. */
export class PlainLanes {
  readonly #open = new Map<number, PlainLines>();
  readonly #limits: PlainLimits;
  readonly #create: () => PlainBody;
  #taken = 0;

  constructor(limits: PlainLimits, create: () => PlainBody) {
    this.#limits = limits;
    this.#create = create;
  }

  /** Adds the lines of a batch; what it yields is whole, and the caller's. */
  *add(columns: readonly string[], { bytes, rowCount, lane = 0 }: TextBatch): Generator<PlainLines, void, undefined> {
    if (this.#open.get(lane)?.columns !== columns) yield* this.take(lane);
    const lines = this.#open.get(lane) ?? { columns, body: this.#create(), rows: 0 };
    this.#open.set(lane, lines);
    lines.body.write(bytes);
    lines.rows += rowCount;
    if (lines.rows >= this.#limits.chunkRows || lines.body.length >= this.#mostBytes) yield* this.take(lane);
  }

  /** The body of a lane, if it has one: what comes next lies elsewhere, and belongs into another. */
  *take(lane = 0): Generator<PlainLines, void, undefined> {
    const lines = this.#open.get(lane);
    if (lines === undefined) return;
    this.#open.delete(lane);
    this.#taken += 1;
    yield lines;
  }

  *takeAll(): Generator<PlainLines, void, undefined> {
    for (const lane of this.#open.keys()) yield* this.take(lane);
  }

  discard(): void {
    for (const { body } of this.#open.values()) body.remove();
    this.#open.clear();
  }

  // A body begins to be read when it is whole: the first ones are small, so that nobody waits for them for long.
  get #mostBytes(): number {
    const share = this.#taken < MANY_BODIES ? Math.min(1, FIRST_SHARE * (this.#taken + 1)) : LARGE_SHARE;
    return Math.ceil(this.#limits.chunkBytes * share);
  }
}
