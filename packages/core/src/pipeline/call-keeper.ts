import type { ApiCallTotals } from '../api-call.ts';
import type { DestinationSession } from '../destination.ts';
import { EtlError } from '../etl-error.ts';
import { silentLogger, type Logger } from '../operation-options.ts';

const EVERY_MS = 10_000;

/** Keeps the calls of a run while it goes on: of one that is killed they are told, too. */
export class CallKeeper {
  readonly #session: DestinationSession;
  readonly #run: string;
  readonly #totals: () => readonly ApiCallTotals[];
  readonly #now: () => Date;
  readonly #logger: Logger;
  #lastAt: number;
  #isKept = false;
  #writing: Promise<void> | undefined;

  constructor(
    session: DestinationSession,
    run: string,
    totals: () => readonly ApiCallTotals[],
    { now, logger = silentLogger }: { readonly now: () => Date; readonly logger?: Logger | undefined },
  ) {
    this.#session = session;
    this.#run = run;
    this.#totals = totals;
    this.#now = now;
    this.#logger = logger;
    this.#lastAt = now().getTime();
  }

  /** A call was made; a long read commits nothing meanwhile. Nobody waits for the writing. */
  called(): void {
    if (this.#isDue) void this.#keep();
  }

  /** A load has been committed: calls that brought rows are known from the first one on. */
  async committed(): Promise<void> {
    if (this.#isDue || !this.#isKept) await this.#keep();
  }

  /** Nothing of it is under way any more: what is written from now on is newer. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  get #isDue(): boolean {
    return this.#now().getTime() - this.#lastAt >= EVERY_MS;
  }

  #keep(): Promise<void> {
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
    return this.#writing;
  }

  // It tells what the run is; it never changes what the run is.
  async #write(): Promise<void> {
    const calls = this.#totals();
    if (calls.length === 0) return;
    const at = this.#now();
    this.#lastAt = at.getTime();
    this.#isKept = true;
    try {
      await this.#session.writeCalls?.(this.#run, structuredClone(calls), at.toISOString());
    } catch (error) {
      this.#logger.warn({ err: EtlError.from(error).code }, 'the calls so far were not kept');
    }
  }
}
