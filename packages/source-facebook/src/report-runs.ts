import { EtlError, type ReadRequest } from '@etl/core';
import { z } from 'zod';
import { graphError } from './graph-error.ts';
import type { GraphClient, GraphObject, Parameters } from './graph-client.ts';
import type { ResolvedOptions } from './options.ts';
import { pause } from './pause.ts';
import type { ReportJournal, SubmittedReport } from './report-journal.ts';

const submittedSchema = z.object({ report_run_id: z.string() });
const statusSchema = z.object({
  async_status: z.string(),
  async_percent_completion: z.number(),
  error_code: z.number().optional(),
  error_subcode: z.number().optional(),
});

const STATUS_FIELDS = 'async_status,async_percent_completion';
const ERROR_FIELDS = ',error_code,error_subcode,error_message';
const FIRST_POLL_MS = 10_000;

interface PendingReport {
  readonly index: number;
  readonly parameters: Parameters;
  /** Absent while it waits to be submitted again. */
  run: SubmittedReport | undefined;
  submitAt: number;
  retries: number;
  /** Whether an earlier run submitted it. */
  isTakenUp: boolean;
  hasStarted: boolean;
  percent: number;
}

/** A report that was too much, among those that were asked for. */
export class TooMuchData extends Error {
  /** Of the reports as they were given. */
  readonly index: number;

  constructor(index: number, cause: EtlError) {
    super('A report was too much data.', { cause });
    this.index = index;
  }
}

/** Reports of one account that the platform computes in the background, as many at a time as it is given. */
export class ReportRuns {
  readonly #graph: GraphClient;
  readonly #options: ResolvedOptions;
  readonly #accountId: string;
  readonly #request: ReadRequest;
  readonly #journal: ReportJournal;

  constructor(
    graph: GraphClient,
    options: ResolvedOptions,
    accountId: string,
    { request, journal }: { readonly request: ReadRequest; readonly journal: ReportJournal },
  ) {
    this.#graph = graph;
    this.#options = options;
    this.#accountId = accountId;
    this.#request = request;
    this.#journal = journal;
  }

  /**
   * Ids of the reports once all of them are complete, in the order given. Yields how far they are, for people.
   *
   * @throws TooMuchData for the first that is; FACEBOOK_REPORT_FAILED, FACEBOOK_REPORT_STUCK,
   *   FACEBOOK_REPORT_PENDING, and what requests throw
   */
  async *complete(reports: readonly Parameters[]): AsyncGenerator<string, readonly string[], undefined> {
    const all: PendingReport[] = [];
    for (const [index, parameters] of reports.entries()) {
      const report: PendingReport = {
        index,
        parameters,
        run: this.#journal.find(parameters),
        submitAt: 0,
        retries: 0,
        isTakenUp: false,
        hasStarted: false,
        percent: 0,
      };
      report.isTakenUp = report.run !== undefined;
      if (!report.isTakenUp) await this.#submit(report);
      all.push(report);
    }
    let waiting: readonly PendingReport[] = all;
    for (let waitMs = 0; waiting.length > 0; waitMs = this.#nextWait(waitMs)) {
      yield progressOf(all, waiting);
      await this.#wait(waitMs);
      waiting = await this.#advance(waiting);
    }
    return all.map(({ run }) => run?.id ?? '');
  }

  async #submit(report: PendingReport): Promise<void> {
    const path = `act_${this.#accountId}/insights`;
    try {
      const answer = await this.#graph.post(path, report.parameters, this.#accountId, this.#request);
      const submitted = submittedSchema.safeParse(answer);
      if (!submitted.success) throw this.#failure('FACEBOOK_ANSWER_UNEXPECTED', 'data', 'was not given an id');
      report.run = await this.#journal.add(report.parameters, submitted.data.report_run_id);
      report.hasStarted = false;
    } catch (error) {
      throw tooMuchOf(report, error);
    }
  }

  /** Submits what waits for it, looks at all others together, and gives back those that are not complete. */
  async #advance(reports: readonly PendingReport[]): Promise<readonly PendingReport[]> {
    const now = this.#graph.clock.now();
    for (const report of reports) if (report.run === undefined && report.submitAt <= now) await this.#submit(report);
    const running = reports.flatMap((report) => (report.run === undefined ? [] : [{ report, run: report.run }]));
    // Why a report failed is told from v25.0 on; older versions know no such fields.
    const fields = STATUS_FIELDS + (Number(this.#options.apiVersion.slice(1)) >= 25 ? ERROR_FIELDS : '');
    const paths = running.map(({ run }) => `${run.id}?fields=${fields}`);
    const answers = await this.#graph.batch(paths, this.#accountId, this.#request);
    const complete = new Set<PendingReport>();
    for (const [index, { report, run }] of running.entries()) {
      if (await this.#isComplete(report, run, answers[index])) complete.add(report);
    }
    return reports.filter((report) => !complete.has(report));
  }

  async #isComplete(
    report: PendingReport,
    run: SubmittedReport,
    answer: GraphObject | EtlError | undefined,
  ): Promise<boolean> {
    if (EtlError.isInstance(answer)) {
      if (answer.code === 'FACEBOOK_OBJECT_MISSING') await this.#again(report, answer);
      // One look at a report that failed says nothing of the report.
      else if (answer.kind === 'transient') await this.#requireTime(report, run);
      else throw answer;
      return false;
    }
    const parsed = statusSchema.safeParse(answer);
    if (parsed.success) {
      const { async_status: status, async_percent_completion: percent } = parsed.data;
      if (status === 'Job Completed' && percent >= 100) return true;
      if (status === 'Job Failed' || status === 'Job Skipped') {
        await this.#again(report, this.#failed(status, parsed.data));
        return false;
      }
      report.percent = percent;
      report.hasStarted ||= percent > 0 || status === 'Job Running';
    }
    await this.#requireTime(report, run);
    return false;
  }

  #failed(status: string, { error_code: code, error_subcode: subcode }: z.output<typeof statusSchema>): EtlError {
    const name = code === undefined ? '' : ` with error ${code}/${subcode ?? 0}`;
    if (code !== undefined) {
      const told = graphError({ code, ...(subcode === undefined ? {} : { error_subcode: subcode }) }, 'a report');
      if (told.code === 'FACEBOOK_TOO_MUCH_DATA') return told;
    }
    return this.#failure('FACEBOOK_REPORT_FAILED', 'transient', `ended as ${status}${name}`);
  }

  /** A report that failed is asked for anew some time later, a few times. */
  async #again(report: PendingReport, error: EtlError): Promise<void> {
    const { maxRetries, retryDelaySeconds } = this.#options.reports;
    await this.#journal.drop(report.parameters);
    const isTooMuch = error.code === 'FACEBOOK_TOO_MUCH_DATA';
    if (isTooMuch) throw tooMuchOf(report, error);
    report.run = undefined;
    // That it failed an earlier run is no failure of this one.
    if (report.isTakenUp) {
      report.isTakenUp = false;
      return;
    }
    if (report.retries >= maxRetries) throw error;
    report.submitAt = this.#graph.clock.now() + retryDelaySeconds * 1000 * 2 ** report.retries;
    report.retries += 1;
  }

  async #requireTime({ parameters, hasStarted }: PendingReport, { at }: SubmittedReport): Promise<void> {
    const { startTimeoutSeconds, timeoutSeconds } = this.#options.reports;
    const ageMs = this.#graph.clock.now() - at;
    if (ageMs < timeoutSeconds * 1000 && (hasStarted || ageMs < startTimeoutSeconds * 1000)) return;
    // The next attempt must not wait for the same report.
    await this.#journal.drop(parameters);
    const what = `${hasStarted ? 'was not complete' : 'had not begun'} after ${Math.round(ageMs / 1000)} s`;
    throw this.#failure('FACEBOOK_REPORT_STUCK', 'transient', what);
  }

  #nextWait(waitMs: number): number {
    return Math.min(waitMs === 0 ? FIRST_POLL_MS : waitMs * 2, this.#options.reports.maxPollSeconds * 1000);
  }

  async #wait(waitMs: number): Promise<void> {
    const { deadline, signal, onCall } = this.#request;
    if (deadline !== undefined && this.#graph.clock.now() + waitMs >= deadline.getTime()) {
      throw this.#failure('FACEBOOK_REPORT_PENDING', 'transient', 'would be complete after the deadline only');
    }
    if (waitMs > 0) onCall?.({ type: 'call-waiting', reason: 'report', waitMs });
    if (waitMs > 0) await pause(this.#graph.clock, waitMs, signal);
  }

  #failure(code: string, kind: 'transient' | 'data', what: string): EtlError {
    return new EtlError({
      code,
      kind,
      message: `A report of the ad account ${this.#accountId} ${what}.`,
      hint: 'Run again: reports that are still being computed are taken up, others are asked for anew.',
      context: { accountId: this.#accountId },
    });
  }
}

/** `reports 63 % · 2 in flight` */
function progressOf(all: readonly PendingReport[], waiting: readonly PendingReport[]): string {
  const percent = all.reduce((sum, report) => sum + (waiting.includes(report) ? report.percent : 100), 0) / all.length;
  return `reports ${Math.floor(percent)} % · ${waiting.length} in flight`;
}

function tooMuchOf({ index }: PendingReport, error: unknown): unknown {
  return EtlError.isInstance(error) && error.code === 'FACEBOOK_TOO_MUCH_DATA' ? new TooMuchData(index, error) : error;
}
