import {
  addDays,
  dailySlices,
  daysOf,
  defineStream,
  type ReadRequest,
  type RecordBatch,
  type Slice,
  type Stream,
} from '@etl/core';
import { z } from 'zod';
import type { AdAccounts } from './ad-accounts.ts';
import { scaledOf, textOf, decimalOf } from './exact-text.ts';
import type { GraphClient, GraphObject, Parameters } from './graph-client.ts';
import { isTooMuchData } from './graph-error.ts';
import {
  ADDITIVE_FIELDS,
  idColumns,
  insightKey,
  INSIGHT_FIELDS,
  REQUIRED_FIELDS,
  UNIQUE_FIELDS,
} from './insight-fields.ts';
import { insightRow } from './insight-row.ts';
import { insightSchema } from './insight-schema.ts';
import type { ResolvedOptions } from './options.ts';
import { statusFilter } from './object-statuses.ts';
import { ReportRuns } from './report-runs.ts';

const RETENTION_MONTHS = 37;
const SUM_SCALE = 6;
const NEVER_GIVEN_UP: ReadonlySet<string> = new Set([...REQUIRED_FIELDS, ...ADDITIVE_FIELDS]);
/** After so long an account is asked as a whole again: it may have become smaller. */
const SPLIT_LASTS_MS = 7 * 86_400_000;

/** How an account's reports have to be asked for; learned from reports that were too large, and kept. */
const splitSchema = z.object({
  days: z.int().min(1),
  groups: z.array(z.array(z.string())),
  unfetched: z.array(z.string()),
  asked: z.string(),
  at: z.number(),
});
type Split = z.output<typeof splitSchema>;

interface Days {
  /** Both included. */
  readonly since: string;
  readonly until: string;
}

/** Daily numbers of an account's ads, or of what the level says. */
export function insightsStream(
  graph: GraphClient,
  accounts: AdAccounts,
  options: ResolvedOptions,
): Stream<Record<string, unknown>> {
  const { insights } = options;
  const isReconciled = insights.isReconciled ?? insights.breakdowns.length === 0;
  const reconciled = isReconciled ? ADDITIVE_FIELDS.filter((field) => insights.fields.includes(field)) : [];
  const stream: Stream<Record<string, unknown>> = defineStream({
    name: 'insights',
    schema: insightSchema(insights),
    primaryKey: [...insightKey(insights.level, insights.breakdowns)],
    writeDisposition: 'replace',
    scope: { keys: ['account_id'], day: 'date_start' },
    windowDays: insights.windowDays,
    gate: { reconcile: reconciled },
    description: 'Daily numbers as the Insights API reports them, in the account’s own days and currency.',
    async slices(request) {
      const all = await Promise.all(
        options.accountIds.map((id) => accountSlices(id, accounts, options, request, graph)),
      );
      return all.flat();
    },
    read(slice, request) {
      const accountId = String(slice.scope?.equals['account_id']);
      return graph.paced(accountId, request.quotaMemory, () =>
        new InsightsRead(graph, accounts, options, accountId, reconciled, request).batches(slice),
      );
    },
  });
  return stream;
}

async function accountSlices(
  id: string,
  accounts: AdAccounts,
  { insights }: ResolvedOptions,
  request: ReadRequest,
  graph: GraphClient,
): Promise<readonly Slice[]> {
  const now = request.now ?? new Date(graph.clock.now());
  // An account that cannot be asked now fails in its own lane when it is read, not all others here.
  const timeZone = await accounts.get(id, request).then(
    (account) => account.timeZone,
    () => 'UTC',
  );
  request.signal?.throwIfAborted();
  const oldest = new Date(now);
  oldest.setUTCMonth(oldest.getUTCMonth() - RETENTION_MONTHS);
  const first = addDays(oldest.toISOString().slice(0, 10), 1);
  return dailySlices({
    account: { column: 'account_id', id },
    timeZone,
    now,
    historyDays: insights.historyDays,
    lookbackDays: insights.lookbackDays,
    includesToday: true,
    days: request.days,
  }).filter(({ scope }) => (scope?.days?.start ?? '') >= first);
}

class InsightsRead {
  readonly #graph: GraphClient;
  readonly #accounts: AdAccounts;
  readonly #options: ResolvedOptions;
  readonly #accountId: string;
  readonly #request: ReadRequest;
  readonly #runs: ReportRuns;
  readonly #reconciled: readonly string[];
  readonly #flags = new Set<string>();
  readonly #sums = new Map<string, bigint>();
  #rowCount = 0;
  #split: Split;

  constructor(
    graph: GraphClient,
    accounts: AdAccounts,
    options: ResolvedOptions,
    accountId: string,
    reconciled: readonly string[],
    request: ReadRequest,
  ) {
    this.#graph = graph;
    this.#accounts = accounts;
    this.#options = options;
    this.#accountId = accountId;
    this.#request = request;
    this.#reconciled = reconciled;
    this.#runs = new ReportRuns(graph, options, accountId, request);
    this.#split = wholeSplit(options);
  }

  async *batches(slice: Slice): AsyncGenerator<RecordBatch<Record<string, unknown>>, void, undefined> {
    const account = await this.#accounts.get(this.#accountId, this.#request);
    await this.#runs.restore();
    await this.#restoreSplit();
    const { start = '', end = '' } = slice.scope?.days ?? {};
    const days = daysOf({ start, end });
    const context = {
      insights: this.#options.insights,
      managingSystem: this.#options.managingSystem,
      currency: account.currency,
      flag: (flag: string) => this.#flags.add(flag),
    };
    for (const range of chunks(days, this.#split.days)) {
      for await (const page of this.#range(range)) {
        const unfetched = new Set(this.#split.unfetched);
        const rows = page.map((given) => insightRow(given, { ...context, unfetched }));
        for (const row of rows) this.#add(row);
        yield { rows };
      }
    }
    for (const field of this.#split.unfetched) this.#flags.add(`unfetched:${field}`);
    const sums = await this.#totals({ since: start, until: addDays(end, -1) });
    await this.#runs.forget();
    yield { rows: [], flags: [...this.#flags], ...(sums === undefined ? {} : { expected: { sums } }) };
  }

  /** Splits on too much data, and on nothing else: first the days, then the fields. */
  async *#range(range: Days): AsyncGenerator<readonly GraphObject[], void, undefined> {
    const { groups } = this.#split;
    let runs: readonly string[];
    try {
      runs = await this.#runs.complete(groups.map((group) => this.#parameters(range, group)));
    } catch (error) {
      if (!isTooMuchData(error)) throw error;
      const days = daysOf({ start: range.since, end: addDays(range.until, 1) });
      if (days.length > 1) this.#split = { ...this.#split, days: Math.ceil(days.length / 2) };
      else if (!this.#splitFields()) throw error;
      await this.#saveSplit();
      for (const part of chunks(days, this.#split.days)) yield* this.#range(part);
      return;
    }
    yield* this.#joined(runs);
  }

  /** The first report is handed on as it comes, completed by the others, of which only the values are kept. */
  async *#joined(runs: readonly string[]): AsyncGenerator<readonly GraphObject[], void, undefined> {
    const [first, ...others] = runs;
    const rest: Map<string, GraphObject>[] = [];
    for (const run of others) {
      const rows = new Map<string, GraphObject>();
      for await (const page of this.#rows(run)) for (const row of page) rows.set(this.#keyOf(row), row);
      rest.push(rows);
    }
    if (first === undefined) return;
    for await (const page of this.#rows(first)) {
      yield page.map((row) => {
        const key = this.#keyOf(row);
        const parts = rest.map((rows) => {
          const part = rows.get(key);
          rows.delete(key);
          if (part === undefined) this.#flags.add('unmatched');
          return part ?? {};
        });
        return Object.assign({}, ...parts, row) as GraphObject;
      });
    }
    // Rows that only a later report has are of ads that got their first numbers in between.
    if (rest.some((rows) => rows.size > 0)) this.#flags.add('unmatched');
  }

  #rows(run: string): AsyncGenerator<readonly GraphObject[], void, undefined> {
    const { pageSize } = this.#options.reports;
    return this.#graph.pages(
      { path: `${run}/insights`, query: {}, accountId: this.#accountId, pageSize },
      this.#request,
    );
  }

  #keyOf(row: GraphObject): string {
    const { level, breakdowns } = this.#options.insights;
    return JSON.stringify(insightKey(level, breakdowns).map((name) => row[name] ?? null));
  }

  #parameters({ since, until }: Days, group: readonly string[]): Parameters {
    const { level, breakdowns, attributionWindows } = this.#options.insights;
    const ids = idColumns(level);
    const names =
      group === this.#split.groups[0] ? ['account_name', ...ids.map((id) => id.replace('_id', '_name'))] : [];
    const hasActions = group.some((field) => INSIGHT_FIELDS[field as keyof typeof INSIGHT_FIELDS] === 'actions');
    return {
      level,
      time_increment: 1,
      time_range: JSON.stringify({ since, until }),
      fields: ['account_id', 'account_currency', ...ids, ...names, ...group].join(','),
      filtering: statusFilter(this.#options.insights.level),
      ...(breakdowns.length === 0 ? {} : { breakdowns: breakdowns.join(',') }),
      ...(hasActions ? { action_attribution_windows: JSON.stringify(attributionWindows) } : {}),
    };
  }

  /** Halves the fields that were too much together. One that is too much alone is given up, and said to be. */
  #splitFields(): boolean {
    const { groups, unfetched } = this.#split;
    const failed = groups[this.#runs.tooLarge ?? -1];
    const [field] = failed ?? [];
    if (failed === undefined || field === undefined) return false;
    if (failed.length > 1) {
      const middle = Math.ceil(failed.length / 2);
      const parts = [failed.slice(0, middle), failed.slice(middle)];
      this.#split = { ...this.#split, groups: groups.flatMap((group) => (group === failed ? parts : [group])) };
      return true;
    }
    // Without these a row is not the row that was asked for.
    if (NEVER_GIVEN_UP.has(field) || groups.length === 1) return false;
    this.#split = {
      ...this.#split,
      groups: groups.filter((group) => group !== failed),
      unfetched: [...unfetched, field],
    };
    return true;
  }

  async #restoreSplit(): Promise<void> {
    const remembered = splitSchema.safeParse(await this.#request.memory?.get(this.#splitKey()));
    if (!remembered.success || remembered.data.asked !== this.#split.asked) return;
    if (this.#graph.clock.now() - remembered.data.at < SPLIT_LASTS_MS) this.#split = remembered.data;
  }

  async #saveSplit(): Promise<void> {
    await this.#request.memory?.set(this.#splitKey(), { ...this.#split, at: this.#graph.clock.now() });
  }

  #splitKey(): string {
    return `split/${this.#accountId}`;
  }

  #add(row: Readonly<Record<string, unknown>>): void {
    this.#rowCount += 1;
    for (const field of this.#reconciled) {
      const value = decimalOf(row[field], SUM_SCALE);
      if (value === undefined) continue;
      const key = `${String(row['date_start'])} ${field}`;
      this.#sums.set(key, (this.#sums.get(key) ?? 0n) + scaledOf(value, SUM_SCALE));
    }
  }

  /**
   * What the account's own report says of the days that are over. Today goes on while it is read, so
   * its sums are taken as they were read. The platform rounds each row's spend to its last digit, so
   * half of it per row is no difference.
   */
  async #totals({ since, until }: Days): Promise<Readonly<Record<string, string>> | undefined> {
    if (this.#reconciled.length === 0) return undefined;
    const account = await this.#accounts.get(this.#accountId, this.#request);
    const today = new Intl.DateTimeFormat('en-CA', { timeZone: account.timeZone }).format(this.#graph.clock.now());
    const query = {
      level: 'account',
      time_increment: 1,
      time_range: JSON.stringify({ since, until }),
      fields: this.#reconciled.join(','),
      filtering: statusFilter(this.#options.insights.level),
    };
    const platform = new Map<string, bigint>();
    const list = { path: `act_${this.#accountId}/insights`, query, accountId: this.#accountId, pageSize: 100 };
    for await (const page of this.#graph.pages(list, this.#request)) {
      for (const row of page) {
        for (const field of this.#reconciled) {
          const value = scaledOf(decimalOf(row[field], SUM_SCALE) ?? '0', SUM_SCALE);
          platform.set(`${String(row['date_start'])} ${field}`, value);
        }
      }
    }
    const expected: Record<string, bigint> = Object.fromEntries(this.#reconciled.map((field) => [field, 0n]));
    for (const key of new Set([...platform.keys(), ...this.#sums.keys()])) {
      const [day = '', field = ''] = key.split(' ');
      const ours = this.#sums.get(key) ?? 0n;
      const theirs = platform.get(key) ?? 0n;
      const difference = ours > theirs ? ours - theirs : theirs - ours;
      const rounding = field === 'spend' ? BigInt(this.#rowCount) * 5_000n : 0n;
      expected[field] = (expected[field] ?? 0n) + (day >= today || difference <= rounding ? ours : theirs);
    }
    return Object.fromEntries(Object.entries(expected).map(([field, sum]) => [field, textOf(sum, SUM_SCALE)]));
  }
}

function wholeSplit({ insights }: ResolvedOptions): Split {
  const core = insights.fields.filter((field) => !UNIQUE_FIELDS.has(field));
  const unique = insights.fields.filter((field) => UNIQUE_FIELDS.has(field));
  const groups = [core, unique].filter((group) => group.length > 0);
  const asked = [insights.level, ...insights.breakdowns, ...insights.fields].join(',');
  return { days: insights.windowDays, groups, unfetched: [], asked, at: 0 };
}

function chunks(days: readonly string[], size: number): readonly Days[] {
  const parts: Days[] = [];
  for (let start = 0; start < days.length; start += size) {
    const part = days.slice(start, start + size);
    parts.push({ since: part[0] ?? '', until: part.at(-1) ?? '' });
  }
  return parts;
}
