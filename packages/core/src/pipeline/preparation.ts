import type { OperationOptions } from '../operation-options.ts';
import type { Source } from '../source.ts';

/** How long a run whose source has failed waits for a destination that could record it. */
const RECORD_WAIT_MS = 5000;

/** A source that is prepared while the destination is opened. */
export class Preparation implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #tooLate = new AbortController();
  readonly #work: Promise<void>;
  #isAwaited = false;
  #timer: NodeJS.Timeout | undefined;

  /** Begins at once. */
  constructor(source: Source, operation: OperationOptions) {
    const { signal } = operation;
    const stop = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
    this.#work = (async () => source.prepare?.({ ...operation, signal: stop }))();
    this.#work.catch((error: unknown) => {
      if (this.#isAwaited || stop.aborted) return;
      this.#timer = setTimeout(() => this.#tooLate.abort(error), RECORD_WAIT_MS);
    });
  }

  /** Aborts when the source has failed and nobody has asked for long: a finding grows old, and alerts wait. */
  get isTooLate(): AbortSignal {
    return this.#tooLate.signal;
  }

  /** Resolves when the source is prepared. @throws what must end the run, and the reason of `lost`. */
  async ended(lost?: AbortSignal): Promise<void> {
    this.#isAwaited = true;
    clearTimeout(this.#timer);
    const stop = (): void => this.#stop.abort(lost?.reason);
    lost?.addEventListener('abort', stop, { once: true });
    try {
      await this.#work;
    } finally {
      lost?.removeEventListener('abort', stop);
    }
  }

  /** Nothing of it goes on behind the run. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the run is over'));
    await this.ended().catch(() => undefined);
  }
}
