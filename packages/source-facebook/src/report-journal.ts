import { createHash } from 'node:crypto';
import { dayIn, type StreamMemory } from '@etl/core';
import type { Clock } from '@etl/core/http';
import { z } from 'zod';
import type { Parameters } from './graph-client.ts';

/** A report that was submitted. */
export interface SubmittedReport {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const entrySchema = z.object({
  id: z.string(),
  at: z.number(),
  /** Last day of the report. */
  until: z.string(),
});
const journalSchema = z.record(z.string(), entrySchema);
type JournalEntry = z.output<typeof entrySchema>;
const rangeSchema = z.object({ until: z.string() });

/**
 * The reports that were submitted for one account and not read to their end yet. What is submitted is noted
 * before it is waited for: a run that is killed leaves the next one its reports.
 */
export class ReportJournal {
  readonly #memory: StreamMemory | undefined;
  readonly #key: string;
  readonly #clock: Clock;
  #reports: Record<string, JournalEntry> = {};
  /** What this reading asked for, of which nothing is left to do once it is read. */
  #own = new Set<string>();

  constructor(memory: StreamMemory | undefined, accountId: string, clock: Clock) {
    this.#memory = memory;
    this.#key = `reports/${accountId}`;
    this.#clock = clock;
  }

  /**
   * Takes up what earlier runs had submitted, as far as it is young enough. A report of a day that was not over
   * when it was submitted, but is now, has only a part of that day, and is none.
   */
  async restore(maxAgeMs: number, timeZone: string): Promise<void> {
    const remembered = journalSchema.safeParse(await this.#memory?.get(this.#key));
    if (!remembered.success) return;
    const now = this.#clock.now();
    const today = dayIn(timeZone, new Date(now));
    const isOfUse = ({ at, until }: JournalEntry): boolean => {
      const day = dayIn(timeZone, new Date(at));
      return at >= now - maxAgeMs && (until < day || day === today);
    };
    this.#reports = Object.fromEntries(Object.entries(remembered.data).filter(([, entry]) => isOfUse(entry)));
  }

  /** The report that was submitted with these parameters. */
  find(parameters: Parameters): SubmittedReport | undefined {
    this.#own.add(nameOf(parameters));
    return this.#reports[nameOf(parameters)];
  }

  async add(parameters: Parameters, id: string): Promise<SubmittedReport> {
    const { until } = rangeSchema.parse(JSON.parse(String(parameters['time_range'])));
    const report = { id, at: this.#clock.now(), until };
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
    await this.#memory?.set(this.#key, { ...this.#reports });
  }
}

function nameOf(parameters: Parameters): string {
  return createHash('sha256').update(JSON.stringify(parameters)).digest('base64url').slice(0, 22);
}
