import {
  addDays,
  type ApiCallTotals,
  type DestinationView,
  type LedgerEntry,
  type PipelineHolder,
  type RunRecord,
} from '@etl/core';
import type { SourceStatus } from './source-status.ts';

/** How a pipeline stands, as its destination knows it. */
export interface PipelineStatus {
  readonly pipeline: string;
  /** When the last run ended in which everything due was good; absent when none of those that are kept was. */
  readonly lastGood?: string;
  readonly lastRun?: { readonly endedAt: string; readonly status: RunRecord['status']; readonly rows: number };
  /**
   * Daily slices: the newest day of the stream that is furthest behind. Otherwise the instant up to
   * which everything was read: the start of the last good run.
   */
  readonly freshTo?: string;
  /** Slices that the last run found due and did not load. */
  readonly due: number;
  /** Days that were never loaded although later ones of their account were. */
  readonly gaps: number;
  /** Slices whose last attempt failed, and streams that failed as a whole in the last run. */
  readonly failed: number;
  /** The first one of the last run, or of the newest failed slice; absent when all is good. */
  readonly lastProblem?: LastProblem;
  readonly holder?: PipelineHolder;
  /** How the source's side stands now, where it has something to say and is configured here. */
  readonly source?: SourceStatus;
  /** What the last run that asked its platform asked of it; absent when none is kept. */
  readonly calls?: readonly ApiCallTotals[];
}

export interface LastProblem {
  readonly code: string;
  readonly message: string;
  readonly at: string;
  /** How many more that run had, or how many more slices are failed. */
  readonly more: number;
}

const RUNS_LOOKED_AT = 200;

export async function pipelineStatus(view: DestinationView, pipeline: string): Promise<PipelineStatus> {
  const runs = await view.readRuns(pipeline, RUNS_LOOKED_AT);
  const ledger = await view.readLedger(pipeline);
  const holder = await view.holder(pipeline);
  const calls = (await view.readApiCalls?.(pipeline)) ?? [];
  const [last] = runs;
  const good = runs.find(({ status }) => status === 'ok');
  const days = dayLines(ledger);
  const freshTo = newestDayOfSlowest(days) ?? good?.startedAt;
  const lastProblem = problemOf(last, ledger);
  return {
    pipeline,
    ...(good === undefined ? {} : { lastGood: good.endedAt }),
    ...(last === undefined ? {} : { lastRun: { endedAt: last.endedAt, status: last.status, rows: last.rows } }),
    ...(freshTo === undefined ? {} : { freshTo }),
    due: (last?.streams ?? []).reduce((sum, stream) => sum + Math.max(0, stream.slicesDue - stream.slicesPublished), 0),
    gaps: days.reduce((sum, line) => sum + gapsOf(line), 0),
    failed: ledger.filter(({ status }) => status === 'failed').length + failedStreams(last).size,
    ...(lastProblem === undefined ? {} : { lastProblem }),
    ...(holder === undefined ? {} : { holder }),
    ...(calls.length === 0 ? {} : { calls }),
  };
}

/** The days of one stream and account that the table holds. */
interface DayLine {
  readonly stream: string;
  readonly days: ReadonlySet<string>;
}

/** The ledger knows slices by their keys; those of days end in the day. */
function dayLines(ledger: readonly LedgerEntry[]): readonly DayLine[] {
  const lines = new Map<string, { stream: string; days: Set<string> }>();
  for (const { stream, slice, loadedAt } of ledger) {
    const [, place, day] = /^(.*?)(\d{4}-\d{2}-\d{2})$/.exec(slice) ?? [];
    if (place === undefined || day === undefined || loadedAt === undefined) continue;
    const key = JSON.stringify([stream, place]);
    const line = lines.get(key) ?? { stream, days: new Set<string>() };
    lines.set(key, line);
    line.days.add(day);
  }
  return [...lines.values()];
}

function newestDayOfSlowest(lines: readonly DayLine[]): string | undefined {
  const newest = new Map<string, string>();
  for (const { stream, days } of lines) {
    for (const day of days) if (day > (newest.get(stream) ?? '')) newest.set(stream, day);
  }
  return [...newest.values()].toSorted()[0];
}

function gapsOf({ days }: DayLine): number {
  const [first, ...more] = [...days].toSorted();
  const last = more.at(-1);
  if (first === undefined || last === undefined) return 0;
  let gaps = 0;
  for (let day = first; day < last; day = addDays(day, 1)) if (!days.has(day)) gaps += 1;
  return gaps;
}

function problemOf(last: RunRecord | undefined, ledger: readonly LedgerEntry[]): PipelineStatus['lastProblem'] {
  const [failure] = last?.failures ?? [];
  if (last !== undefined && failure !== undefined) {
    return { code: failure.code, message: failure.message, at: last.endedAt, more: last.failures.length - 1 };
  }
  const failed = ledger.filter(({ status }) => status === 'failed').toSorted((a, b) => (a.readAt < b.readAt ? 1 : -1));
  const [newest] = failed;
  if (newest === undefined) return undefined;
  const [code = '', ...message] = (newest.reason ?? '').split(': ');
  return { code, message: message.join(': '), at: newest.readAt, more: failed.length - 1 };
}

/** A failure of a run as a whole names no stream. */
function failedStreams(last: RunRecord | undefined): ReadonlySet<string> {
  const whole = (last?.failures ?? []).filter(({ stream, slice }) => stream !== '' && slice === undefined);
  return new Set(whole.map(({ stream }) => stream));
}
