import { addDays, daysOf, type ReadRequest, type RecordBatch, type Slice } from '@etl/core';
import { AccountTotals } from './account-totals.ts';
import type { AdAccounts } from './ad-accounts.ts';
import type { ExchangeRate } from './exchange-rate.ts';
import type { GraphClient, GraphObject } from './graph-client.ts';
import { pagesOf } from './graph-list.ts';
import { idColumns, insightKey, REQUIRED_FIELDS } from './insight-fields.ts';
import { insightRow, requireFields } from './insight-row.ts';
import { LearnedPageSize } from './learned-page-size.ts';
import { STATUSES } from './object-statuses.ts';
import type { ResolvedOptions } from './options.ts';
import { joinedReports } from './report-join.ts';
import { isOld, type AccountRates, type ReportingRates } from './reporting-rates.ts';
import { ReportJournal } from './report-journal.ts';
import type { ListIds, ReportPart } from './report-part.ts';
import { reportParameters } from './report-request.ts';
import { ReportRuns, TooMuchData } from './report-runs.ts';
import { ReportSplit, type PlannedReport, type ReportDays } from './report-split.ts';

type InsightBatch = RecordBatch<Record<string, unknown>>;

const EDGES = { campaign: 'campaigns', adset: 'adsets', ad: 'ads' } as const;

/** Everything a reading needs besides what it reads. */
export interface InsightsReading {
  readonly graph: GraphClient;
  readonly accounts: AdAccounts;
  readonly options: ResolvedOptions;
  /** Fields whose sums are compared with the account's. */
  readonly reconciled: readonly string[];
  /** Absent: amounts stay in the account's currency. */
  readonly rates?: ReportingRates | undefined;
}

/** Reads the days of one account through reports. */
export class InsightsRead {
  readonly #reading: InsightsReading;
  readonly #accountId: string;
  readonly #request: ReadRequest;
  readonly #journal: ReportJournal;
  readonly #runs: ReportRuns;
  readonly #split: ReportSplit;
  readonly #pageSize: LearnedPageSize;
  readonly #flags = new Set<string>();
  /** Rows of a page to begin a report with. */
  #firstPage = 1;
  #rates: AccountRates | undefined;

  constructor(reading: InsightsReading, accountId: string, request: ReadRequest) {
    const { graph, options } = reading;
    this.#reading = reading;
    this.#accountId = accountId;
    this.#request = request;
    this.#journal = new ReportJournal(request.memory, accountId, graph.clock);
    this.#runs = new ReportRuns(graph, options, accountId, { request, journal: this.#journal });
    this.#split = new ReportSplit(options.insights);
    this.#pageSize = new LearnedPageSize(request.memory, `reports/${accountId}`, graph.clock);
  }

  async *batches(slice: Slice): AsyncGenerator<InsightBatch, void, undefined> {
    const { graph, accounts, options, reconciled } = this.#reading;
    const account = await accounts.get(this.#accountId, this.#request);
    const { start = '', end = '' } = slice.scope?.days ?? {};
    // Before any report: without rates it would be read in vain.
    this.#rates = await this.#reading.rates?.of(this.#accountId, start, this.#request);
    await this.#journal.restore(options.reports.reattachSeconds * 1000, account.timeZone);
    await this.#split.restore(this.#request.memory, this.#accountId, graph.clock);
    this.#firstPage = await this.#pageSize.first(options.reports.pageSize);
    // Killed before its rows are published, it leaves its reports to the next run.
    this.#request.whenSettled?.(() => this.#journal.forgetOwn());
    const totals = new AccountTotals(graph, options, account, reconciled);
    for (let days = daysOf({ start, end }); days.length > 0;) {
      const planned = this.#next(days);
      const runs = yield* this.#complete(planned.reports);
      if (runs === undefined) continue;
      for (const range of planned.ranges) {
        for await (const batch of this.#rangeRows(range, runs, account.currency)) {
          for (const row of batch.rows) totals.add(row);
          yield batch;
        }
      }
      days = days.slice(days.indexOf(planned.ranges.at(-1)?.until ?? '') + 1);
    }
    await this.#pageSize.save();
    const sums = await totals.expected({ since: start, until: addDays(end, -1) }, this.#request);
    if (this.#request.whenSettled === undefined) await this.#journal.forgetOwn();
    yield { rows: [], flags: [...this.#flags], ...(sums === undefined ? {} : { expected: { sums } }) };
  }

  /** The next ranges of days, as many as may be in flight together; one at least. */
  #next(days: readonly string[]): {
    readonly ranges: readonly ReportDays[];
    readonly reports: readonly PlannedReport[];
  } {
    const ranges: ReportDays[] = [];
    const reports: PlannedReport[] = [];
    for (const range of this.#split.rangesOf(days)) {
      const own = this.#split.reportsOf(range);
      if (ranges.length > 0 && reports.length + own.length > this.#reading.options.reports.maxInFlight) break;
      ranges.push(range);
      reports.push(...own);
    }
    return { ranges, reports };
  }

  /** Ids of the reports; `undefined` when one was too much and less is to be asked for, which is remembered. */
  async *#complete(
    reports: readonly PlannedReport[],
  ): AsyncGenerator<InsightBatch, ReadonlyMap<PlannedReport, string> | undefined, undefined> {
    const { graph, options } = this.#reading;
    const parameters = reports.map((report) => reportParameters(report, options.insights));
    try {
      const completing = this.#runs.complete(parameters);
      for (;;) {
        const step = await completing.next();
        const text = step.done === true ? 'reports complete' : step.value;
        yield { rows: [], progress: `act ${this.#accountId}: ${text}` };
        if (step.done === true) return new Map(reports.map((report, index) => [report, step.value[index] ?? '']));
      }
    } catch (error) {
      if (!(error instanceof TooMuchData)) throw error;
      const report = reports[error.index];
      if (report === undefined || !(await this.#split.narrow(report, this.#listIds))) throw error.cause;
      await this.#split.save(this.#request.memory, this.#accountId, graph.clock);
      return undefined;
    }
  }

  /** The rows of a range of days, part by part, the reports of each joined. */
  async *#rangeRows(
    range: ReportDays,
    runs: ReadonlyMap<PlannedReport, string>,
    currency: string,
  ): AsyncGenerator<InsightBatch, void, undefined> {
    const { insights, managingSystem } = this.#reading.options;
    const key = insightKey(insights.level, insights.breakdowns);
    const own = [...runs].filter(([report]) => report.since === range.since && report.until === range.until);
    const parts = new Map<ReportPart, [PlannedReport, string][]>();
    for (const each of own) parts.set(each[0].part, [...(parts.get(each[0].part) ?? []), each]);
    for (const [part, reports] of parts) {
      for (const field of part.unfetched) this.#flags.add(`unfetched:${field}`);
      const flag = (name: string): void => void this.#flags.add(name);
      const pages = reports.map(([report, run]) => this.#rows(report, run));
      for await (const { rows, lacking } of joinedReports(pages, key)) {
        if (lacking.length > 0) flag('unmatched');
        const unknown = [...part.unfetched, ...lacking.flatMap((index) => reports[index]?.[0].group ?? [])];
        const context = { insights, managingSystem, currency, unfetched: new Set(unknown), flag };
        yield { rows: rows.map((given) => insightRow(given, { ...context, rate: this.#rateOf(given) })) };
      }
    }
  }

  #rateOf(row: GraphObject): ExchangeRate | undefined {
    const rate = this.#rates?.rateOf(row['account_currency'], String(row['date_start']));
    if (rate !== undefined && isOld(rate)) this.#flags.add('old-rate');
    return rate;
  }

  async *#rows(report: PlannedReport, run: string): AsyncGenerator<readonly GraphObject[], void, undefined> {
    const { graph, options } = this.#reading;
    const required = [
      'account_id',
      'date_start',
      ...idColumns(options.insights.level),
      ...REQUIRED_FIELDS.filter((field) => report.group.includes(field)),
    ];
    const list = {
      path: `${run}/insights`,
      query: {},
      accountId: this.#accountId,
      pageSize: this.#firstPage,
      onPageSize: this.#pageSize.learn,
      hasTextNumbers: true,
    };
    for await (const page of pagesOf(graph, list, this.#request)) {
      for (const row of page) requireFields(row, required);
      yield page;
    }
  }

  readonly #listIds: ListIds = async (level, parent) => {
    const accountId = this.#accountId;
    const ids: string[] = [];
    const list = {
      path: `${parent ?? `act_${accountId}`}/${EDGES[level]}`,
      query: { fields: 'id', effective_status: JSON.stringify(STATUSES[level]) },
      accountId,
      pageSize: 500,
    };
    for await (const page of pagesOf(this.#reading.graph, list, this.#request)) {
      ids.push(...page.map(({ id }) => String(id)));
    }
    return [...new Set(ids)].sort();
  };
}
