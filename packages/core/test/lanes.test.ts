import { expect, it } from 'vitest';
import { EtlError } from '../src/index.ts';
import { runLanes, type LaneOutcome } from '../src/pipeline/lanes.ts';

interface Task {
  readonly name: string;
  readonly lanes: readonly string[];
}

const task = (name: string, ...lanes: readonly string[]): Task => ({ name, lanes });

/** Work that goes on only when it is told to, so that the test owns the order of things. */
function workshop() {
  const started: string[] = [];
  const endings = new Map<string, (outcome: LaneOutcome | Error) => void>();
  return {
    started,
    work: (given: Task): Promise<LaneOutcome> => {
      started.push(given.name);
      return new Promise((resolve, reject) => {
        endings.set(given.name, (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome)));
      });
    },
    end: async (name: string, outcome: LaneOutcome | Error = 'go-on'): Promise<void> => {
      endings.get(name)?.(outcome);
      await new Promise(setImmediate);
    },
  };
}

const always = (): boolean => true;

it('reads lanes next to each other and each lane in order', async () => {
  const { started, work, end } = workshop();
  const done = runLanes([task('a1', 'a'), task('a2', 'a'), task('b1', 'b'), task('c1', 'c')], 2, work, always);
  expect(started).toEqual(['a1', 'b1']);
  await end('b1');
  expect(started).toEqual(['a1', 'b1', 'c1']);
  await end('a1');
  expect(started).toEqual(['a1', 'b1', 'c1', 'a2']);
  await end('c1');
  await end('a2');
  expect(await done).toEqual({ parked: [], left: [] });
});

it('keeps the order of a shared lane although another task could start', async () => {
  const { started, work, end } = workshop();
  const done = runLanes([task('a1', 'a'), task('a2', 'a', 'table'), task('b1', 'b', 'table')], 3, work, always);
  expect(started).toEqual(['a1']);
  await end('a1');
  expect(started).toEqual(['a1', 'a2']);
  await end('a2');
  expect(started).toEqual(['a1', 'a2', 'b1']);
  await end('b1');
  await done;
});

it('gives the rest of a parked lane back, and goes on with the others', async () => {
  const { started, work, end } = workshop();
  const error = new EtlError({ code: 'TEST_QUOTA', kind: 'rate-limit', message: 'No quota is left.' });
  const tasks = [task('a1', 'a'), task('b1', 'b'), task('a2', 'a'), task('b2', 'b')];
  const done = runLanes(tasks, 1, work, always);
  await end('a1', { parked: error });
  expect(started).toEqual(['a1', 'b1']);
  await end('b1');
  await end('b2');
  expect(await done).toEqual({ parked: [{ task: tasks[2], error }], left: [] });
});

it('starts nothing more when it may not, and gives back what is left', async () => {
  const { started, work, end } = workshop();
  let mayStart = true;
  const tasks = [task('a1', 'a'), task('a2', 'a')];
  const done = runLanes(tasks, 4, work, () => mayStart);
  mayStart = false;
  await end('a1');
  expect(await done).toEqual({ parked: [], left: [tasks[1]] });
  expect(started).toEqual(['a1']);
});

it('lets what is under way settle before it rejects', async () => {
  const { work, end } = workshop();
  let settled = false;
  const done = runLanes([task('a1', 'a'), task('b1', 'b'), task('b2', 'b')], 2, work, always).finally(() => {
    settled = true;
  });
  const outcome = done.catch((error: unknown) => error);
  await end('a1', new Error('defect'));
  expect(settled).toBe(false);
  await end('b1');
  expect(await outcome).toMatchObject({ message: 'defect' });
});
