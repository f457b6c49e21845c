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

// npm, a terminal and `timeout` may all pass on one and the same signal: what comes again so soon is the same wish.
const REPEAT_MS = 500;

/** What is outside of the trap. */
export interface SignalSurroundings {
  readonly process: Pick<NodeJS.Process, 'on' | 'off' | 'exit'>;
  /** Milliseconds of a monotonic clock. */
  now(): number;
}

/**
 * Aborts at the first SIGINT or SIGTERM, so that what is under way can end in order, and leaves at
 * once at the second.
 */
export class SignalTrap {
  readonly #controller = new AbortController();
  readonly #listeners = STOP_SIGNALS.map((name) => [name, () => this.#stop(name)] as const);
  readonly #onFirst: (signal: StopSignal) => void;
  readonly #around: SignalSurroundings;
  #stoppedAt = 0;

  constructor(
    onFirst: (signal: StopSignal) => void,
    around: SignalSurroundings = { process, now: () => performance.now() },
  ) {
    this.#onFirst = onFirst;
    this.#around = around;
    for (const [name, listener] of this.#listeners) around.process.on(name, listener);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The interruption that has happened, if one has. */
  get interruption(): Interruption | undefined {
    return this.signal.aborted ? (this.signal.reason as Interruption) : undefined;
  }

  #stop(name: StopSignal): void {
    const first = this.interruption;
    if (first !== undefined) {
      if (name === first.signal && this.#around.now() - this.#stoppedAt < REPEAT_MS) return;
      this.#around.process.exit(exitCodeOfSignal(name));
    }
    this.#stoppedAt = this.#around.now();
    this.#onFirst(name);
    this.#controller.abort(new Interruption(name));
  }

  /** Gives the signals back. */
  release(): void {
    for (const [name, listener] of this.#listeners) this.#around.process.off(name, listener);
  }
}
