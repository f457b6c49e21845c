import type { LaneTask } from './lanes.ts';
import { callsOf, type PipelineRun } from './pipeline-run.ts';

/** Tasks of one account; of none where nothing says whose they are, or where accounts need not wait. */
export interface AccountPart<T> {
  readonly account: string | undefined;
  readonly tasks: readonly T[];
}

const LANE = 'lane ';

/** The pause between accounts that `PipelineOptions.accountDelayMs` asks for. */
export class AccountDelay {
  readonly #run: PipelineRun;
  #previous: string | undefined;
  #isTooLate = false;

  constructor(run: PipelineRun) {
    this.#run = run;
  }

  /** What may be carried out next to each other: everything, or one account after the other. */
  partsOf<T extends LaneTask>(tasks: readonly T[]): readonly AccountPart<T>[] {
    if (this.#delayMs === 0) return [{ account: undefined, tasks }];
    const parts = new Map<string | undefined, T[]>();
    for (const task of tasks) {
      const [lane = ''] = task.lanes;
      const account = lane.startsWith(LANE) ? lane.slice(LANE.length) : undefined;
      const part = parts.get(account);
      if (part === undefined) parts.set(account, [task]);
      else part.push(task);
    }
    return [...parts].map(([account, own]) => ({ account, tasks: own }));
  }

  /** Waits if another account came before; not when the deadline comes first, for then nothing follows. */
  async before({ account }: AccountPart<unknown>): Promise<void> {
    if (account === undefined || account === this.#previous) return;
    const isFirst = this.#previous === undefined;
    this.#previous = account;
    if (isFirst) return;
    const { options, now, signal } = this.#run;
    const end = now().getTime() + this.#delayMs;
    if (options.deadline !== undefined && end >= options.deadline.getTime()) {
      this.#isTooLate = true;
      return;
    }
    callsOf(this.#run, '', account)({ type: 'call-waiting', reason: 'delay', waitMs: this.#delayMs });
    await (options.pause ?? pause)(this.#delayMs, signal);
  }

  /** Whether the pause before the next account would have ended after the deadline. */
  get isTooLate(): boolean {
    return this.#isTooLate;
  }

  get #delayMs(): number {
    return this.#run.options.accountDelayMs ?? 0;
  }
}

async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  const { setTimeout } = await import('node:timers/promises');
  try {
    await setTimeout(durationMs, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
