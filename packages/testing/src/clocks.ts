import type { Clock } from '@etl/core/http';

const NOON = Date.UTC(2026, 10, 24, 12);

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is told to go on: for tests of what happens while something waits. */
export class FakeClock implements Clock {
  readonly #timers = new Set<Timer>();
  #now: number;
  #onTimer: (() => void) | undefined;

  /** `now`: milliseconds since the epoch. Default: noon of a day in November. */
  constructor(now: number | Date = NOON) {
    this.#now = Number(now);
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    this.#onTimer?.();
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Milliseconds until each timer that is set, the next one first. */
  get pending(): readonly number[] {
    return [...this.#timers].map(({ at }) => at - this.#now).toSorted((a, b) => a - b);
  }

  /** Resolves once a timer of this many milliseconds from now is set. */
  async untilTimer(delayMs: number): Promise<void> {
    while (!this.pending.includes(delayMs)) {
      await new Promise<void>((resolve) => {
        this.#onTimer = resolve;
      });
    }
  }

  /** Lets time pass; timers fire in their order, each at its own time. */
  advance(byMs: number): void {
    const until = this.#now + byMs;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = until;
  }
}

export interface HastyClockOptions {
  /** Milliseconds since the epoch. Default: noon of a day in November. */
  readonly now?: number | Date;
  /** Delays from here on are limits of time, not pauses. @default 60000 */
  readonly longMs?: number;
  /** How many times as fast as the machine's clock limits pass. @default 200 */
  readonly speed?: number;
}

/**
 * A clock on which every pause is over at once, and which remembers how long each was: for suites
 * that meet hundreds of retries. Limits of time, which are longer than any pause, pass too, only faster
 * than on the machine's clock, and in their order.
 */
export class HastyClock implements Clock {
  /** Milliseconds of each pause, in order. */
  readonly waits: number[] = [];
  readonly #longMs: number;
  readonly #speed: number;
  #now: number;

  constructor({ now = NOON, longMs = 60_000, speed = 200 }: HastyClockOptions = {}) {
    this.#now = Number(now);
    this.#longMs = longMs;
    this.#speed = speed;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): () => void {
    const isLimit = delayMs >= this.#longMs;
    const pass = (): void => {
      this.#now += delayMs;
      callback();
    };
    if (isLimit) {
      const timer = setTimeout(pass, delayMs / this.#speed);
      return () => {
        clearTimeout(timer);
      };
    }
    this.waits.push(delayMs);
    let isCancelled = false;
    queueMicrotask(() => {
      if (!isCancelled) pass();
    });
    return () => {
      isCancelled = true;
    };
  }
}
