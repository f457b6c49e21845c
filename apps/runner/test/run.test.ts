import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { openClickHouse } from '@etl/dest-clickhouse';
import { expect, test } from 'vitest';
import { runEtl, startEtl } from './etl-process.ts';
import { useShops } from './shop.ts';

const shop = useShops();

test('a run loads everything, and a second one says that nothing changed', async () => {
  const { etl, query: change } = await shop();
  const first = await etl(['run', 'pg', 'shop']);
  expect(first.exitCode, first.output).toBe(0);
  expect(first.stdout).toBe('');
  expect(first.stderr).toContain('pg shop → clickhouse travel, embedded in');
  expect(first.stderr).toMatch(/pg shop {3}ok {3}2 streams {3}5,300 rows/);

  const second = await etl(['run', 'pg', 'shop', '--json']);
  expect(second.exitCode, second.output).toBe(0);
  expect(JSON.parse(second.stdout)).toMatchObject({ status: 'ok', rows: 0 });
  const third = await etl(['run', 'pg', 'shop']);
  expect(third.stderr).toContain('0 rows, nothing changed');

  await change(`UPDATE orders SET status = 'sent' WHERE id <= 3; DELETE FROM customers WHERE id = 1`);
  const fourth = await etl(['run', 'pg', 'shop', '--json']);
  expect(JSON.parse(fourth.stdout)).toMatchObject({ status: 'ok', rows: 4 });
  const counted = await etl([
    'sql',
    `SELECT count(), countIf(status = 'sent'), (SELECT count() FROM travel.shop___customers) FROM travel.shop___orders`,
    '--format',
    'TSV',
  ]);
  expect(counted.stdout).toBe('5000\t3\t299\n');
});

test('a table that was emptied is not called unchanged', async () => {
  const { etl, query: change } = await shop();
  await etl(['run', 'pg', 'shop']);
  await change('TRUNCATE customers');
  const { exitCode, stderr } = await etl(['run', 'pg', 'shop']);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).not.toContain('nothing changed');
  expect(stderr).toMatch(/customers {3}0 rows/);
  expect(stderr).toMatch(/^\d\d:\d\d:\d\d · customers: truncated at the source$/m);
});

test('--json is one document on stdout, besides what people read on stderr', async () => {
  const { etl } = await shop();
  const { exitCode, stdout, stderr } = await etl(['run', 'pg', 'shop', '--json']);
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(/pg shop {3}ok {3}2 streams {3}5,300 rows/);
  expect(JSON.parse(stdout)).toMatchObject({
    pipeline: 'pg_shop',
    destination: 'clickhouse',
    status: 'ok',
    exitCode: 0,
    rows: 5300,
    failures: [],
    streams: expect.arrayContaining([expect.objectContaining({ stream: 'orders', rows: 5000, slicesPublished: 0 })]),
    schemaChanges: expect.arrayContaining([expect.objectContaining({ type: 'table-created', stream: 'orders' })]),
  });
});

test('--json says what went wrong, too', async () => {
  const { etl } = await shop();
  const { exitCode, stdout } = await etl(['run', 'pg', 'shop', '--json'], { CI: 'true' });
  expect(exitCode).toBe(78);
  expect(JSON.parse(stdout)).toMatchObject({
    pipeline: 'pg_shop',
    destination: 'clickhouse',
    status: 'failed',
    exitCode: 78,
    rows: 0,
    failures: [],
    loads: [],
    error: { code: 'DESTINATION_URL_MISSING' },
  });
  const unknown = JSON.parse((await etl(['run', 'pg', 'shopp', '--json'])).stdout) as Record<string, unknown>;
  expect(unknown).toMatchObject({ pipeline: 'pg_shopp', status: 'failed', error: { code: 'GROUP_UNKNOWN' } });
});

test('in CI nothing is loaded into a disk that will be lost, unless that is asked for', async () => {
  const { etl } = await shop();
  const refused = await etl(['run', 'pg', 'shop'], { CI: 'true' });
  expect(refused.exitCode).toBe(78);
  expect(refused.stderr).toContain('CLICKHOUSE_URL is not set');
  const allowed = await etl(['run', 'pg', 'shop', '--embedded'], { CI: 'true' });
  expect(allowed.exitCode, allowed.output).toBe(0);
});

test('dataset and destination of the group decide where the tables are', async () => {
  const { etl } = await shop({ dataset: 'other', destination: 'clickhouse_dashboard' });
  expect((await etl(['run', 'pg', 'shop'])).exitCode).toBe(0);
  const { stdout } = await etl([
    'sql',
    'SELECT count() FROM dashboard.other___orders',
    '--destination',
    'clickhouse_dashboard',
  ]);
  expect(stdout).toBe('count()\n5000\n');
});

test('--stream loads only that one', async () => {
  const { etl } = await shop();
  const { stdout } = await etl(['run', 'pg', 'shop', '--stream', 'customers', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ rows: 300 });
  const unknown = await etl(['run', 'pg', 'shop', '--stream', 'costumers']);
  expect(unknown.exitCode).toBe(2);
  expect(unknown.stderr).toContain('There is no stream costumers; did you mean customers?');
  expect(unknown.stderr).toContain('customers, orders');
});

test('--full-refresh reads everything anew', async () => {
  const { etl } = await shop();
  await etl(['run', 'pg', 'shop']);
  const { stdout } = await etl(['run', 'pg', 'shop', '--full-refresh', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ status: 'ok', rows: 5300 });
  const counted = await etl(['sql', 'SELECT count() FROM travel.shop___orders', '--format', 'TSV']);
  expect(counted.stdout).toBe('5000\n');
});

test('a wrong password is exit 77 and is nowhere in the output', async () => {
  const { connectionString, directory } = await shop();
  const password = `wrong-${randomBytes(9).toString('hex')}`;
  const connection_string = connectionString.replace(new URL(connectionString).password, password);
  const groups = JSON.stringify({ shop: { connection_string } });
  for (const flags of [[], ['--verbose'], ['--json']]) {
    const { exitCode, output } = await runEtl(['run', 'pg', 'shop', ...flags], {
      cwd: directory,
      env: { ETL_GROUPS_PG: groups, ETL_DATA_DIR: join(directory, 'wrong') },
    });
    expect(exitCode, output).toBe(77);
    expect(output).toContain('PG_AUTH_FAILED');
    expect(output).not.toContain(password);
    expect(output).not.toContain(connection_string);
  }
});

test('a source that is down is exit 75', async () => {
  const { etl } = await shop();
  const groups = JSON.stringify({ shop: { connection_string: 'postgres://etl:unused-here@127.0.0.1:1/shop' } });
  const { exitCode, output } = await etl(['run', 'pg', 'shop'], { ETL_GROUPS_PG: groups });
  expect(exitCode, output).toBe(75);
  expect(output).toContain('PG_UNREACHABLE');
  expect(output).not.toContain('unused-here');
});

test('a ClickHouse that is down is exit 75', async () => {
  const { etl } = await shop();
  const { exitCode, output } = await etl(['run', 'pg', 'shop'], {
    CLICKHOUSE_URL: 'http://etl:unused-here@127.0.0.1:1',
  });
  expect(exitCode, output).toBe(75);
  expect(output).toContain('CLICKHOUSE_UNREACHABLE');
  expect(output).not.toContain('unused-here');
});

test('an embedded database that is in use is waited for, then exit 75 says who has it', async () => {
  const { etl, path } = await shop();
  const holder = await openClickHouse({ path, database: 'travel' });
  try {
    const startedAt = performance.now();
    const { exitCode, stderr } = await etl(['run', 'pg', 'shop'], { ETL_LOCK_WAIT_SECONDS: '1' });
    expect(exitCode, stderr).toBe(75);
    expect(performance.now() - startedAt).toBeGreaterThan(1000);
    expect(stderr).toContain(`is in use by process ${process.pid}`);
    expect(stderr).toContain('one process at a time');
  } finally {
    await holder[Symbol.asyncDispose]();
  }
  expect((await etl(['run', 'pg', 'shop'])).exitCode).toBe(0);
});

test.for([
  { signal: 'SIGINT', exitCode: 130 },
  { signal: 'SIGTERM', exitCode: 143 },
] as const)('$signal stops a run in order, and the next one completes it', async ({ signal, exitCode }) => {
  const { env, directory, etl, query: change } = await shop();
  await change(`INSERT INTO orders SELECT i, 'bulk', 1, now() FROM generate_series(10001, 600000) AS i`);
  const { child, outcome } = startEtl(['run', 'pg', 'shop'], { cwd: directory, env });
  await once(child.stderr!, 'data');
  setTimeout(() => child.kill(signal), 900);
  const stopped = await outcome;
  expect(stopped.exitCode, stopped.output).toBe(exitCode);
  expect(stopped.stderr).toContain('Nothing is lost');
  const next = await etl(['run', 'pg', 'shop']);
  expect(next.exitCode, next.output).toBe(0);
  const counted = await etl(['sql', 'SELECT count(), uniqExact(id) FROM travel.shop___orders', '--format', 'TSV']);
  expect(counted.stdout).toBe('595000\t595000\n');
});

test('what only slices have cannot be asked of a log', async () => {
  const { etl } = await shop();
  for (const option of [['--from', '2026-11-01'], ['--accept-shrink'], ['--concurrency', '2']]) {
    const { exitCode, stderr } = await etl(['run', 'pg', 'shop', ...option]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`${option[0]} cannot be asked of pg`);
  }
});

test('a plan says which tables a run would copy, which would go on, and how far behind the log is', async () => {
  const { etl, query: change } = await shop();
  const plan = async (...options: readonly string[]): Promise<string> => {
    const { exitCode, stdout, output } = await etl(['plan', 'pg', 'shop', ...options]);
    expect(exitCode, output).toBe(0);
    return stdout;
  };
  const first = await plan();
  expect(first).toMatch(/orders +copied first/);
  expect(first).toContain('no slot');
  expect((await etl(['run', 'pg', 'shop'])).exitCode).toBe(0);
  const second = await plan();
  expect(second).toMatch(/orders +what has changed/);
  expect(second).toContain('lag ');
  await change('CREATE TABLE late (id int8 PRIMARY KEY); INSERT INTO late VALUES (1); ANALYZE late');
  expect(await plan()).toMatch(/late +copied first, about 1 row\n/);
  // A copy makes the table anew, as what replaces it.
  const statements = await plan('--verbose');
  expect(statements).toMatch(/CREATE TABLE .*late_g<load number>/);
  expect(statements).not.toMatch(/(late_g0|orders_g)/);
  expect(await plan('--full-refresh', '--stream', 'orders')).toMatch(/orders +copied first.* \(a full refresh\)/);
  const { stdout } = await etl(['plan', 'pg', 'shop', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({
    log: { streams: expect.arrayContaining([{ stream: 'late', begins: 'copy', estimatedRows: 1 }]) },
  });
});

test('a second pipeline over the same tables is refused and leaves no slot behind', async () => {
  const { name, etl, query: change } = await shop();
  await etl(['run', 'pg', 'shop']);
  const { exitCode, output } = await etl(['run', 'pg', 'shop'], { PIPELINE_NAME_SUFFIX: '_two' });
  expect(exitCode, output).toBe(78);
  expect(output).toContain('PIPELINE_SUFFIX_SHARED');
  const slots = `DO $$ BEGIN ASSERT (SELECT array_agg(slot_name::text) FROM pg_replication_slots
    WHERE database = '${name}') = ARRAY['${name}']; END $$`;
  await change(slots);
  expect((await etl(['run', 'pg', 'shop'])).exitCode).toBe(0);
});

test('discover lists streams with keys and columns', async () => {
  const { etl } = await shop();
  const { stdout } = await etl(['discover', 'pg', 'shop']);
  expect(stdout).toContain('orders   merge, key id');
  expect(stdout).toMatch(/total\s+decimal\(12, 2\), nullable/);
  const specs = JSON.parse((await etl(['discover', 'pg', 'shop', '--json'])).stdout) as { name: string }[];
  expect(specs.map(({ name }) => name).sort()).toEqual(['customers', 'orders']);
});
