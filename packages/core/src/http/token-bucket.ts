export interface TokenBucketOptions {
  /** How much may be taken at once after a pause. */
  readonly capacity: number;
  readonly refillPerSecond: number;
}

/** Allows `refillPerSecond` in the long run and `capacity` at once. */
export class TokenBucket {
  readonly #options: TokenBucketOptions;
  #level: number;
  #at: number;

  constructor(options: TokenBucketOptions, now: number) {
    if (!(options.capacity > 0) || !(options.refillPerSecond > 0)) {
      throw new RangeError('A token bucket needs a capacity and a refill above zero.');
    }
    this.#options = options;
    this.#level = options.capacity;
    this.#at = now;
  }

  /** Milliseconds until `cost` can be taken; more than the capacity is taken when the bucket is full. */
  waitMs(cost: number, now: number): number {
    this.#refill(now);
    const missing = Math.min(cost, this.#options.capacity) - this.#level;
    return missing <= 0 ? 0 : Math.ceil((missing / this.#options.refillPerSecond) * 1000);
  }

  /** May leave it below zero. */
  take(cost: number, now: number): void {
    this.#refill(now);
    this.#level -= cost;
  }

  state(now: number): { readonly level: number; readonly at: number } {
    this.#refill(now);
    return { level: this.#level, at: this.#at };
  }

  /** Never above what time has refilled: a state from another run only takes away. */
  restore(state: { readonly level: number; readonly at: number }, now: number): void {
    this.#refill(now);
    const refilled = state.level + (Math.max(0, now - state.at) / 1000) * this.#options.refillPerSecond;
    this.#level = Math.min(this.#level, refilled);
  }

  #refill(now: number): void {
    const gained = (Math.max(0, now - this.#at) / 1000) * this.#options.refillPerSecond;
    this.#level = Math.min(this.#options.capacity, this.#level + gained);
    this.#at = now;
  }
}
