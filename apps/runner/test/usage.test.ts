import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
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
    expect(stderr).toContain("Unknown command 'rnu'; did you mean run?");
    expect(stderr).toContain('etl --help says what there is.');
    expect(stderr).toMatch(/COMMAND_LINE_INVALID · docs\/errors\.md#command_line_invalid +exit 2/);
  });

  test('no command prints the help and is a usage error', async () => {
    const { exitCode, stderr } = await etl();
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Usage: etl');
  });

  test('an unknown option is a usage error', async () => {
    const { exitCode, stderr } = await etl('run', 'pg', 'shop', '--strem', 'orders');
    expect(exitCode).toBe(2);
    expect(stderr).toContain("Unknown option '--strem'; did you mean --stream?");
    expect(stderr).toContain('etl run --help says what there is.');
  });

  test('a command line that cannot be read is told to programs as well', async () => {
    const { exitCode, stdout } = await etl('state', 'show', '--json');
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ exitCode: 2, error: { code: 'COMMAND_LINE_INVALID', kind: 'usage' } });
  });

  test('help is a command too', async () => {
    const { exitCode, stdout } = await etl('help', 'run');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Usage: etl run [options] <platform> <group>');
  });

  test('a number of differing rows that is none is a usage error, as every option is', async () => {
    const { exitCode, stderr } = await etl('verify', 'pg', 'shop', '--limit', 'many');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('LIMIT_INVALID');
  });

  test('an unknown destination of a query is answered with all that there are, the demo included', async () => {
    const { exitCode, stderr } = await etl('sql', 'SELECT 1', '--destination', 'nosuch');
    expect(exitCode).toBe(78);
    expect(stderr).toContain('The destinations are clickhouse, clickhouse_esim, clickhouse_dashboard, demo.');
    expect((await etl('sql', 'SELECT 1', '--json', '--format', 'TSV')).exitCode).toBe(2);
  });

  test('help goes to stdout, names commands and platforms, and loads little', async () => {
    const preload = [resolve(import.meta.dirname, 'loaded-modules.ts')];
    const { exitCode, stdout, stderr } = await runEtl(['--help'], { cwd: directory.path, preload });
    expect(exitCode).toBe(0);
    for (const command of ['run', 'check', 'discover', 'groups', 'sql', 'demo']) {
      expect(stdout).toContain(`  ${command} `);
    }
    expect(stdout).toMatch(/Platforms:\n(?: {2}.*\n)* {2}pg /);
    expect(stdout).toContain('run [options] <platform> <group>');
    expect(stdout).not.toContain('<platform> [group]');
    const loaded = stderr.split('\n').filter((line) => line.startsWith('loaded '));
    expect(loaded.some((line) => line.endsWith('/src/cli.ts'))).toBe(true);
    // Connectors, zod and the engine take longer to load than help may take.
    expect(loaded.filter((line) => !/\/apps\/runner\/|\/commander\/|^loaded node:/.test(line))).toEqual([]);
    expect(loaded.length).toBeLessThan(60);
  });

  test('the first request of a run is made before what loads is there', async () => {
    await using server = await refusingServer();
    const { exitCode, stderr } = await runEtl(['run', 'facebook', 'd1'], {
      cwd: directory.path,
      preload: [resolve(import.meta.dirname, 'loaded-modules.ts')],
      env: {
        CLICKHOUSE_URL: server.url,
        ETL_GROUPS_FACEBOOK: JSON.stringify({ d1: { token: 'of-nobody', account_ids: ['1'], base_url: server.url } }),
      },
    });
    expect(exitCode).toBe(77);
    const lines = stderr.split('\n').filter((line) => /^(?:loaded file:|requested$)/.test(line));
    const before = lines.slice(0, lines.indexOf('requested'));
    expect(before.some((line) => line.endsWith('/dest-clickhouse/src/connection.ts'))).toBe(true);
    const late =
      /\/source-|\/core\/src\/(?:pipeline|http|columns)|\/dest-clickhouse\/src\/(?:session|load)|\/reporters\//;
    expect(before.filter((line) => late.test(line))).toEqual([]);
    expect(lines.filter((line) => line.includes('/csv-parse/'))).toEqual([]);
    expect(lines.filter((line) => /\/locales\/(?!en\.)/.test(line))).toEqual([]);
    expect(before.length).toBeLessThan(150);
  });
});

/** A ClickHouse to which nobody may come. */
async function refusingServer(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((_, response) => {
    response.writeHead(403, { 'x-clickhouse-exception-code': '516' });
    response.end('Code: 516. DB::Exception: default: Authentication failed. (AUTHENTICATION_FAILED)');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
