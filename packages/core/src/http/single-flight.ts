interface Flight<TResult> {
  readonly result: Promise<TResult>;
  readonly controller: AbortController;
  waiting: number;
}

/** Runs a piece of work once for all who ask while it is under way. */
export class SingleFlight<TResult> {
  readonly #work: (signal: AbortSignal) => Promise<TResult>;
  #flight: Flight<TResult> | undefined;

  constructor(work: (signal: AbortSignal) => Promise<TResult>) {
    this.#work = work;
  }

  /** One caller's abort ends its own waiting only; the work is aborted when nobody waits any more. */
  async run(signal?: AbortSignal): Promise<TResult> {
    signal?.throwIfAborted();
    const flight = (this.#flight ??= this.#start());
    flight.waiting += 1;
    try {
      return await orAborted(flight.result, signal);
    } finally {
      flight.waiting -= 1;
      if (flight.waiting === 0) {
        if (this.#flight === flight) this.#flight = undefined;
        flight.controller.abort();
      }
    }
  }

  #start(): Flight<TResult> {
    const controller = new AbortController();
    const result = this.#work(controller.signal);
    // Whoever waits sees the failure; when nobody does any more it is of no interest.
    result.catch(() => undefined);
    return { result, controller, waiting: 0 };
  }
}

function orAborted<TResult>(result: Promise<TResult>, signal: AbortSignal | undefined): Promise<TResult> {
  if (signal === undefined) return result;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    result.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}
