import { join } from 'node:path';
import { EtlError } from '@etl/core';
import { clickhouse, openClickHouse } from '../../src/index.ts';
import { ChildProgram } from '../child-program.ts';
import { EngineFront, type Door } from '../engine-front.ts';
import { differences, leftovers } from '../kill/differences.ts';
import { positionOf } from '../kill/load-step.ts';
import { randomNumbers } from '../kill/world.ts';
import { catchUp } from './catch-up.ts';

/** When the statement that was under way while the run was stopped is carried out; at last, the run wakes with it. */
export const LANDINGS = ['at once', 'during the takeover', 'after the takeover', 'awake during the takeover'] as const;
export type Landing = (typeof LANDINGS)[number];

export interface ZombieReport {
  readonly seed: number;
  stops: number;
  /** Stopped runs whose load was finished by the one that took over. */
  rolledForward: number;
  /** Takeovers that failed because the run woke while they were under way, and were repeated. */
  repeatedTakeovers: number;
  /** How the woken runs ended, by error code. */
  readonly ends: Record<string, number>;
  /** Stops after which something was left until the next run. */
  readonly leftUntilNextRun: string[];
  readonly wrong: string[];
}

export interface ZombieOptions {
  readonly seed: number;
  /** Stops at every so many statements of a run. */
  readonly every: number;
  /** Stops that are gone through at the same time, each in a database of its own. 1 unless given. */
  readonly lanes?: number;
  readonly landings?: readonly Landing[];
  readonly onStop?: (statement: number, landing: Landing) => void;
}

interface Stop {
  readonly at: number;
  readonly landing: Landing;
  readonly database: string;
  /** Statement of the takeover at which a statement that lands during it lands. */
  readonly landsAt: number;
}

/**
 * Stops a run with SIGSTOP at a statement, lets another one take its pipeline over and load on, then
 * wakes it with SIGCONT. It must do no harm, wherever it was stopped and whenever its last statement
 * arrives, and must end with an error unless it had committed before.
 */
export async function zombieTest(options: ZombieOptions): Promise<ZombieReport> {
  const report: ZombieReport = {
    seed: options.seed,
    stops: 0,
    rolledForward: 0,
    repeatedTakeovers: 0,
    ends: {},
    leftUntilNextRun: [],
    wrong: [],
  };
  await using front = new EngineFront();
  const lanes = await Promise.all(Array.from({ length: options.lanes ?? 1 }, () => openLane(front)));
  let databases = 0;
  for (const landing of options.landings ?? LANDINGS) {
    let at = 1 + Math.floor(randomNumbers(options.seed)() * options.every);
    let isOver = false;
    await Promise.all(
      lanes.map(async (lane) => {
        while (!isOver) {
          const stop = stopAt(options.seed, at, landing, `zombie_${(databases += 1)}`);
          at += options.every;
          options.onStop?.(stop.at, landing);
          const watch = setTimeout(() => void sayWhereItStands(lane, stop), PATIENCE_MS);
          if (!(await stopAndWake(lane, stop, report).finally(() => clearTimeout(watch)))) isOver = true;
        }
      }),
    );
  }
  return report;
}

/** A stop takes some seconds. */
const PATIENCE_MS = 120_000;

/** Says of a stop that does not come to its end what the engine and both runs are at: else nobody would know. */
async function sayWhereItStands({ doors }: Lane, { at, landing, database }: Stop): Promise<void> {
  const asked =
    "SELECT round(elapsed), query FROM system.processes WHERE query NOT LIKE '%system.processes%' FORMAT TSV";
  const url = new URL(doors.next.url);
  const { username, password } = url;
  url.username = url.password = '';
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const answer = await fetch(url, {
    method: 'POST',
    body: asked,
    headers: { authorization },
    signal: AbortSignal.timeout(10_000),
  }).then(
    (response) => response.text(),
    (error: unknown) => String(error),
  );
  const last = (door: Door): string => door.queries.slice(-3).join(' | ').replaceAll(/\s+/g, ' ');
  process.stderr.write(
    `stopped at statement ${at} in ${database}, which lands ${landing}: stands still for ${PATIENCE_MS / 1000} s\n` +
      `under way: ${answer.trim()}\nof the stopped run: ${last(doors.stopped)}\nof the next one: ${last(doors.next)}\n`,
  );
}

function stopAt(seed: number, at: number, landing: Landing, database: string): Stop {
  return { at, landing, database, landsAt: 1 + Math.floor(randomNumbers(seed + at)() * 90) };
}

/** What one stop after the other goes through: a way into the engine, and its turnstile, for each of the two runs. */
interface Lane {
  readonly doors: Both<Door>;
  readonly turnstiles: Both<Turnstile>;
}

async function openLane(front: EngineFront): Promise<Lane> {
  const turnstiles = { stopped: new Turnstile(), next: new Turnstile() };
  const doors = {
    stopped: await front.openDoor(() => turnstiles.stopped.pass()),
    next: await front.openDoor(() => turnstiles.next.pass()),
  };
  return { doors, turnstiles };
}

/** Counts the statements at the front's door and holds one of them. */
class Turnstile {
  #count = 0;
  #at = 0;
  #onArrival: (() => void | Promise<void>) | undefined;

  letPass(): void {
    this.expect(0, () => undefined);
  }

  expect(at: number, onArrival: () => void | Promise<void>): void {
    this.#count = 0;
    this.#at = at;
    this.#onArrival = onArrival;
  }

  async pass(): Promise<undefined> {
    this.#count += 1;
    if (this.#count !== this.#at) return;
    await this.#onArrival?.();
  }
}

/** Of the run that is stopped, and of the one that takes over. */
interface Both<T> {
  readonly stopped: T;
  readonly next: T;
}

/** False when the run ended before its statement `at`. */
async function stopAndWake({ doors, turnstiles }: Lane, stop: Stop, report: ZombieReport): Promise<boolean> {
  const { seed } = report;
  const { landing, database } = stop;
  const options = { url: doors.next.url, database, dataset: 'kill', staleAfterMs: 100, retryWaitMs: 1 };
  await using destination = clickhouse(options);
  turnstiles.next.letPass();
  {
    await using session = await destination.open('zombie');
    await catchUp(session, seed, 1);
  }
  await using reader = await openClickHouse(options);
  const latch = new Latch();
  let statement: string | undefined;
  const stopped = new Promise<void>((resolve) => {
    turnstiles.stopped.expect(stop.at, () => {
      program.stop();
      statement = doors.stopped.queries.at(-1)?.replaceAll(/\s+/g, ' ').slice(0, 80);
      resolve();
      return landing === 'at once' ? undefined : latch.opened;
    });
  });
  let code = 'said nothing';
  const program = new ChildProgram(
    join(import.meta.dirname, 'runner.ts'),
    [doors.stopped.url, database, String(seed), '2'],
    (message) => (code = String(message['code'])),
  );
  await Promise.race([stopped, program.ended]);
  if (statement === undefined) return false;
  report.stops += 1;
  const what = `seed ${seed}, stopped at statement ${stop.at} (${statement}), which lands ${landing}`;
  const wrong = (text: string): void => void report.wrong.push(`${what}: ${text}`);
  const verify = async (when: string): Promise<void> => {
    for (const text of await differences(reader, database, seed, 3)) wrong(`${when} ${text}`);
  };
  try {
    if (landing.endsWith('during the takeover')) {
      turnstiles.next.expect(stop.landsAt, () => {
        latch.open();
        if (landing.startsWith('awake')) program.wake();
      });
    }
    const before = await takeOver(seed, destination).catch((error: unknown) => {
      if (!landing.startsWith('awake') || !EtlError.isInstance(error) || !error.isRetryable) throw error;
      report.repeatedTakeovers += 1;
      return takeOver(seed, destination);
    });
    if (before === 2) report.rolledForward += 1;
    await verify('after the takeover');
    latch.open();
    program.wake();
    const end = await program.ended;
    report.ends[code] = (report.ends[code] ?? 0) + 1;
    if (code.includes('after 1 loads') && before === 1 && !landing.startsWith('awake'))
      wrong('two runs have loaded the same step');
    if (code === 'said nothing') wrong(`the woken run crashed: ${end.errors}`);
    await verify('after waking');
    const left = await leftovers(reader, database);
    if (left.length > 0) report.leftUntilNextRun.push(`${what}: ${left.join(', ')}`);
    await using session = await destination.open('zombie');
    if ((await positionOf(session)) !== 3) wrong('the position moved');
    await session[Symbol.asyncDispose]();
    await verify('after the next run');
    const still = await leftovers(reader, database);
    if (still.length > 0) wrong(`left for good: ${still.join(', ')}`);
  } catch (error) {
    wrong(`the run that took over failed: ${String(error)}`);
  } finally {
    latch.open();
    program.kill();
    await program.ended;
  }
  return true;
}

class Latch {
  open: () => void = () => undefined;
  readonly opened = new Promise<void>((resolve) => (this.open = resolve));
}

/** Opens the pipeline as soon as its holder counts as dead, loads on, and says where it had begun. */
async function takeOver(seed: number, destination: ReturnType<typeof clickhouse>): Promise<number> {
  await using session = await destination.open('zombie');
  const position = await positionOf(session);
  await catchUp(session, seed, 3);
  return position;
}
