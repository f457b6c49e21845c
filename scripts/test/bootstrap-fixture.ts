import { spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const scripts = path.dirname(import.meta.dirname);

/** How a fixture differs from a machine with an old Node.js and no pnpm. */
export interface Machine {
  /** The oldest Node.js the repository takes; by default none there is, so that one is installed. */
  minimumNode?: string;
  /** The version of a pnpm on the PATH. */
  pnpmOnPath?: string;
}

export interface Outcome {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/**
 * A small repository in a folder of its own, with the real bootstrap, an npm that makes tools out of
 * shell scripts, and a pnpm that writes one file. Every call of them is kept in `calls`.
 */
export class BootstrapFixture implements AsyncDisposable {
  readonly root = mkdtempSync(path.join(tmpdir(), 'bootstrap-'));
  readonly #children: ChildProcess[] = [];
  readonly #path = path.join(this.root, 'path');

  constructor(machine: Machine = {}) {
    cpSync(path.join(scripts, 'bootstrap.mjs'), path.join(this.root, 'scripts', 'bootstrap.mjs'));
    cpSync(path.join(scripts, 'bootstrap'), path.join(this.root, 'scripts', 'bootstrap'), { recursive: true });
    this.write('.nvmrc', '24.0.0\n');
    this.write('pnpm-lock.yaml', 'lockfileVersion: 9\n');
    this.write('pnpm-workspace.yaml', '');
    this.write(
      'package.json',
      JSON.stringify({
        engines: { node: `>=${machine.minimumNode ?? '999.0.0'}` },
        devEngines: { packageManager: { name: 'pnpm', version: '12.21.0' } },
      }),
    );
    this.write('npm-cli.js', fakeNpm);
    this.write('fake-pnpm.cjs', fakePnpm);
    mkdirSync(this.#path);
    if (machine.pnpmOnPath !== undefined) this.#writePnpm(path.join(this.#path, 'pnpm'), machine.pnpmOnPath);
  }

  write(file: string, text: string): void {
    mkdirSync(path.dirname(path.join(this.root, file)), { recursive: true });
    writeFileSync(path.join(this.root, file), text);
  }

  read(file: string): string {
    return readFileSync(path.join(this.root, file), 'utf8');
  }

  exists(file: string): boolean {
    return existsSync(path.join(this.root, file));
  }

  list(folder: string): string[] {
    return this.exists(folder) ? readdirSync(path.join(this.root, folder)).toSorted() : [];
  }

  /** What npm and pnpm were asked to do, such as `pnpm install` and `pnpm installed`. */
  get calls(): string[] {
    return this.exists('calls') ? this.read('calls').trim().split('\n') : [];
  }

  async waitForCall(call: RegExp): Promise<void> {
    while (!this.calls.some((text) => call.test(text))) await sleep(10);
  }

  start(args: string[], env: Record<string, string> = {}): { child: ChildProcess; outcome: Promise<Outcome> } {
    const child = spawn(process.execPath, [path.join(this.root, 'scripts', 'bootstrap.mjs'), ...args], {
      cwd: this.root,
      env: { PATH: this.#path, FIXTURE: this.root, npm_execpath: path.join(this.root, 'npm-cli.js'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const outcome = new Promise<Outcome>((resolve) => {
      child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
    });
    return { child, outcome };
  }

  run(args: string[], env?: Record<string, string>): Promise<Outcome> {
    return this.start(args, env).outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.root, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }

  #writePnpm(file: string, version: string): void {
    writeFileSync(
      file,
      `#!/bin/sh\nPNPM_VERSION=${version} exec '${process.execPath}' "$FIXTURE/fake-pnpm.cjs" "$@"\n`,
    );
    chmodSync(file, 0o755);
  }
}

const slowly = `
const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs');
const say = (line) => appendFileSync(process.env.FIXTURE + '/calls', line + '\\n');
const act = (name, work) => {
  if (process.env.FAIL === name) { console.error(name + ' says: no network'); process.exit(1); }
  setTimeout(work, process.env.SLOW === name ? 30_000 : 100);
};`;

const fakeNpm = `${slowly}
const spec = process.argv.at(-1);
const [name] = spec.split(/(?<=.)@/);
say('npm ' + name);
mkdirSync('node_modules/half-made', { recursive: true });
act('npm', () => {
  const isPnpm = name.startsWith('@pnpm');
  const folder = 'node_modules/' + name + (isPnpm ? '' : '/bin');
  mkdirSync(folder, { recursive: true });
  const command = isPnpm ? '"$FIXTURE/fake-pnpm.cjs" ' : '';
  writeFileSync(folder + (isPnpm ? '/pnpm' : '/node'), "#!/bin/sh\\nINSTALLED=1 exec '" + process.execPath + "' " + command + '"$@"\\n', { mode: 0o755 });
});`;

const fakePnpm = `${slowly}
if (process.argv[2] === '--version') { console.log(process.env.PNPM_VERSION); return; }
say('pnpm ' + process.argv[2]);
mkdirSync('node_modules/half-made', { recursive: true });
act('pnpm', () => { writeFileSync('node_modules/complete', ''); say('pnpm installed'); });`;
