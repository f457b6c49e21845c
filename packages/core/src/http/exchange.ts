import type { Clock } from './clock.ts';
import { timeoutError, transportError, type RequestLabel } from './http-failure.ts';
import type { SecretRedactor } from './secret-redactor.ts';

export interface ExchangeLimits {
  readonly firstByteMs: number;
  readonly idleMs: number;
  /** Absent for a streamed body. */
  readonly attemptMs: number | undefined;
  /** Milliseconds since the epoch. */
  readonly deadline: number | undefined;
}

export interface ExchangeOptions {
  readonly label: RequestLabel;
  readonly limits: ExchangeLimits;
  readonly clock: Clock;
  readonly redactor: SecretRedactor;
  readonly signal: AbortSignal | undefined;
}

/** Nobody sees it; made once, for a new one would take its stack each time. */
const OVER = new Error('The exchange is over.');

/** One attempt from sending to the end of its body, with all its limits. Has to be ended. */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #controller = new AbortController();
  readonly #timers = new Set<() => void>();
  readonly #whenOver: (() => void)[] = [];
  #isWhole = false;
  readonly #onAbort = (): void => {
    this.#abort(this.#options.signal?.reason);
  };
  #cancelIdle: (() => void) | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    const { limits, clock, signal } = options;
    if (limits.attemptMs !== undefined) this.#limit(limits.attemptMs, 'attempt');
    if (limits.deadline !== undefined) this.#limit(Math.max(0, limits.deadline - clock.now()), 'deadline');
    if (signal?.aborted === true) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Called once when the exchange is over, however it ended. */
  whenOver(callback: () => void): void {
    this.#whenOver.push(callback);
  }

  /** Sends by `fetch` and gives back the response as soon as its headers are there. */
  async send(fetch: typeof globalThis.fetch, url: URL, init: RequestInit): Promise<Response> {
    const received = this.#limit(this.#options.limits.firstByteMs, 'first byte');
    try {
      return await fetch(url, { ...init, redirect: 'manual', signal: this.#controller.signal });
    } catch (error) {
      throw this.failure(error);
    } finally {
      received();
    }
  }

  /** The next part of a body, or `undefined` at its end. */
  async read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array | undefined> {
    this.startIdle();
    try {
      const part = await reader.read();
      if (part.done) this.#isWhole = true;
      return part.value;
    } catch (error) {
      throw this.failure(error);
    } finally {
      this.#cancelIdle?.();
    }
  }

  /** From now on, a body that nobody reads is given up when it was idle for too long. */
  startIdle(): void {
    this.#cancelIdle?.();
    this.#cancelIdle = this.#limit(this.#options.limits.idleMs, 'idle');
  }

  /** The reason of an abort as it is, the limit that passed, or what the transport failed of. */
  failure(thrown: unknown): unknown {
    const { label, redactor } = this.#options;
    if (this.#controller.signal.aborted) return this.#controller.signal.reason;
    return transportError(label, thrown, redactor);
  }

  end(): void {
    for (const cancel of this.#timers) cancel();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    // Whatever has not been read yet is not wanted any more; this frees its socket.
    if (this.#isWhole) this.#finish();
    else this.#abort(OVER);
  }

  #abort(reason: unknown): void {
    this.#controller.abort(reason);
    this.#finish();
  }

  #finish(): void {
    for (const callback of this.#whenOver.splice(0)) callback();
  }

  #limit(delayMs: number, phase: Parameters<typeof timeoutError>[1]): () => void {
    const stop = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(cancel);
      this.#abort(timeoutError(this.#options.label, phase));
    });
    const cancel = (): void => {
      this.#timers.delete(cancel);
      stop();
    };
    this.#timers.add(cancel);
    return cancel;
  }
}
