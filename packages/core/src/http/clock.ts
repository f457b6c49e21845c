/** Time, injected so that tests own it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once after so many milliseconds; the returned function cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** A longer delay makes `setTimeout` fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's clock; the default. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    let timer: NodeJS.Timeout;
    const arm = (leftMs: number): void => {
      const thisMs = Math.min(Math.max(leftMs, 0), LONGEST_TIMER_MS);
      timer = setTimeout(leftMs > thisMs ? () => arm(leftMs - thisMs) : callback, thisMs);
    };
    arm(delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Resolves after the delay, or rejects with the signal's reason as soon as it aborts. */
export async function wait(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
