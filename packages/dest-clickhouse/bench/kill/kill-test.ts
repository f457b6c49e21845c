import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChildProgram } from '../child-program.ts';
import { randomNumbers } from './world.ts';

/** How a kill test ended. */
export interface KillReport {
  readonly seed: number;
  kills: number;
  /** Kills between the start of the process and the end of its recovery. */
  killsAtStart: number;
  /** Kills while it compared its tables with the world. */
  killsWhileVerifying: number;
  /** Comparisons of all tables with the world. */
  verified: number;
  loads: number;
  /** Loads that a start completed, because the run before it was killed behind its commit point. */
  rolledForward: number;
  /** Starts at which the engine itself crashed; they are repeated. */
  engineCrashes: number;
  readonly wrong: string[];
}

type Aim = 'start' | 'load' | 'verify';
type Outcome = 'killed' | 'crashed' | 'wrong' | 'verified';

/** Kills after which a new database is begun, so that first loads are killed, too. */
const KILLS_PER_DATABASE = 50;

/**
 * Kills a loading process `kills` times with SIGKILL, each time at a random moment, a quarter of them
 * between start and the end of recovery. Every start proves that the tables are exactly the world at
 * the stored position.
 */
export async function killTest(
  kills: number,
  seed: number,
  onKill: (report: Readonly<KillReport>) => void = () => undefined,
): Promise<KillReport> {
  const directory = mkdtempSync(join(tmpdir(), 'etl-kill-'));
  const report: KillReport = {
    seed,
    kills: 0,
    killsAtStart: 0,
    killsWhileVerifying: 0,
    verified: 0,
    loads: 0,
    rolledForward: 0,
    engineCrashes: 0,
    wrong: [],
  };
  const random = randomNumbers(seed);
  const killer = new Killer(report);
  try {
    for (let world = 0; report.kills < kills; world += 1) {
      const path = join(directory, `engine ${world}`);
      const until = Math.min(kills, report.kills + KILLS_PER_DATABASE);
      while (report.kills < until) {
        const aim = random() < 0.25 ? 'start' : 'load';
        const outcome = await killer.runOnce(path, seed + world, aim, random());
        if (outcome === 'wrong') return report;
        if (outcome === 'killed') onKill(report);
      }
      // A crash of the engine proves nothing: try again.
      while ((await killer.runOnce(path, seed + world, 'verify', 0)) === 'crashed');
      if (report.wrong.length > 0) return report;
      rmSync(path, { recursive: true, force: true });
    }
    return report;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

class Killer {
  readonly #report: KillReport;
  /** How long the last recovery took, in milliseconds: what the next one probably takes. */
  #recoveryMs = 500;
  /** The same of a load. */
  #loadMs = 500;

  constructor(report: KillReport) {
    this.#report = report;
  }

  /** Starts the process and kills it; `moment`, below 1, says when within what is aimed at. */
  async runOnce(path: string, seed: number, aim: Aim, moment: number): Promise<Outcome> {
    const report = this.#report;
    let at = 'start';
    let wasKilled = false;
    let hasCommitted = false;
    let timer: NodeJS.Timeout | undefined;
    let startedAt = performance.now();
    const killIn = (milliseconds: number): void => {
      timer = setTimeout(() => {
        wasKilled = true;
        program.kill();
      }, milliseconds);
    };
    const program = new ChildProgram(join(import.meta.dirname, 'runner.ts'), [path, String(seed)], (message) => {
      switch (message['type']) {
        case 'started':
          startedAt = performance.now();
          if (aim === 'start') killIn(moment * this.#recoveryMs);
          break;
        case 'opened':
          at = 'comparison';
          this.#recoveryMs = performance.now() - startedAt;
          report.rolledForward += Number(message['rolledForward']);
          break;
        case 'verified':
          at = 'load';
          startedAt = performance.now();
          report.verified += 1;
          if (aim === 'verify') killIn(0);
          if (aim === 'load') killIn(moment * 2.5 * this.#loadMs);
          break;
        case 'committed':
          report.loads += 1;
          hasCommitted = true;
          this.#loadMs = performance.now() - startedAt;
          startedAt = performance.now();
          break;
        default:
          report.wrong.push(JSON.stringify(message));
      }
    });
    const { code, errors } = await program.ended;
    clearTimeout(timer);
    if (report.wrong.length > 0) return 'wrong';
    if (wasKilled) {
      if (aim === 'verify') return 'verified';
      report.kills += 1;
      if (at === 'start') report.killsAtStart += 1;
      if (at === 'comparison') report.killsWhileVerifying += 1;
      // A load that never ends never says how long it takes.
      if (at === 'load' && !hasCommitted) this.#loadMs *= 1.2;
      return 'killed';
    }
    // A signal that is not ours is a crash of the embedded engine; anything else is our own error.
    if (code === null) {
      report.engineCrashes += 1;
      return 'crashed';
    }
    report.wrong.push(`the process ended with ${code}: ${errors}`);
    return 'wrong';
  }
}
