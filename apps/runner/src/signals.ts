import { exitCodeOfSignal, STOP_SIGNALS, type StopSignal } from './exit-code.ts';

/** Why a run was stopped from outside; the reason of its abort signal. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  readonly signal: StopSignal;

  constructor(signal: StopSignal) {
    super(`stopped by ${signal}`);
    this.signal = signal;
  }
}

// npm and a terminal may both pass on one Ctrl-C: what comes so soon is the same wish.
const REPEAT_MS = 300;

/**
 * Aborts at the first SIGINT or SIGTERM, so that what is under way can end in order, and leaves at
 * once at the second.
 */
export class SignalTrap {
  readonly #controller = new AbortController();
  readonly #listeners = STOP_SIGNALS.map((name) => [name, () => this.#stop(name)] as const);
  readonly #onFirst: (signal: StopSignal) => void;
  #stoppedAt = 0;

  constructor(onFirst: (signal: StopSignal) => void) {
    this.#onFirst = onFirst;
    for (const [name, listener] of this.#listeners) process.on(name, listener);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The interruption that has happened, if one has. */
  get interruption(): Interruption | undefined {
    return this.signal.aborted ? (this.signal.reason as Interruption) : undefined;
  }

  #stop(name: StopSignal): void {
    if (this.signal.aborted) {
      if (performance.now() - this.#stoppedAt < REPEAT_MS) return;
      process.exit(exitCodeOfSignal(name));
    }
    this.#stoppedAt = performance.now();
    this.#onFirst(name);
    this.#controller.abort(new Interruption(name));
  }

  /** Gives the signals back. */
  release(): void {
    for (const [name, listener] of this.#listeners) process.off(name, listener);
  }
}
