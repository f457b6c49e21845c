import { addDays, daysOf, type StreamMemory } from '@etl/core';
import type { Clock } from '@etl/core/http';
import { z } from 'zod';
import { UNIQUE_FIELDS } from './insight-fields.ts';
import type { InsightsOptions } from './options.ts';
import {
  halvesOf,
  reportPartSchema,
  wholePart,
  withFewerFields,
  withoutField,
  type ListIds,
  type ReportPart,
} from './report-part.ts';

/** After so long an account is asked as a whole again: it may have become smaller. */
const SPLIT_LASTS_MS = 7 * 86_400_000;
/** A field that so many single objects do not give is given up for all: it is the field, not the object. */
const GIVE_UP_AFTER = 3;

const splitSchema = z.object({
  days: z.int().min(1),
  parts: z.array(reportPartSchema).min(1),
  asked: z.string(),
  at: z.number(),
});

/** Days of a report, both included. */
export interface ReportDays {
  readonly since: string;
  readonly until: string;
}

/** One report to ask for. */
export interface PlannedReport extends ReportDays {
  readonly part: ReportPart;
  readonly group: readonly string[];
}

/**
 * In which reports an account has to be asked: learned from reports that were too much, kept in the stream's
 * memory, and used from the first report of the next run on. Narrowed by days first, then by objects, then by
 * fields; a field that is too much alone for one object and day is given up.
 */
export class ReportSplit {
  readonly #insights: InsightsOptions;
  readonly #whole: readonly (readonly string[])[];
  readonly #asked: string;
  #days: number;
  #parts: readonly ReportPart[];

  constructor(insights: InsightsOptions) {
    this.#insights = insights;
    const core = insights.fields.filter((field) => !UNIQUE_FIELDS.has(field));
    const unique = insights.fields.filter((field) => UNIQUE_FIELDS.has(field));
    this.#whole = [core, unique].filter((group) => group.length > 0);
    this.#asked = [insights.level, ...insights.breakdowns, ...insights.fields].join(',');
    this.#days = insights.windowDays;
    this.#parts = [wholePart(this.#whole)];
  }

  get parts(): readonly ReportPart[] {
    return this.#parts;
  }

  /** The days in ranges of as many as a report may have. */
  rangesOf(days: readonly string[]): readonly ReportDays[] {
    const ranges: ReportDays[] = [];
    for (let start = 0; start < days.length; start += this.#days) {
      const part = days.slice(start, start + this.#days);
      ranges.push({ since: part[0] ?? '', until: part.at(-1) ?? '' });
    }
    return ranges;
  }

  /** The reports that together are a range of days. */
  reportsOf(range: ReportDays): readonly PlannedReport[] {
    return this.#parts.flatMap((part) => part.groups.map((group) => ({ ...range, part, group })));
  }

  /** Takes note that a report was too much. Whether there is anything left to narrow. */
  async narrow(report: PlannedReport, listIds: ListIds): Promise<boolean> {
    const days = daysOf({ start: report.since, end: addDays(report.until, 1) }).length;
    if (days > 1) {
      this.#days = Math.ceil(days / 2);
      return true;
    }
    const halves = await halvesOf(report.part, this.#insights.level, listIds);
    if (halves !== undefined) {
      this.#replace(report.part, halves);
      return true;
    }
    const fewer = withFewerFields(report.part, report.group);
    if (fewer === undefined) return false;
    this.#replace(report.part, [fewer]);
    const [field] = report.group;
    if (report.group.length === 1 && field !== undefined) this.#giveUpEverywhere(field);
    return true;
  }

  async restore(memory: StreamMemory | undefined, accountId: string, clock: Clock): Promise<void> {
    const remembered = splitSchema.safeParse(await memory?.get(keyOf(accountId)));
    if (!remembered.success || remembered.data.asked !== this.#asked) return;
    if (clock.now() - remembered.data.at >= SPLIT_LASTS_MS) return;
    // The window may have become a smaller one by configuration.
    this.#days = Math.min(remembered.data.days, this.#insights.windowDays);
    this.#parts = remembered.data.parts;
  }

  async save(memory: StreamMemory | undefined, accountId: string, clock: Clock): Promise<void> {
    const parts = this.#parts.map((part) => ({ ...part }));
    const value = { days: this.#days, parts, asked: this.#asked, at: clock.now() };
    await memory?.set(keyOf(accountId), JSON.parse(JSON.stringify(value)));
  }

  #replace(part: ReportPart, by: readonly ReportPart[]): void {
    this.#parts = this.#parts.flatMap((each) => (each === part ? by : [each]));
  }

  /** When single objects fail of one field again and again, dividing the account was of no use. */
  #giveUpEverywhere(field: string): void {
    if (this.#parts.filter(({ unfetched }) => unfetched.includes(field)).length < GIVE_UP_AFTER) return;
    const [first] = this.#parts;
    // What was given up for all before stays so: two such fields would take turns without end.
    const earlier = first?.unfetched.filter((name) => this.#parts.every(({ unfetched }) => unfetched.includes(name)));
    const whole = wholePart(this.#whole);
    this.#parts = [[field, ...(earlier ?? [])].reduce((part, name) => withoutField(part, name), whole)];
  }
}

function keyOf(accountId: string): string {
  return `split/${accountId}`;
}
