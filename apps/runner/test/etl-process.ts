import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const CLI = resolve(import.meta.dirname, '../src/cli.ts');
const FIXTURE = resolve(import.meta.dirname, 'fixture-platform.ts');

/** How one run of the command ended, as a shell sees it. */
export interface EtlOutcome {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Everything a person or a log could see. */
  readonly output: string;
}

export interface EtlOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** With the platform of `fixture-platform.ts`. */
  readonly withFixture?: boolean;
  /** Modules that are loaded before the command line. */
  readonly preload?: readonly string[];
}

/** A running command. */
export interface EtlProcess {
  readonly child: ChildProcess;
  readonly outcome: Promise<EtlOutcome>;
}

/** Starts `etl` as a process of its own, with nothing of this process's configuration. */
export function startEtl(
  args: readonly string[],
  { cwd, env = {}, withFixture = false, preload = [] }: EtlOptions,
): EtlProcess {
  const modules = [...(withFixture ? [FIXTURE] : []), ...preload].flatMap((path) => ['--import', path]);
  const child = spawn(process.execPath, [...modules, CLI, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { child, outcome: outcomeOf(child) };
}

export async function runEtl(args: readonly string[], options: EtlOptions): Promise<EtlOutcome> {
  return startEtl(args, options).outcome;
}

async function outcomeOf(child: ChildProcess): Promise<EtlOutcome> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [exitCode, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { exitCode, signal, stdout, stderr, output: stdout + stderr };
}

/** An empty directory for one test, gone afterwards. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'etl-runner-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
