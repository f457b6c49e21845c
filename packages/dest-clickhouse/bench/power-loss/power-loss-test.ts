import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChildProgram } from '../child-program.ts';
import { randomNumbers } from '../kill/world.ts';

export interface PowerLossReport {
  readonly seed: number;
  cuts: number;
  /** Loads that had been answered when the power was cut. */
  loads: number;
  /** Loads that were completed by the start after the cut. */
  rolledForward: number;
  readonly wrong: string[];
}

export interface PowerLossOptions {
  readonly seed: number;
  readonly cuts: number;
  /** `ext4`, `xfs`: what `mkfs` can make. */
  readonly fileSystem: string;
  readonly mountOptions: string;
  readonly onCut?: (report: Readonly<PowerLossReport>) => void;
}

/**
 * Cuts the power of a loading process: its database lies on a file system in a file, and what has
 * reached that file at a random moment is all that is left. The file system is told to write nothing
 * on its own for minutes, so only what was made durable on purpose survives. Every load that had been
 * answered must be there, whole, after the file system was mounted again and the pipeline opened.
 *
 * Needs root and loop devices. A drive that lies about its cache is not part of it.
 */
export async function powerLossTest(options: PowerLossOptions): Promise<PowerLossReport> {
  const report: PowerLossReport = { seed: options.seed, cuts: 0, loads: 0, rolledForward: 0, wrong: [] };
  const random = randomNumbers(options.seed);
  const directory = mkdtempSync(join(tmpdir(), 'etl-power-'));
  const image = join(directory, 'image');
  execFileSync('truncate', ['-s', '1G', image]);
  execFileSync(`mkfs.${options.fileSystem}`, ['-q', image]);
  try {
    while (report.cuts < options.cuts && report.wrong.length === 0) {
      const left = join(directory, 'left');
      const answered = await loadUntilCut(image, left, options, 200 + random() * 3000);
      report.cuts += 1;
      // What is left is what the next run finds, so damage would add up.
      execFileSync('mv', [left, image]);
      await startAgain(image, options, answered, report);
      options.onCut?.(report);
    }
    return report;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function startRunner(path: string, seed: number, onMessage: (message: Record<string, unknown>) => void): ChildProgram {
  return new ChildProgram(
    join(import.meta.dirname, '../kill/runner.ts'),
    [join(path, 'engine'), String(seed)],
    onMessage,
  );
}

/** Loads for so long after the first comparison, keeps what the file system has written, says which load was answered last. */
async function loadUntilCut(
  image: string,
  left: string,
  options: PowerLossOptions,
  milliseconds: number,
): Promise<number> {
  const mounted = mount(image, options.mountOptions);
  let answered = 0;
  try {
    const cut = await new Promise<'cut' | 'ended'>((resolve) => {
      const runner = startRunner(mounted, options.seed, ({ type, position }) => {
        if (type === 'committed' || type === 'verified') answered = Number(position);
        if (type !== 'verified') return;
        setTimeout(() => {
          runner.stop();
          execFileSync('cp', ['--sparse=always', image, left]);
          runner.kill();
          resolve('cut');
        }, milliseconds);
      });
      void runner.ended.then(() => resolve('ended'));
    });
    if (cut === 'ended') throw new Error('the loading process ended by itself');
    return answered;
  } finally {
    await unmount(mounted);
  }
}

async function startAgain(
  image: string,
  options: PowerLossOptions,
  answered: number,
  report: PowerLossReport,
): Promise<void> {
  const mounted = mount(image, options.mountOptions);
  const before = report.loads;
  try {
    const runner = startRunner(mounted, options.seed, (message) => {
      if (message['type'] === 'opened') report.rolledForward += Number(message['rolledForward']);
      if (message['type'] === 'wrong') report.wrong.push(JSON.stringify(message));
      if (message['type'] !== 'verified') return;
      const position = Number(message['position']);
      report.loads = position;
      if (position < answered) report.wrong.push(`load ${answered} was answered, but the tables are at ${position}`);
      runner.kill();
    });
    const { code, errors } = await runner.ended;
    if (code !== null && report.wrong.length === 0) report.wrong.push(`the start ended with ${code}: ${errors}`);
    if (report.loads < before) report.wrong.push(`the tables went back from ${before} to ${report.loads}`);
  } finally {
    await unmount(mounted);
  }
}

function mount(image: string, options: string): string {
  const point = `${image}.mounted`;
  mkdirSync(point, { recursive: true });
  execFileSync('mount', ['-o', `loop,${options}`, image, point]);
  return point;
}

/** A process that was killed may hold the file system for another moment. */
async function unmount(point: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      execFileSync('umount', [point], { stdio: 'ignore' });
      return;
    } catch (error) {
      if (attempt === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
