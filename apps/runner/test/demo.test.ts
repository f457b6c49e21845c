import { once } from 'node:events';
import { chmod, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runEtl, startEtl, temporaryDirectory, type EtlProcess } from './etl-process.ts';

describe('the demo', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let temporary: string;

  beforeEach(async () => {
    directory = await temporaryDirectory();
    // PostgreSQL keeps its files here. Started by root, it runs as a user who has to get in, and to clean up.
    temporary = join(directory.path, 'tmp');
    await mkdir(temporary);
    await chmod(directory.path, 0o711);
    await chmod(temporary, 0o1777);
  });
  afterEach(async () => {
    await directory[Symbol.asyncDispose]();
  });

  const env = () => ({ TMPDIR: temporary, CI: 'true', CLICKHOUSE_URL: 'http://127.0.0.1:1' });

  /** Until PostgreSQL is up, filled, and being read. */
  async function whenReplicating({ child }: EtlProcess): Promise<void> {
    for (let seen = ''; !seen.includes('make a travel shop');) {
      const [text] = (await once(child.stderr!, 'data')) as [string];
      seen += text;
    }
    await delay(500);
  }

  /** Compiled modules are kept for the next start, and are of no demo. */
  async function leftIn(folder: string): Promise<readonly string[]> {
    return (await readdir(folder)).filter((name) => name !== 'node-compile-cache');
  }

  async function untilEmpty(folder: string): Promise<readonly string[]> {
    for (let tries = 0; tries < 100; tries += 1) {
      if ((await leftIn(folder)).length === 0) return [];
      await delay(100);
    }
    return leftIn(folder);
  }

  test('compares equal, prints commands that work, and leaves nothing running', { timeout: 180_000 }, async () => {
    const { exitCode, stdout, output } = await runEtl(['demo'], { cwd: directory.path, env: env() });
    expect(exitCode, output).toBe(0);
    expect(stdout).toContain('25 tables equal');
    expect(stdout.match(/ ✓$/gm)).toHaveLength(25);
    expect(await leftIn(temporary)).toEqual([]);

    const commands = [...stdout.matchAll(/npm run --silent etl -- (sql --destination demo) "([^"]+)"/g)];
    expect(commands.length).toBeGreaterThan(1);
    for (const [, args = '', query = ''] of commands) {
      const answer = await runEtl([...args.split(' '), query], { cwd: directory.path, env: env() });
      expect(answer.exitCode, answer.output).toBe(0);
      expect(answer.stdout.trimEnd().split('\n').length).toBeGreaterThan(4);
    }
  });

  test('stopped by SIGINT, it takes PostgreSQL with it', { timeout: 60_000 }, async () => {
    const demo = startEtl(['demo'], { cwd: directory.path, env: env() });
    await whenReplicating(demo);
    demo.child.kill('SIGINT');
    const { exitCode, output } = await demo.outcome;
    expect(exitCode, output).toBe(130);
    expect(await leftIn(temporary)).toEqual([]);
  });

  test('killed, it takes PostgreSQL with it, and the next one starts', { timeout: 60_000 }, async () => {
    const demo = startEtl(['demo'], { cwd: directory.path, env: env() });
    await whenReplicating(demo);
    const second = await runEtl(['demo'], { cwd: directory.path, env: env() });
    expect(second.exitCode, second.output).toBe(75);
    expect(second.stderr).toContain(`Another demo is running here (process ${demo.child.pid}).`);
    demo.child.kill('SIGKILL');
    await demo.outcome;
    expect(await untilEmpty(temporary)).toEqual([]);
    const third = startEtl(['demo'], { cwd: directory.path, env: env() });
    await whenReplicating(third);
    third.child.kill('SIGTERM');
    expect((await third.outcome).exitCode).toBe(143);
  });
});
