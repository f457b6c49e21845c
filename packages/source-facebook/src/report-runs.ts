import { createHash } from 'node:crypto';
import { EtlError, type ReadRequest } from '@etl/core';
import { z } from 'zod';
import { graphError } from './graph-error.ts';
import type { GraphClient, GraphObject, Parameters } from './graph-client.ts';
import type { ResolvedOptions } from './options.ts';
import { pause } from './pause.ts';

const submittedSchema = z.object({ report_run_id: z.string() });
const rememberedSchema = z.record(z.string(), z.object({ id: z.string(), at: z.number() }));
const statusSchema = z.object({
  async_status: z.string(),
  async_percent_completion: z.number(),
  error_code: z.number().optional(),
  error_subcode: z.number().optional(),
  error_message: z.string().optional(),
});

const STATUS_FIELDS = 'async_status,async_percent_completion';
const ERROR_FIELDS = ',error_code,error_subcode,error_message';
const FIRST_POLL_MS = 10_000;

interface PendingReport {
  readonly index: number;
  readonly parameters: Parameters;
  run: { id: string; at: number };
  retries: number;
  hasStarted: boolean;
}

/**
 * Reports of one account that the platform computes in the background. What was submitted is
 * remembered before it is waited for, so that a run that is killed leaves the next one its reports.
 */
export class ReportRuns {
  readonly #graph: GraphClient;
  readonly #options: ResolvedOptions;
  readonly #accountId: string;
  readonly #request: ReadRequest;
  #remembered: Record<string, { id: string; at: number }> = {};
  #own = new Set<string>();
  #tooLarge: number | undefined;

  constructor(graph: GraphClient, options: ResolvedOptions, accountId: string, request: ReadRequest) {
    this.#graph = graph;
    this.#options = options;
    this.#accountId = accountId;
    this.#request = request;
  }

  /** Which of the reports asked for last was too much data. */
  get tooLarge(): number | undefined {
    return this.#tooLarge;
  }

  /** Takes up what earlier runs had submitted, as far as it is young enough. */
  async restore(): Promise<void> {
    const oldest = this.#graph.clock.now() - this.#options.reports.reattachSeconds * 1000;
    const remembered = rememberedSchema.safeParse(await this.#request.memory?.get(this.#memoryKey()));
    if (!remembered.success) return;
    this.#remembered = Object.fromEntries(Object.entries(remembered.data).filter(([, { at }]) => at >= oldest));
  }

  /** Forgets the reports of this reading: they were read, or must not be read again. */
  async forget(): Promise<void> {
    for (const key of this.#own) delete this.#remembered[key];
    this.#own = new Set();
    await this.#save();
  }

  /**
   * Ids of the reports once all of them are complete, in the order given.
   *
   * @throws FACEBOOK_TOO_MUCH_DATA, FACEBOOK_REPORT_FAILED, FACEBOOK_REPORT_STUCK,
   *   FACEBOOK_REPORT_PENDING, and what requests throw
   */
  async complete(reports: readonly Parameters[]): Promise<readonly string[]> {
    const all: PendingReport[] = [];
    for (const [index, parameters] of reports.entries()) {
      all.push({ index, parameters, run: await this.#attach(parameters, index), retries: 0, hasStarted: false });
    }
    let waiting: readonly PendingReport[] = all;
    for (let waitMs = 0; waiting.length > 0; waitMs = this.#nextWait(waitMs)) {
      await this.#wait(waitMs);
      waiting = await this.#poll(waiting);
    }
    return all.map(({ run }) => run.id);
  }

  async #attach(parameters: Parameters, index: number): Promise<{ id: string; at: number }> {
    const known = this.#remembered[keyOf(parameters)];
    this.#own.add(keyOf(parameters));
    this.#tooLarge = index;
    return known ?? this.#submit(parameters);
  }

  async #submit(parameters: Parameters): Promise<{ id: string; at: number }> {
    const answer = await this.#graph.post(
      `act_${this.#accountId}/insights`,
      parameters,
      this.#accountId,
      this.#request,
    );
    const submitted = submittedSchema.safeParse(answer);
    if (!submitted.success) throw failure('FACEBOOK_ANSWER_UNEXPECTED', 'data', this.#accountId, 'was not given an id');
    const run = { id: submitted.data.report_run_id, at: this.#graph.clock.now() };
    this.#remembered[keyOf(parameters)] = run;
    await this.#save();
    return run;
  }

  async #poll(reports: readonly PendingReport[]): Promise<readonly PendingReport[]> {
    // Why a report failed is told from v25.0 on; older versions know no such fields.
    const fields = STATUS_FIELDS + (Number(this.#options.apiVersion.slice(1)) >= 25 ? ERROR_FIELDS : '');
    const paths = reports.map(({ run }) => `${this.#options.apiVersion}/${run.id}?fields=${fields}`);
    const answers = await this.#graph.batch(paths, this.#accountId, this.#request);
    const waiting: PendingReport[] = [];
    for (const [index, report] of reports.entries()) {
      if (!(await this.#isComplete(report, answers[index]))) waiting.push(report);
    }
    return waiting;
  }

  async #isComplete(report: PendingReport, answer: GraphObject | EtlError | undefined): Promise<boolean> {
    if (EtlError.isInstance(answer)) {
      if (answer.code === 'FACEBOOK_OBJECT_MISSING') return this.#again(report, answer);
      // One look at a report that failed says nothing of the report.
      if (answer.kind !== 'transient') throw answer;
      this.#requireTime(report);
      return false;
    }
    const parsed = statusSchema.safeParse(answer);
    if (!parsed.success) {
      this.#requireTime(report);
      return false;
    }
    const { async_status: status, async_percent_completion: percent } = parsed.data;
    if (status === 'Job Completed' && percent >= 100) return true;
    if (status === 'Job Failed' || status === 'Job Skipped') {
      return this.#again(report, this.#failed(status, parsed.data));
    }
    report.hasStarted ||= percent > 0 || status === 'Job Running';
    this.#requireTime(report);
    return false;
  }

  #failed(status: string, { error_code: code, error_subcode: subcode }: z.output<typeof statusSchema>): EtlError {
    const name = code === undefined ? '' : ` with error ${code}/${subcode ?? 0}`;
    const told =
      code === undefined
        ? undefined
        : graphError({ code, ...(subcode === undefined ? {} : { error_subcode: subcode }) }, 'a report');
    if (told?.code === 'FACEBOOK_TOO_MUCH_DATA') return told;
    return failure('FACEBOOK_REPORT_FAILED', 'transient', this.#accountId, `ended as ${status}${name}`);
  }

  async #again(report: PendingReport, error: EtlError): Promise<false> {
    this.#tooLarge = report.index;
    delete this.#remembered[keyOf(report.parameters)];
    await this.#save();
    if (error.code === 'FACEBOOK_TOO_MUCH_DATA' || report.retries >= this.#options.reports.maxRetries) throw error;
    report.retries += 1;
    report.hasStarted = false;
    report.run = await this.#submit(report.parameters);
    return false;
  }

  #requireTime({ run, hasStarted }: PendingReport): void {
    const { startTimeoutSeconds, timeoutSeconds } = this.#options.reports;
    const ageMs = this.#graph.clock.now() - run.at;
    if (ageMs < timeoutSeconds * 1000 && (hasStarted || ageMs < startTimeoutSeconds * 1000)) return;
    // The next attempt must not wait for the same report.
    for (const [key, { id }] of Object.entries(this.#remembered)) if (id === run.id) delete this.#remembered[key];
    const what = `${hasStarted ? 'was not complete' : 'had not begun'} after ${Math.round(ageMs / 1000)} s`;
    throw failure('FACEBOOK_REPORT_STUCK', 'transient', this.#accountId, what);
  }

  #nextWait(waitMs: number): number {
    return Math.min(waitMs === 0 ? FIRST_POLL_MS : waitMs * 2, this.#options.reports.maxPollSeconds * 1000);
  }

  async #wait(waitMs: number): Promise<void> {
    const { deadline, signal } = this.#request;
    if (deadline !== undefined && this.#graph.clock.now() + waitMs >= deadline.getTime()) {
      throw failure(
        'FACEBOOK_REPORT_PENDING',
        'transient',
        this.#accountId,
        'would be complete after the deadline only',
      );
    }
    if (waitMs > 0) await pause(this.#graph.clock, waitMs, signal);
  }

  async #save(): Promise<void> {
    await this.#request.memory?.set(this.#memoryKey(), this.#remembered);
  }

  #memoryKey(): string {
    return `reports/${this.#accountId}`;
  }
}

function keyOf(parameters: Parameters): string {
  return createHash('sha256').update(JSON.stringify(parameters)).digest('base64url').slice(0, 22);
}

function failure(code: string, kind: 'transient' | 'data', accountId: string, what: string): EtlError {
  return new EtlError({
    code,
    kind,
    message: `A report of the ad account ${accountId} ${what}.`,
    hint: 'Run again: reports that are still being computed are taken up, others are asked for anew.',
    context: { accountId },
  });
}
