import { expect, test } from 'vitest';
import { useShops } from './shop.ts';

const shop = useShops();

test('check goes through configuration, source and destination', async () => {
  const { etl } = await shop();
  const good = await etl(['check', 'pg', 'shop']);
  expect(good.exitCode, good.output).toBe(0);
  expect(good.stderr).toContain('✓ pg shop source');
  expect(good.stderr).toMatch(/✓ pg shop destination clickhouse \w+, embedded in /);
  const bad = await etl(['check', '--json'], { CLICKHOUSE_URL: 'http://127.0.0.1:1' });
  expect(bad.exitCode).toBe(75);
  expect(JSON.parse(bad.stdout)).toMatchObject({
    exitCode: 75,
    checks: [
      { part: 'configuration', ok: true },
      { part: 'source', ok: true },
      { part: 'destination', ok: false, errors: [{ code: 'CLICKHOUSE_UNREACHABLE' }] },
    ],
  });
});

test('a table that cannot be read is named by check, discover and run, which agree', { timeout: 120_000 }, async () => {
  const { etl, query: change } = await shop();
  await change('CREATE TABLE nokey (a int NOT NULL UNIQUE); CREATE TABLE loose (a int)');
  const alter = 'ALTER TABLE "public"."nokey" REPLICA IDENTITY USING INDEX "nokey_a_key";';
  const checked = await etl(['check', 'pg', 'shop']);
  expect(checked.exitCode, checked.output).toBe(1);
  expect(checked.stderr).toContain('The table public.nokey has neither');
  expect(checked.stderr).toContain('The table public.loose has neither');
  expect(checked.stderr).toContain(alter);
  expect(checked.stderr).toContain('1 of 1 group ready only in part');
  const worse = await etl(['check', 'pg', 'shop'], { CLICKHOUSE_URL: 'http://127.0.0.1:1' });
  expect(worse.exitCode, worse.output).toBe(75);
  expect(worse.stderr).toContain('1 of 1 group not ready');
  const discovered = await etl(['discover', 'pg', 'shop', '--json']);
  expect(discovered.exitCode).toBe(0);
  expect(JSON.parse(discovered.stdout)).toHaveLength(2);
  expect(discovered.stderr).toContain('! nokey: cannot be read: The table public.nokey has neither');
  expect(discovered.stderr).toContain('! loose: cannot be read: The table public.loose has neither');
  expect(discovered.stderr).toContain(alter);
  const run = await etl(['run', 'pg', 'shop']);
  expect(run.exitCode, run.output).toBe(1);
  expect(run.stderr.split('The table public.nokey has neither')).toHaveLength(2);
  expect(run.stderr).toContain(alter);
  const one = await etl(['run', 'pg', 'shop', '--stream', 'nokey']);
  // The log is one: the changes of the others come along.
  expect(one.exitCode, one.output).toBe(1);
  expect(one.stderr).toContain('The table public.nokey has neither');
  const other = await etl(['run', 'pg', 'shop', '--stream', 'orders']);
  expect(other.exitCode, other.output).toBe(0);
});

test('a table that is outside of a given publication is named', { timeout: 120_000 }, async () => {
  const { name, connectionString, etl, query: change } = await shop({ publication: 'theirs' });
  await change('CREATE PUBLICATION theirs FOR TABLE orders');
  const add = 'ALTER PUBLICATION "theirs" ADD TABLE ONLY "public"."customers";';
  for (const command of [['check'], ['run'], ['run', '--json']]) {
    const { exitCode, stdout, stderr } = await etl([command[0]!, 'pg', 'shop', ...command.slice(1)]);
    expect(exitCode, stderr).toBe(1);
    expect(stderr).toContain('does not publish public.customers');
    expect(stderr).toContain(add);
    if (command.includes('--json')) {
      expect(JSON.parse(stdout)).toMatchObject({
        status: 'partial',
        failures: [{ stream: 'customers', code: 'PG_TABLE_UNPUBLISHED', kind: 'config' }],
      });
    }
  }
  const discovered = await etl(['discover', 'pg', 'shop']);
  expect(discovered.stdout).not.toContain('customers');
  expect(discovered.stderr).toContain('! customers: cannot be read');
  const named = {
    shop: { connection_string: connectionString, slot: name, publication: 'theirs', tables: ['orders', 'customers'] },
  };
  for (const command of ['check', 'run', 'discover']) {
    const refused = await etl([command, 'pg', 'shop'], { ETL_GROUPS_PG: JSON.stringify(named) });
    expect(refused.exitCode, refused.output).toBe(78);
    expect(refused.stderr).toContain(add);
  }
  await change(add);
  for (const command of ['check', 'run']) expect((await etl([command, 'pg', 'shop'])).exitCode).toBe(0);
});

test('check says whether the log can be gone on from', async () => {
  const { name, etl, query: change } = await shop();
  expect((await etl(['check', 'pg', 'shop'])).stderr).not.toContain('position');
  expect((await etl(['run', 'pg', 'shop'])).exitCode).toBe(0);
  const good = await etl(['check', 'pg', 'shop']);
  expect(good.exitCode, good.output).toBe(0);
  expect(good.stderr).toContain('✓ pg shop position');
  await change(`SELECT pg_drop_replication_slot('${name}')`);
  const bad = await etl(['check', 'pg', 'shop']);
  const run = await etl(['run', 'pg', 'shop']);
  expect(bad.exitCode, bad.output).toBe(run.exitCode);
  expect(bad.stderr).toContain('PG_SLOT_MISSING');
  expect(bad.stderr).toContain('1 of 1 group not ready');
});
