import type { BinaryBatch, TextBatch } from '@etl/core';
import type { PlainBody } from './plain-body.ts';
import type { PlainForm } from './plain-form.ts';

/** Rows that go into staging with one insert, as they came. */
export interface PlainLines {
  readonly form: PlainForm;
  readonly body: PlainBody;
  rows: number;
}

/** Rows that need not be looked at any more. */
export type PlainBatch = Pick<TextBatch | BinaryBatch, 'bytes' | 'rowCount' | 'lane'>;

interface PlainLimits {
  readonly chunkRows: number;
  readonly chunkBytes: number;
}

/** Share of the usual size that the first body has. */
const FIRST_SHARE = 1 / 8;

/** Rows on their way that go to the engine as they came, in a body for each lane: what lies together at the source is stored together. */
export class PlainLanes {
  readonly #open = new Map<number, PlainLines>();
  readonly #limits: PlainLimits;
  readonly #create: () => PlainBody;
  #taken = 0;

  constructor(limits: PlainLimits, create: () => PlainBody) {
    this.#limits = limits;
    this.#create = create;
  }

  /** Adds the rows of a batch; what it yields is whole, and the caller's. */
  *add(form: PlainForm, { bytes, rowCount, lane = 0 }: PlainBatch): Generator<PlainLines, void, undefined> {
    if (this.#open.get(lane)?.form !== form) yield* this.take(lane);
    const lines = this.#open.get(lane) ?? { form, body: this.#create(), rows: 0 };
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
    const share = Math.min(1, FIRST_SHARE * (this.#taken + 1));
    return Math.ceil(this.#limits.chunkBytes * share);
  }
}
