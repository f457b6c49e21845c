export interface Duration {
  readonly days?: number;
  readonly hours?: number;
  readonly minutes?: number;
  readonly seconds?: number;
}

/**
 * The time of the sandbox. It stands still until it is advanced, unless it was given a speed: seconds of the
 * sandbox per real second.
 */
export class LogicalClock {
  #base: number;
  #startedAt = performance.now();
  readonly #speed: number;

  constructor(now: Date, speed = 0) {
    this.#base = now.getTime();
    this.#speed = speed;
    if (Number.isNaN(this.#base)) throw new RangeError('The time of the sandbox is not a valid date.');
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#base + Math.floor((performance.now() - this.#startedAt) * this.#speed);
  }

  advance({ days = 0, hours = 0, minutes = 0, seconds = 0 }: Duration): void {
    this.set(this.now() + (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000);
  }

  set(now: number): void {
    if (!Number.isFinite(now)) throw new RangeError('The time of the sandbox is not a valid date.');
    if (now < this.now()) throw new RangeError('The time of the sandbox goes forward only.');
    this.#base = now;
    this.#startedAt = performance.now();
  }
}
