import { createHash } from 'node:crypto';
import type { StreamMemory } from '@etl/core';
import type { Clock } from '@etl/core/http';
import { z } from 'zod';
import type { Parameters } from './graph-client.ts';

/** A report that was submitted. */
export interface SubmittedReport {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const journalSchema = z.record(z.string(), z.object({ id: z.string(), at: z.number() }));

/**
 * The reports that were submitted for one account and not read to their end yet. What is submitted is noted
 * before it is waited for: a run that is killed leaves the next one its reports.
 */
export class ReportJournal {
  readonly #memory: StreamMemory | undefined;
  readonly #key: string;
  readonly #clock: Clock;
  #reports: Record<string, SubmittedReport> = {};
  /** What this reading asked for, of which nothing is left to do once it is read. */
  #own = new Set<string>();

  constructor(memory: StreamMemory | undefined, accountId: string, clock: Clock) {
    this.#memory = memory;
    this.#key = `reports/${accountId}`;
    this.#clock = clock;
  }

  /** Takes up what earlier runs had submitted, as far as it is young enough. */
  async restore(maxAgeMs: number): Promise<void> {
    const remembered = journalSchema.safeParse(await this.#memory?.get(this.#key));
    if (!remembered.success) return;
    const oldest = this.#clock.now() - maxAgeMs;
    this.#reports = Object.fromEntries(Object.entries(remembered.data).filter(([, { at }]) => at >= oldest));
  }

  /** The report that was submitted with these parameters. */
  find(parameters: Parameters): SubmittedReport | undefined {
    this.#own.add(nameOf(parameters));
    return this.#reports[nameOf(parameters)];
  }

  async add(parameters: Parameters, id: string): Promise<SubmittedReport> {
    const report = { id, at: this.#clock.now() };
    this.#own.add(nameOf(parameters));
    this.#reports[nameOf(parameters)] = report;
    await this.#save();
    return report;
  }

  /** The report is of no use: it failed, or takes too long. */
  async drop(parameters: Parameters): Promise<void> {
    delete this.#reports[nameOf(parameters)];
    await this.#save();
  }

  /** Forgets what this reading asked for: it was read, and must not be read again. */
  async forgetOwn(): Promise<void> {
    for (const name of this.#own) delete this.#reports[name];
    this.#own = new Set();
    await this.#save();
  }

  async #save(): Promise<void> {
    await this.#memory?.set(this.#key, { ...this.#reports } as Record<string, { id: string; at: number }>);
  }
}

function nameOf(parameters: Parameters): string {
  return createHash('sha256').update(JSON.stringify(parameters)).digest('base64url').slice(0, 22);
}
