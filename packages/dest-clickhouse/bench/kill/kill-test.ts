import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { randomNumbers } from './world.ts';

/** How a kill test ended. */
export interface KillReport {
  readonly seed: number;
  readonly kills: number;
  /** Kills before the killed process had verified its tables: during start-up or recovery. */
  readonly killsAtStart: number;
  readonly loads: number;
  readonly rolledForward: number;
  /** Starts at which the engine itself crashed; they are repeated. */
  readonly engineCrashes: number;
  readonly wrong: readonly string[];
}

interface Message {
  readonly type: 'opened' | 'verified' | 'committed' | 'wrong';
  readonly rolledForward?: number;
  readonly position?: number;
}

/**
 * Kills a loading process `kills` times with SIGKILL, each time at a random moment, a quarter of them
 * between start and the end of recovery. Every start proves that the tables are exactly the world at
 * the stored position.
 */
export async function killTest(
  kills: number,
  seed: number,
  onKill: (count: number) => void = () => undefined,
): Promise<KillReport> {
  const directory = mkdtempSync(join(tmpdir(), 'etl-kill-'));
  const random = randomNumbers(seed);
  const report = {
    seed,
    kills: 0,
    killsAtStart: 0,
    loads: 0,
    rolledForward: 0,
    engineCrashes: 0,
    wrong: [] as string[],
  };
  try {
    while (report.kills < kills) {
      const isAtStart = random() < 0.25;
      const outcome = await runOnce(join(directory, 'engine'), seed, isAtStart ? 'start' : 'load', random(), report);
      if (outcome === 'crashed') report.engineCrashes += 1;
      if (outcome === 'wrong') return report;
      if (outcome === 'killed') onKill(report.kills);
    }
    await runOnce(join(directory, 'engine'), seed, 'verify', 0, report);
    return report;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

type Mutable<T> = { -readonly [P in keyof T]: T[P] };

async function runOnce(
  path: string,
  seed: number,
  aim: 'start' | 'load' | 'verify',
  moment: number,
  report: Mutable<Omit<KillReport, 'wrong'>> & { wrong: string[] },
): Promise<'killed' | 'crashed' | 'wrong'> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'runner.ts'), path, String(seed)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString('utf8')).slice(-4000)));
  let wasKilled = false;
  let hasVerified = false;
  const kill = (): void => {
    wasKilled = true;
    child.kill('SIGKILL');
  };
  let timer = aim === 'start' ? setTimeout(kill, moment * 900) : undefined;
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  for await (const line of createInterface({ input: child.stdout })) {
    const message = JSON.parse(line) as Message;
    if (message.type === 'opened') report.rolledForward += message.rolledForward ?? 0;
    if (message.type === 'committed') report.loads += 1;
    if (message.type === 'wrong') report.wrong.push(line);
    if (message.type === 'verified') {
      hasVerified = true;
      if (aim === 'verify') kill();
      if (aim === 'load') timer = setTimeout(kill, moment * 1500);
    }
  }
  const code = await ended;
  clearTimeout(timer);
  if (report.wrong.length > 0) return 'wrong';
  if (wasKilled) {
    if (aim !== 'verify') report.kills += 1;
    if (!hasVerified) report.killsAtStart += 1;
    return 'killed';
  }
  // A signal that is not ours is a crash of the embedded engine; anything else is our own error.
  if (code === null) return 'crashed';
  report.wrong.push(`the process ended with ${code}: ${errors}`);
  return 'wrong';
}
