import type { ApiCallTotals } from '../api-call.ts';
import type { Destination } from '../destination.ts';
import type { EtlError } from '../etl-error.ts';
import type { OperationOptions } from '../operation-options.ts';
import type { DayRange } from '../slice.ts';
import type { SourceHealth } from '../source-health.ts';
import type { Source, StreamOutlook, StreamSlices } from '../source.ts';
import type { StreamSpec } from '../stream-spec.ts';
import { askedSlices, dueSlices, type DueSlice } from './due-slices.ts';
import { planProblem } from './plan-problem.ts';
import { windowsOf } from './slice-window.ts';

export interface PlanOptions extends OperationOptions {
  /** Name of the pipeline that would run. */
  readonly name: string;
  readonly source: Source;
  readonly destination: Destination;
  readonly streams?: readonly string[] | undefined;
  readonly days?: DayRange | undefined;
  readonly onlyMissing?: boolean | undefined;
  readonly fullRefresh?: boolean | undefined;
  /** How long to wait for an embedded destination that another process holds. */
  readonly lockWaitMs?: number | undefined;
  readonly now?: (() => Date) | undefined;
}

/** What a run would read of one stream. */
export interface StreamDue {
  readonly stream: StreamSpec;
  readonly expected: number;
  /** In the order in which they would be read; those that were asked for come last. */
  readonly due: readonly DueSlice[];
  /** Reads that these slices take. */
  readonly windows: number;
  /** Why the stream cannot be loaded slice by slice. */
  readonly problem?: EtlError;
}

/** What a run would read of a log. */
export interface LogOutlook {
  readonly streams: readonly StreamOutlook[];
  /** How far behind the log is read, and what threatens it. */
  readonly health?: SourceHealth;
}

/** What a run would do now. */
export interface PipelinePlan {
  readonly pipeline: string;
  /** Absent for a log, which has no slices: what it reads is known when it has read it. */
  readonly streams?: readonly StreamDue[];
  /** Absent for a source with slices, and for a log that does not say what it would do. */
  readonly log?: LogOutlook;
  /** What the last run that asked its platform asked of it: how full its quotas were. */
  readonly calls?: readonly ApiCallTotals[];
}

/** See `planPipeline` of the engine. */
export async function planPipeline(options: PlanOptions): Promise<PipelinePlan> {
  const { name, source, destination, days } = options;
  const view = await destination.inspect({ ...options, waitMs: options.lockWaitMs });
  const now = (options.now ?? (() => new Date()))();
  const { signal, logger, tracer, streams, fullRefresh } = options;
  const request = { signal, logger, tracer, streams, now, state: await view.readState(name) };
  if (source.plan === undefined) {
    const outlook = await source.outlook?.({ ...request, fullRefresh });
    const health = await source.health?.({ signal, logger, tracer });
    if (outlook === undefined) return { pipeline: name };
    return { pipeline: name, log: { streams: outlook, ...(health === undefined ? {} : { health }) } };
  }
  const expected = await source.plan(request);
  const asked = days === undefined ? [] : await source.plan({ ...request, days });
  const names = [...new Set([...expected, ...asked].map(({ stream }) => stream.name))];
  const plans: StreamDue[] = [];
  for (const stream of names) {
    const ledger = await view.readLedger(name, stream);
    const own = expected.find((plan) => plan.stream.name === stream);
    const wanted = asked.find((plan) => plan.stream.name === stream);
    const isRefresh = options.fullRefresh === true;
    const read = own?.slices ?? [];
    const due = isRefresh ? askedSlices(read, ledger) : dueSlices(read, ledger, now);
    const more = wanted === undefined ? [] : backfillOf(wanted, ledger, due, options.onlyMissing === true);
    const plan = own ?? wanted;
    if (plan !== undefined) plans.push(streamDue(plan, own?.slices.length ?? 0, [due, more]));
  }
  const calls = (await view.readApiCalls?.(name)) ?? [];
  return { pipeline: name, streams: plans, ...(calls.length === 0 ? {} : { calls }) };
}

function backfillOf(
  plan: StreamSlices,
  ledger: Parameters<typeof askedSlices>[1],
  due: readonly DueSlice[],
  onlyMissing: boolean,
): readonly DueSlice[] {
  const keys = new Set(due.map(({ slice }) => slice.key));
  const inDays = plan.slices.filter(({ key, scope }) => scope?.days !== undefined && !keys.has(key));
  return askedSlices(inDays, ledger).filter(({ previous }) => !onlyMissing || previous?.status !== 'good');
}

function streamDue(plan: StreamSlices, expected: number, passes: readonly (readonly DueSlice[])[]): StreamDue {
  const problem = plan.problem ?? planProblem(plan.stream, plan.slices);
  return {
    stream: plan.stream,
    expected,
    due: passes.flat(),
    windows: passes.reduce((sum, due) => sum + windowsOf(due, plan.windowDays).length, 0),
    ...(problem === undefined ? {} : { problem }),
  };
}
