import type { EtlError } from '../etl-error.ts';
import type { Clock } from './clock.ts';
import { timeoutError, type RequestLabel } from './http-failure.ts';

/** The point beyond which a request does nothing more; it may have none. */
export class RequestDeadline {
  /** Milliseconds since the epoch. */
  readonly at: number | undefined;
  readonly #clock: Clock;
  readonly #label: RequestLabel;

  constructor(at: number | undefined, clock: Clock, label: RequestLabel) {
    this.at = at;
    this.#clock = clock;
    this.#label = label;
  }

  /** Whether it comes before this much time has passed. */
  comesWithin(delayMs: number): boolean {
    return this.at !== undefined && this.#clock.now() + delayMs >= this.at;
  }

  error(): EtlError {
    return timeoutError(this.#label, 'deadline');
  }

  /** Does work whose signal aborts with the given one, and at the deadline with its error. */
  async limit<TResult>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => TResult,
  ): Promise<Awaited<TResult>> {
    signal?.throwIfAborted();
    const controller = new AbortController();
    const onAbort = (): void => {
      controller.abort(signal?.reason);
    };
    const onDeadline = (): void => {
      controller.abort(this.error());
    };
    const cancel = this.at === undefined ? undefined : this.#clock.after(this.at - this.#clock.now(), onDeadline);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await work(controller.signal);
    } finally {
      cancel?.();
      signal?.removeEventListener('abort', onAbort);
    }
  }
}
