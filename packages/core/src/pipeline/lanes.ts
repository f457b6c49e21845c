import type { EtlError } from '../etl-error.ts';

/** Work that has to wait for other work of its lanes. */
export interface LaneTask {
  /** Tasks that share a lane are carried out one after the other, in the order given. */
  readonly lanes: readonly string[];
}

/** What carrying out a task says about those that follow it in its first lane. */
export type LaneOutcome = 'go-on' | { readonly parked: EtlError };

/**
 * Carries tasks out: at most `limit` at the same time, at most one of each lane, each lane in order.
 * A lane that is parked gets none of its remaining tasks; they are given back with the reason.
 *
 * `work` must not reject for anything that only concerns its task: a rejection ends everything, once
 * what is under way has settled.
 */
export async function runLanes<T extends LaneTask>(
  tasks: readonly T[],
  limit: number,
  work: (task: T) => Promise<LaneOutcome>,
  mayStart: () => boolean,
): Promise<{
  readonly parked: readonly { readonly task: T; readonly error: EtlError }[];
  readonly left: readonly T[];
}> {
  let waiting = [...tasks];
  const busy = new Set<string>();
  const parked = new Map<string, EtlError>();
  const given: { readonly task: T; readonly error: EtlError }[] = [];
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];

  const start = (task: T): void => {
    for (const lane of task.lanes) busy.add(lane);
    const done = carryOut(task).finally(() => {
      for (const lane of task.lanes) busy.delete(lane);
      running.delete(done);
    });
    running.add(done);
  };

  const carryOut = async (task: T): Promise<void> => {
    try {
      const outcome = await work(task);
      const [own] = task.lanes;
      if (outcome !== 'go-on' && own !== undefined) parked.set(own, outcome.parked);
    } catch (error) {
      failures.push(error);
    }
  };

  const next = (): T | undefined => {
    // A task that cannot start yet keeps its lanes from those behind it, so that order holds.
    const blocked = new Set(busy);
    for (const task of waiting) {
      if (task.lanes.every((lane) => !blocked.has(lane))) return task;
      for (const lane of task.lanes) blocked.add(lane);
    }
    return undefined;
  };

  for (;;) {
    const parkedTasks = waiting.filter(({ lanes: [own = ''] }) => parked.has(own));
    for (const task of parkedTasks) {
      const error = parked.get(task.lanes[0] ?? '');
      if (error !== undefined) given.push({ task, error });
    }
    waiting = waiting.filter((task) => !parkedTasks.includes(task));
    for (;;) {
      const task = failures.length === 0 && running.size < limit && mayStart() ? next() : undefined;
      if (task === undefined) break;
      waiting.splice(waiting.indexOf(task), 1);
      start(task);
    }
    if (running.size === 0) break;
    await Promise.race(running);
  }
  if (failures.length > 0) throw failures[0];
  return { parked: given, left: waiting };
}
