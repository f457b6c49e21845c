import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { startChdbServer, type ChdbServer } from '@etl/testing';
import { startPostgres, type PostgresServer } from '@etl/testing/postgres';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runEtl, temporaryDirectory } from './etl-process.ts';

describe('etl into a ClickHouse by URL', () => {
  const password = randomBytes(12).toString('base64url');
  let postgres: PostgresServer;
  let server: ChdbServer;
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let groups: string;

  beforeAll(async () => {
    [postgres, directory] = await Promise.all([startPostgres(), temporaryDirectory()]);
    server = await startChdbServer({ path: join(directory.path, 'server'), username: 'etl', password });
    const client = new Client({ connectionString: postgres.connectionString() });
    await client.connect();
    await client.query(`CREATE TABLE orders AS SELECT i AS id, 'paid' AS status FROM generate_series(1, 1000) AS i`);
    await client.query('ALTER TABLE orders ADD PRIMARY KEY (id)');
    await client.end();
    groups = JSON.stringify({ shop: { connection_string: postgres.connectionString() } });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await postgres[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  const etl = (args: readonly string[], env: Record<string, string>) =>
    runEtl(args, { cwd: directory.path, env: { ETL_GROUPS_PG: groups, ...env } });

  test('user and password may stand in variables or in the URL', async () => {
    const inVariables = { CLICKHOUSE_URL: server.url, CLICKHOUSE_USER: 'etl', CLICKHOUSE_PASSWORD: password };
    const first = await etl(['run', 'pg', 'shop'], { ...inVariables, CI: 'true' });
    expect(first.exitCode, first.output).toBe(0);
    expect(first.stderr).toMatch(/ok {3}1 stream {3}1,000 rows/);
    const inUrl = { CLICKHOUSE_URL: server.url.replace('://', `://etl:${password}@`) };
    const second = await etl(['run', 'pg', 'shop'], inUrl);
    expect(second.exitCode, second.output).toBe(0);
    expect(second.stderr).toContain('0 rows, nothing changed');
    expect(first.output + second.output).not.toContain(password);
    const counted = await etl(['sql', 'SELECT count() FROM travel.shop___orders', '--format', 'TSV'], inUrl);
    expect(counted.stdout).toBe('1000\n');
  });

  test('a wrong password is exit 77 and is nowhere in the output', async () => {
    const wrong = randomBytes(12).toString('base64url');
    for (const args of [
      ['run', 'pg', 'shop'],
      ['run', 'pg', 'shop', '--verbose'],
      ['sql', 'SELECT 1'],
      ['check', 'pg', 'shop'],
    ]) {
      const { exitCode, output } = await etl(args, {
        CLICKHOUSE_URL: server.url,
        CLICKHOUSE_USER: 'etl',
        CLICKHOUSE_PASSWORD: wrong,
      });
      expect(exitCode, output).toBe(77);
      expect(output).toContain('CLICKHOUSE_AUTH_FAILED');
      expect(output).not.toContain(wrong);
    }
  });
});
