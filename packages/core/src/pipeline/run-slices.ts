import { EtlError, type ErrorKind } from '../etl-error.ts';
import { isUnfinishedLoad } from '../unfinished-load.ts';
import { isOfWholeWindow } from '../slice-gate.ts';
import type { Slice } from '../slice.ts';
import type { StreamSlices } from '../source.ts';
import { newestEntries, type StateEntry } from '../state.ts';
import { AccountDelay } from './account-delay.ts';
import { beginBackfill, type Backfill } from './backfill.ts';
import { askedSlices, dueSlices, type DueSlice } from './due-slices.ts';
import { runLanes, type LaneOutcome, type LaneTask } from './lanes.ts';
import { failedEntry, loadWindow, SPLITTING_KINDS } from './load-window.ts';
import { readOptions, type PipelineRun } from './pipeline-run.ts';
import { planProblem } from './plan-problem.ts';
import { isFromSource } from './source-failure.ts';
import { apart, windowsOf, type SliceWindow } from './slice-window.ts';

const CONCURRENCY = 4;

/** What such an error says of one slice it says of its whole lane: asking on would only cost calls. */
const PARKING_KINDS: ReadonlySet<ErrorKind> = new Set(['rate-limit', 'auth', 'permission', 'config']);

/**
 * Reads what is due, then what somebody asked for. Windows are read next to each other as lanes
 * allow; every slice is checked and recorded on its own, and none stops the others.
 */
export async function runSlices(run: PipelineRun): Promise<void> {
  const slices = new SliceRun(run, await run.session.readState());
  await slices.loadDue();
  if (run.options.days !== undefined) await slices.loadAsked(run.options.days);
}

interface WindowLane extends LaneTask {
  readonly plan: StreamSlices;
  readonly window: SliceWindow;
  /** See `WindowTask.isBackfill`. */
  readonly isBackfill: boolean;
}

class SliceRun {
  readonly #run: PipelineRun;
  /** Slices that are good since this run began. */
  readonly #loaded = new Map<string, Set<string>>();
  /** Lanes that wait for another run. */
  readonly #parked = new Map<string, EtlError>();
  readonly #misplanned = new Set<string>();
  readonly #delay: AccountDelay;
  #state: readonly StateEntry[];

  constructor(run: PipelineRun, state: readonly StateEntry[]) {
    this.#run = run;
    this.#delay = new AccountDelay(run);
    this.#state = state;
  }

  async loadDue(): Promise<void> {
    const { options, session, recorder, now } = this.#run;
    const tasks: WindowLane[] = [];
    for (const plan of await this.#plan({})) {
      const ledger = await session.readLedger(plan.stream.name);
      const due =
        options.fullRefresh === true ? askedSlices(plan.slices, ledger) : dueSlices(plan.slices, ledger, now());
      recorder.slicesPlanned(plan.stream.name, plan.slices.length, due);
      tasks.push(...tasksOf(plan, due, false));
    }
    await this.#load(tasks);
  }

  /** A backfill has no say over streams without days: they are increments, and read already. */
  async loadAsked(days: NonNullable<PipelineRun['options']['days']>): Promise<void> {
    const { options, session, recorder, now } = this.#run;
    const tasks: WindowLane[] = [];
    const backfills: { readonly stream: string; readonly backfill: Backfill }[] = [];
    for (const plan of await this.#plan({ days })) {
      const { stream } = plan;
      const inDays = plan.slices.filter(({ scope }) => scope?.days !== undefined);
      if (inDays.length === 0) continue;
      const asked = askedSlices(inDays, await session.readLedger(stream.name));
      const onlyMissing = options.onlyMissing === true;
      const backfill = await beginBackfill(session, stream.name, days, asked, { now: now(), onlyMissing });
      const due = backfill.due.filter(({ slice }) => this.#loaded.get(stream.name)?.has(slice.key) !== true);
      recorder.slicesPlanned(stream.name, inDays.length, due);
      backfills.push({ stream: stream.name, backfill });
      tasks.push(...tasksOf(plan, due, true));
    }
    await this.#load(tasks);
    for (const { stream, backfill } of backfills) {
      const loaded = this.#loaded.get(stream);
      if (backfill.due.every(({ slice }) => loaded?.has(slice.key))) await backfill.finish();
    }
  }

  /** What the source expects, without the streams that cannot be loaded slice by slice. */
  async #plan(asked: Pick<PipelineRun['options'], 'days'>): Promise<readonly StreamSlices[]> {
    const { options, recorder } = this.#run;
    const request = { ...readOptions(this.#run), ...asked, state: this.#state };
    const plans = (await options.source.plan?.(request)) ?? [];
    return plans.filter(({ stream, slices, problem: own }) => {
      recorder.streamSeen(stream.name);
      const problem = own ?? planProblem(stream, slices);
      if (problem === undefined) return true;
      if (!this.#misplanned.has(stream.name)) recorder.streamFailed(stream.name, problem);
      this.#misplanned.add(stream.name);
      return false;
    });
  }

  async #load(tasks: readonly WindowLane[]): Promise<void> {
    const { options, recorder } = this.#run;
    for (const { plan, window, lanes } of tasks) {
      const error = this.#parked.get(lanes[0] ?? '');
      if (error !== undefined) this.#notRead(plan, window.members, error);
    }
    const free = tasks.filter(({ lanes: [lane = ''] }) => !this.#parked.has(lane));
    for (const part of this.#delay.partsOf(free)) {
      if (this.#mayStart()) await this.#delay.before(part);
      const { parked, left } = await runLanes(
        part.tasks,
        options.concurrency ?? CONCURRENCY,
        (task) => this.#loadWindow(task, task.window),
        () => this.#mayStart(),
      );
      for (const { task, error } of parked) this.#notRead(task.plan, task.window.members, error);
      for (const { plan, window } of left) recorder.slicesLeft(plan.stream.name, window.members.length);
      this.#run.signal.throwIfAborted();
    }
  }

  #mayStart(): boolean {
    const { options, signal, now } = this.#run;
    if (signal.aborted || this.#delay.isTooLate) return false;
    return options.deadline === undefined || now() < options.deadline;
  }

  async #loadWindow(task: WindowLane, window: SliceWindow): Promise<LaneOutcome> {
    const { plan, isBackfill } = task;
    const { session, signal, recorder, now } = this.#run;
    const stream = plan.stream.name;
    const readAt = now().toISOString();
    recorder.event({ type: 'window-started', stream, slice: window.slice.key, slices: window.members.length });
    try {
      const moved = await loadWindow(this.#run, { plan, window, state: this.#state, isBackfill });
      this.#state = newestEntries([...this.#state, ...moved]);
      for (const { slice } of window.members) this.#noteLoaded(stream, slice);
      return 'go-on';
    } catch (error) {
      signal.throwIfAborted();
      // Its rows will stand: whatever is read of them before that would be compared with older ones.
      if (isUnfinishedLoad(error)) throw error;
      const failure = EtlError.from(error);
      const maySplit = SPLITTING_KINDS.has(failure.kind) && !isOfWholeWindow(failure);
      if (window.members.length > 1 && maySplit) return this.#loadApart(task, window);
      await session.writeLedger(window.members.map((member) => failedEntry(stream, member, readAt, failure)));
      for (const { slice } of window.members) recorder.sliceFailed(stream, slice, failure);
      if (!isFromSource(error) || !PARKING_KINDS.has(failure.kind)) return 'go-on';
      recorder.event({ type: 'lane-parked', stream, lane: laneOf(plan, window.slice), error: failure });
      this.#parked.set(laneOf(plan, window.slice), failure);
      return { parked: failure };
    }
  }

  /** One bad day must not keep the good ones of its window back. */
  async #loadApart(task: WindowLane, window: SliceWindow): Promise<LaneOutcome> {
    const { plan } = task;
    const singles = [...apart(window)];
    for (;;) {
      const single = singles.shift();
      if (single === undefined) return 'go-on';
      if (!this.#mayStart()) {
        this.#run.recorder.slicesLeft(plan.stream.name, singles.length + 1);
        return 'go-on';
      }
      const outcome = await this.#loadWindow(task, single);
      if (outcome === 'go-on') continue;
      for (const { members } of singles) this.#notRead(plan, members, outcome.parked);
      return outcome;
    }
  }

  #notRead({ stream }: StreamSlices, members: readonly DueSlice[], error: EtlError): void {
    for (const { slice } of members) this.#run.recorder.sliceFailed(stream.name, slice, error);
  }

  #noteLoaded(stream: string, slice: Slice): void {
    const loaded = this.#loaded.get(stream) ?? new Set();
    this.#loaded.set(stream, loaded.add(slice.key));
  }
}

function tasksOf(plan: StreamSlices, due: readonly DueSlice[], isBackfill: boolean): readonly WindowLane[] {
  return windowsOf(due, plan.windowDays).map((window) => {
    const lanes = [laneOf(plan, window.slice)];
    // Increments of one table can meet in a row, so they are loaded in order.
    if (window.slice.scope === undefined) lanes.push(`increments of ${plan.stream.name}`);
    return { plan, window, lanes, isBackfill };
  });
}

function laneOf({ stream }: StreamSlices, slice: Slice): string {
  return slice.lane === undefined ? `stream ${stream.name}` : `lane ${slice.lane}`;
}
