import type { StreamMemory } from '@etl/core';
import type { Clock } from '@etl/core/http';
import { z } from 'zod';

const DAY_MS = 86_400_000;
/** However often an account refused twice as much, it is asked again after so long. */
const LONGEST_WAIT_MS = 8 * DAY_MS;

const learnedSchema = z.object({
  size: z.int().min(1),
  /** When the size was learned, milliseconds since the epoch. */
  at: z.number(),
  /** How long it is kept before twice as much is tried. */
  waitMs: z.number().min(DAY_MS).max(LONGEST_WAIT_MS),
});
type Learned = z.output<typeof learnedSchema>;

/**
 * How many objects of a page the platform gives for an account, once it said that fewer have to be asked for.
 *
 * What was too much once need not be for ever: twice as many are tried after a day. When they are given, that is
 * what is learned; when not, the next attempt is made after two days, then four, then eight, so that an account that
 * stays heavy costs one refused request in eight days, and none in between.
 */
export class LearnedPageSize {
  readonly #memory: StreamMemory | undefined;
  readonly #key: string;
  readonly #clock: Pick<Clock, 'now'>;
  #learned: Learned | undefined;
  #configured = Infinity;
  /** Twice what was learned, when it is tried. */
  #trial: number | undefined;
  #refused: number | undefined;

  constructor(memory: StreamMemory | undefined, list: string, clock: Pick<Clock, 'now'>) {
    this.#memory = memory;
    this.#key = `page-size/${list}`;
    this.#clock = clock;
  }

  /** What to begin with: what was learned, but never more than what is configured now. */
  async first(configured: number): Promise<number> {
    this.#configured = configured;
    this.#learned = await this.#restored();
    const { size = configured, at = 0, waitMs = 0 } = this.#learned ?? {};
    if (size >= configured) return configured;
    this.#trial = this.#clock.now() - at >= waitMs ? Math.min(size * 2, configured) : undefined;
    return this.#trial ?? size;
  }

  /** For a list's `onPageSize`: the platform refused more than this. */
  readonly learn = (size: number): void => {
    this.#refused = Math.min(size, this.#refused ?? Infinity);
  };

  /** Once the list is read to its end: only then it is known what the platform gives. */
  async save(): Promise<void> {
    const at = this.#clock.now();
    const { size = 1, waitMs = DAY_MS } = this.#learned ?? {};
    if (this.#refused !== undefined) {
      // Refused once, the trial says nothing against what was good before.
      const isTrialOnly = this.#trial !== undefined && this.#refused === Math.floor(this.#trial / 2);
      await this.#set({
        size: isTrialOnly ? Math.max(size, this.#refused) : this.#refused,
        at,
        waitMs: this.#trial === undefined ? DAY_MS : Math.min(waitMs * 2, LONGEST_WAIT_MS),
      });
    } else if (this.#trial !== undefined) {
      await this.#set(this.#trial === this.#configured ? undefined : { size: this.#trial, at, waitMs: DAY_MS });
    }
  }

  async #restored(): Promise<Learned | undefined> {
    const stored = await this.#memory?.get(this.#key);
    // As it was stored before it was known since when.
    const size = z.int().min(1).safeParse(stored).data;
    if (size !== undefined) return { size, at: 0, waitMs: DAY_MS };
    return learnedSchema.safeParse(stored).data;
  }

  async #set(learned: Learned | undefined): Promise<void> {
    this.#learned = learned;
    this.#trial = undefined;
    this.#refused = undefined;
    await this.#memory?.set(this.#key, learned === undefined ? null : { ...learned });
  }
}
