import { expect, test } from 'vitest';
import { useShops } from './shop.ts';

const shop = useShops();

test('sql before any run says to run something first', async () => {
  const { etl } = await shop();
  const early = await etl(['sql', 'SHOW TABLES FROM travel']);
  expect(early.exitCode).toBe(78);
  expect(early.stderr).toContain('load something first (etl run <platform> <group>)');
  const inCi = await etl(['sql', 'SELECT 1'], { CI: '1' });
  expect(inCi.exitCode).toBe(78);
  expect(inCi.stderr).toContain('CLICKHOUSE_URL is not set');
  expect(inCi.stderr).not.toContain('a load into');
});

test('sql --json is one document, errors included', async () => {
  const { etl } = await shop();
  const { stdout } = await etl(['sql', "SELECT 'x' AS name", '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ data: [{ name: 'x' }], rows: 1 });
  expect(stdout).toMatch(/\}\n$/);
  const refused = await etl(['sql', "SELECT toUInt8('my-word')", '--json']);
  expect(refused.exitCode).toBe(65);
  expect(JSON.parse(refused.stdout)).toMatchObject({
    status: 'failed',
    error: { code: 'SQL_REFUSED', message: expect.stringContaining("'my-word'") },
  });
});

test('sql answers in the format asked for, and refuses in three lines', async () => {
  const { etl } = await shop();
  expect((await etl(['sql', 'SELECT 1 AS one, 2 AS two'])).stdout).toBe('one\ttwo\n1\t2\n');
  expect((await etl(['sql', 'SELECT 1 AS one FORMAT JSONEachRow'])).stdout).toBe('{"one":1}\n');
  const refused = await etl(['sql', 'SELECT nonsense FROM nowhere']);
  expect(refused.exitCode).toBe(65);
  expect(refused.stderr.trimEnd().split('\n')).toHaveLength(3);
  expect(refused.stderr).toContain('SQL_REFUSED');
});

test('a demo that was never made is said to be missing', async () => {
  const { etl } = await shop();
  const { exitCode, stderr } = await etl(['sql', 'SELECT 1', '--destination', 'demo']);
  expect(exitCode).toBe(78);
  expect(stderr).toContain('npm start');
});
