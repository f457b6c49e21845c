import { setTimeout as delay } from 'node:timers/promises';
import { startEtl, type EtlOutcome } from '../../test/etl-process.ts';
import { Random } from '../random.ts';
import { differences } from './differences.ts';
import { GROUP, type KillScene } from './kill-scene.ts';
import { Workload } from './workload.ts';

export interface KillTestOptions {
  readonly seed: number;
  /** Runs that are killed, each with SIGKILL. Those that had ended before do not count. */
  readonly kills: number;
  /** Immediate crashes of PostgreSQL, spread over the kills. */
  readonly crashes: number;
  readonly writers?: number;
  readonly say?: (line: string) => void;
}

export interface KillTestResult {
  readonly kills: number;
  readonly crashes: number;
  /** Comparisons of both sides, each after a run that was left alone. */
  readonly comparisons: number;
  readonly transactions: number;
  readonly schemaChanges: number;
  /** What was wrong; empty when all is well. */
  readonly problems: readonly string[];
}

const FIRST_SPAN_MS = 2500;
const MOST_KILLS_IN_A_ROW = 4;
/** All is good; some tables change too fast; the server crashed. */
const EXPECTED: ReadonlySet<number | null> = new Set([0, 1, 75]);

/**
 * Kills runs of `etl run pg` at random moments and crashes PostgreSQL, while several sessions write and
 * alter tables. After a few of these the writers pause, a run is left alone, and both sides must hold the same.
 */
export async function killTest(scene: KillScene, options: KillTestOptions): Promise<KillTestResult> {
  const { seed, writers = 3, say = () => undefined } = options;
  const random = new Random(seed);
  const workload = new Workload(scene.postgres.connectionString(), seed * 1000, writers);
  const problems: string[] = [];
  let kills = 0;
  let crashes = 0;
  let comparisons = 0;
  let spanMs = FIRST_SPAN_MS;
  while ((kills < options.kills || crashes < options.crashes) && problems.length === 0) {
    workload.start();
    for (let left = 1 + random.below(MOST_KILLS_IN_A_ROW); left > 0 && kills < options.kills; left -= 1) {
      // The crashes come evenly among the kills, so that both are done at the same time.
      const isCrash = crashes * options.kills < options.crashes * (kills + 1) && random.below(2) === 0;
      const [outcome] = await Promise.all([
        killedRun(scene, random, spanMs),
        isCrash ? crash(scene, random.below(spanMs)) : undefined,
      ]);
      if (isCrash) crashes += 1;
      if (outcome.signal === 'SIGKILL') kills += 1;
      else if (!EXPECTED.has(outcome.exitCode)) problems.push(`exit ${outcome.exitCode} of a run\n${outcome.output}`);
      const end = outcome.signal === 'SIGKILL' ? 'killed' : `ended by itself with ${outcome.exitCode}`;
      say(`${kills} kills, ${crashes} crashes: ${end}${isCrash ? ' with a crash of PostgreSQL' : ''}`);
    }
    if (kills >= options.kills && crashes < options.crashes) {
      await crash(scene, random.below(200));
      crashes += 1;
    }
    await workload.pause();
    const startedAt = performance.now();
    const last = await startEtl(['run', 'pg', GROUP], scene).outcome;
    spanMs = Math.min(Math.max(1000, performance.now() - startedAt), 8000);
    comparisons += 1;
    if (last.exitCode === 0) problems.push(...(await differences(scene)));
    else problems.push(`exit ${last.exitCode}\n${last.output}`);
    say(
      `comparison ${comparisons}, run of ${Math.round(spanMs)} ms: ${problems.length === 0 ? 'equal' : problems.join('; ')}`,
    );
  }
  await workload.pause();
  return {
    kills,
    crashes,
    comparisons,
    transactions: workload.committed,
    schemaChanges: workload.schemaChanges,
    problems,
  };
}

/** Half of the kills come at any time, start-up included; the others soon after a step that the run told of. */
async function killedRun(scene: KillScene, random: Random, spanMs: number): Promise<EtlOutcome> {
  const { child, outcome } = startEtl(['run', 'pg', GROUP, '--verbose'], scene);
  const ended = outcome.then(() => undefined);
  if (random.below(2) === 0) {
    await Promise.race([delay(random.below(spanMs)), ended]);
  } else {
    let left = 1 + random.below(30);
    const reached = new Promise<void>((resolve) => {
      child.stderr?.on('data', (text: string) => {
        left -= text.split('\n').length - 1;
        if (left <= 0) resolve();
      });
    });
    await Promise.race([reached, delay(spanMs), ended]);
    await delay(random.below(40));
  }
  child.kill('SIGKILL');
  return outcome;
}

async function crash({ postgres }: KillScene, afterMs: number): Promise<void> {
  await delay(afterMs);
  await postgres.restart('immediate');
}
