import type { Clock } from '../../src/http/index.ts';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #now = Date.UTC(2026, 10, 24, 12);
  readonly #timers = new Set<Timer>();
  #onTimer: (() => void) | undefined;

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

  /** Milliseconds until each timer that is set. */
  get pending(): readonly number[] {
    return [...this.#timers].map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  /** Resolves once a timer of this many milliseconds from now is set. */
  async untilTimer(delayMs: number): Promise<void> {
    while (!this.pending.includes(delayMs)) {
      await new Promise<void>((resolve) => {
        this.#onTimer = resolve;
      });
    }
  }

  /** Lets time pass; timers fire in their order. */
  advance(byMs: number): void {
    const until = this.#now + byMs;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = until;
  }
}

/** A clock on which every wait is over at once, and which remembers how long each was. */
export class HastyClock implements Clock {
  readonly waits: number[] = [];
  #now = Date.UTC(2026, 10, 24, 12);

  now(): number {
    return this.#now;
  }

  /** Limits of a request are far longer than its waits here: they never pass. */
  after(delayMs: number, callback: () => void): () => void {
    if (delayMs >= 60_000) return () => undefined;
    let isCancelled = false;
    this.waits.push(delayMs);
    queueMicrotask(() => {
      if (isCancelled) return;
      this.#now += delayMs;
      callback();
    });
    return () => {
      isCancelled = true;
    };
  }
}
