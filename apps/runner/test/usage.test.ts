import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runEtl, temporaryDirectory } from './etl-process.ts';

describe('the command line', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;

  beforeAll(async () => {
    directory = await temporaryDirectory();
  });
  afterAll(async () => {
    await directory[Symbol.asyncDispose]();
  });

  const etl = (...args: string[]) => runEtl(args, { cwd: directory.path });

  test('an unknown platform is a usage error that names the platforms', async () => {
    const { exitCode, stderr, stdout } = await etl('run', 'nosuch', 'x');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('There is no platform nosuch');
    expect(stderr).toContain('The platforms are: esim, facebook, esim_facebook, subscription_facebook, pg.');
    expect(stderr).toContain('PLATFORM_UNKNOWN · docs/errors.md#platform_unknown');
    expect(stdout).toBe('');
  });

  test('an unknown platform is one for every command that takes it', async () => {
    for (const command of ['check', 'discover']) {
      expect((await etl(command, 'nosuch', 'x')).exitCode).toBe(2);
    }
  });

  test('a mistyped command is answered with the one that was meant', async () => {
    const { exitCode, stderr } = await etl('rnu', 'pg', 'shop');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Did you mean run?');
  });

  test('no command prints the help and is a usage error', async () => {
    const { exitCode, stderr } = await etl();
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Usage: etl');
  });

  test('an unknown option is a usage error', async () => {
    const { exitCode, stderr } = await etl('run', 'pg', 'shop', '--strem', 'orders');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Did you mean --stream?');
  });

  test('an unknown destination of a query is answered with all that there are, the demo included', async () => {
    const { exitCode, stderr } = await etl('sql', 'SELECT 1', '--destination', 'nosuch');
    expect(exitCode).toBe(78);
    expect(stderr).toContain('The destinations are clickhouse, clickhouse_esim, clickhouse_dashboard, demo.');
    expect((await etl('sql', 'SELECT 1', '--json', '--format', 'TSV')).exitCode).toBe(2);
  });

  test('help goes to stdout, names commands and platforms, and is fast', async () => {
    const startedAt = performance.now();
    const { exitCode, stdout } = await etl('--help');
    expect(exitCode).toBe(0);
    for (const command of ['run', 'check', 'discover', 'groups', 'sql', 'demo']) {
      expect(stdout).toContain(`  ${command} `);
    }
    expect(stdout).toMatch(/Platforms:\n(?: {2}.*\n)* {2}pg /);
    expect(stdout).toContain('run [options] <platform> <group>');
    expect(stdout).not.toContain('<platform> [group]');
    // 120 ms on an idle machine; loading one connector would cost more than this allows.
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });
});
