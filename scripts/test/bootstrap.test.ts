import { mkdirSync, realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BootstrapFixture } from './bootstrap-fixture.ts';

const PRINT =
  'console.log(JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd(), isInstalled: process.env.INSTALLED === "1" }));';
const TRAP = `
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => setTimeout(() => {
  console.log('stopped by ' + signal);
  process.exit(42);
}, 50));
setTimeout(() => {}, 30_000);
require('node:fs').appendFileSync(process.env.FIXTURE + '/calls', 'running\\n');`;

async function ready(script: string): Promise<BootstrapFixture> {
  const fixture = new BootstrapFixture();
  fixture.write('script.cjs', '');
  await fixture.run(['script.cjs']);
  fixture.write('script.cjs', script);
  return fixture;
}

describe('the script', () => {
  it('gets its arguments as they are, and its output stays its own', async () => {
    await using fixture = await ready(PRINT);
    const { stdout, stderr, exitCode } = await fixture.run(['script.cjs', 'a b', '--json', "it's", '$HOME', '']);
    expect(JSON.parse(stdout)).toMatchObject({
      args: ['a b', '--json', "it's", '$HOME', ''],
      cwd: realpathSync(fixture.root),
      isInstalled: true,
    });
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  });

  it.each([0, 1, 2, 65, 75, 78, 143])('ends with its own exit code %i', async (code) => {
    await using fixture = await ready(`process.exit(${code})`);
    expect((await fixture.run(['script.cjs'])).exitCode).toBe(code);
  });

  it('runs with --here in the folder the user called npm from', async () => {
    await using fixture = await ready(PRINT);
    const folder = path.join(realpathSync(fixture.root), 'elsewhere');
    mkdirSync(folder);
    const { stdout } = await fixture.run(['--here', 'script.cjs'], { INIT_CWD: folder, npm_lifecycle_event: 'etl' });
    expect(JSON.parse(stdout)).toMatchObject({ cwd: folder });
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'is told of %s, once, and may end in its own way',
    async (signal) => {
      await using fixture = await ready(TRAP);
      const { child, outcome } = fixture.start(['script.cjs']);
      await fixture.waitForCall(/^running$/);
      child.kill(signal);
      child.kill(signal);
      expect(await outcome).toMatchObject({ exitCode: 42, stdout: `stopped by ${signal}\n` });
    },
  );

  it('killed by a signal gives 128 and its number', async () => {
    await using fixture = await ready("process.kill(process.pid, 'SIGKILL')");
    expect((await fixture.run(['script.cjs'])).exitCode).toBe(137);
  });
});

describe('the tools', () => {
  it('are installed once, and a warm start starts nothing else', async () => {
    await using fixture = await ready(PRINT);
    const calls = fixture.calls;
    expect(calls).toEqual([
      expect.stringMatching(/^npm node-/),
      expect.stringMatching(/^npm @pnpm\/exe\./),
      'pnpm install',
      'pnpm installed',
    ]);
    const startedAt = performance.now();
    await fixture.run(['script.cjs']);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(fixture.calls).toEqual(calls);
  });

  it('of the user are taken when they fit', async () => {
    await using fixture = new BootstrapFixture({ minimumNode: '22.18.0', pnpmOnPath: '12.4.0' });
    fixture.write('script.cjs', PRINT);
    expect(JSON.parse((await fixture.run(['script.cjs'])).stdout)).toMatchObject({ isInstalled: false });
    expect(fixture.calls).toEqual(['pnpm install', 'pnpm installed']);
  });

  it('of the user are left alone when they are too old', async () => {
    await using fixture = new BootstrapFixture({ pnpmOnPath: '9.15.0' });
    fixture.write('script.cjs', PRINT);
    expect(JSON.parse((await fixture.run(['script.cjs'])).stdout)).toMatchObject({ isInstalled: true });
    expect(fixture.calls).toContainEqual(expect.stringMatching(/^npm @pnpm/));
  });

  it.each([
    ['sunos', /not supported: sunos-.*linux-x64/],
    ['win32', /not supported: win32-.*WSL/],
  ])('cannot be had on %s, which is said', async (platform, message) => {
    await using fixture = new BootstrapFixture();
    const preload = `data:text/javascript,Object.defineProperty(process,'platform',{value:'${platform}'})`;
    const { exitCode, stderr } = await fixture.run(['script.cjs'], { NODE_OPTIONS: `--import=${preload}` });
    expect({ exitCode, stderr }).toEqual({ exitCode: 78, stderr: expect.stringMatching(message) });
    expect(fixture.calls).toEqual([]);
  });
});

describe('the dependencies', () => {
  const COMPILE = 'apps/runner/scripts/compile-modules.ts';

  it('are followed by the compiled modules of the command, once', async () => {
    await using fixture = new BootstrapFixture();
    fixture.write(COMPILE, 'require("node:fs").appendFileSync(process.env.FIXTURE + "/calls", "compiled\\n")');
    fixture.write('script.cjs', '');
    await fixture.run(['script.cjs']);
    await fixture.run(['script.cjs']);
    expect(fixture.calls.slice(-2)).toEqual(['pnpm installed', 'compiled']);
  });

  it('are complete although the modules of the command cannot be compiled', async () => {
    await using fixture = new BootstrapFixture();
    fixture.write(COMPILE, 'console.error("no"); process.exit(1)');
    fixture.write('script.cjs', '');
    expect(await fixture.run(['script.cjs'])).toMatchObject({ exitCode: 0, stdout: '' });
  });

  it('are installed again when the lockfile changes', async () => {
    await using fixture = await ready('');
    fixture.write('pnpm-lock.yaml', 'lockfileVersion: 9.1\n');
    await fixture.run(['script.cjs']);
    expect(fixture.calls.filter((call) => call === 'pnpm installed')).toHaveLength(2);
  });

  it('are installed again when they were deleted', async () => {
    await using fixture = new BootstrapFixture();
    fixture.write('packages/core/package.json', '{}');
    fixture.write('packages/core/node_modules/zod/index.js', '');
    fixture.write('script.cjs', 'require("node:fs").rmSync("packages/core/node_modules", { recursive: true })');
    await fixture.run(['script.cjs']);
    await fixture.run(['script.cjs']);
    expect(fixture.calls.filter((call) => call === 'pnpm installed')).toHaveLength(2);
  });
});

describe('two at once', () => {
  it('install once and both run', async () => {
    await using fixture = new BootstrapFixture();
    fixture.write('script.cjs', PRINT);
    const outcomes = await Promise.all([1, 2, 3].map((number) => fixture.run(['script.cjs', String(number)])));
    expect(outcomes.map(({ exitCode, stdout }) => [exitCode, JSON.parse(stdout).args])).toEqual([
      [0, ['1']],
      [0, ['2']],
      [0, ['3']],
    ]);
    expect(fixture.calls).toHaveLength(4);
    expect(fixture.list('.tools')).toEqual([expect.stringMatching(/^node-/), expect.stringMatching(/^pnpm-/)]);
  });

  it('do not wait for one that is dead', async () => {
    await using fixture = new BootstrapFixture();
    fixture.write('script.cjs', PRINT);
    fixture.write('.tools/lock/owner.json', JSON.stringify({ host: hostname(), processes: [2 ** 22 + 1] }));
    expect((await fixture.run(['script.cjs'])).exitCode).toBe(0);
  });
});

describe('an installation that does not end', () => {
  const steps = [
    ['npm', 'the tools'],
    ['pnpm', 'the dependencies'],
  ] as const;

  it.each(steps)('because %s fails says why and leaves nothing half-made', async (step) => {
    await using fixture = new BootstrapFixture();
    fixture.write('script.cjs', PRINT);
    const { exitCode, stderr } = await fixture.run(['script.cjs'], { FAIL: step });
    expect(exitCode).toBe(70);
    expect(stderr).toContain(`${step} says: no network`);
    expectNothingHalfMade(fixture);
    expect((await fixture.run(['script.cjs'])).exitCode).toBe(0);
  });

  it.each(steps)('because it is stopped within %s leaves nothing half-made', async (step) => {
    await using fixture = new BootstrapFixture();
    fixture.write('script.cjs', PRINT);
    const { child, outcome } = fixture.start(['script.cjs'], { SLOW: step });
    await fixture.waitForCall(step === 'npm' ? /^npm / : /^pnpm install$/);
    child.kill('SIGTERM');
    expect((await outcome).exitCode).toBe(143);
    expectNothingHalfMade(fixture);
    expect(fixture.calls).not.toContain('pnpm installed');
    expect((await fixture.run(['script.cjs'])).exitCode).toBe(0);
  });

  it.each(steps)('because it is killed within %s is made anew by the next start', async (step) => {
    await using fixture = new BootstrapFixture();
    fixture.write('script.cjs', PRINT);
    const { child, outcome } = fixture.start(['script.cjs'], { SLOW: step });
    await fixture.waitForCall(step === 'npm' ? /^npm / : /^pnpm install$/);
    killWithInstaller(fixture, child.pid);
    await outcome;
    if (step === 'pnpm') fixture.write('node_modules/torn', '');
    expect((await fixture.run(['script.cjs'])).exitCode).toBe(0);
    expect(fixture.list('node_modules')).toContain('complete');
    expectNothingHalfMade(fixture);
  });
});

/** As a machine that is switched off: the process and what it started are gone, the lock stays. */
function killWithInstaller(fixture: BootstrapFixture, pid: number | undefined): void {
  const owner = JSON.parse(fixture.read('.tools/lock/owner.json')) as { processes: number[] };
  for (const installer of owner.processes) if (installer !== pid) process.kill(-installer, 'SIGKILL');
  process.kill(Number(pid), 'SIGKILL');
}

function expectNothingHalfMade(fixture: BootstrapFixture): void {
  expect(fixture.list('.tools').filter((name) => !/^(node|pnpm)-[^.]+\.[^.]+\.[^.]+$/.test(name))).toEqual([]);
  if (fixture.exists('node_modules'))
    expect(fixture.list('node_modules')).toEqual(['.bootstrap', 'complete', 'half-made']);
}
