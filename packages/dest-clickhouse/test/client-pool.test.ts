import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { expect, test } from 'vitest';
import { ClientPool } from '../src/client-pool.ts';

const usePool = (): { readonly pool: ClientPool; readonly made: ClickHouseClient[] } => {
  const made: ClickHouseClient[] = [];
  const pool = new ClientPool(() => {
    const client = createClient();
    made.push(client);
    return client;
  });
  return { pool, made };
};

test('work side by side has a client of its own, work behind it the same one again, also when it failed', async () => {
  const { pool, made } = usePool();
  await pool.with((one) => pool.with(async (other) => expect(other).not.toBe(one)));
  await expect(pool.with(() => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  await pool.with(async (again) => expect(made).toContain(again));
  expect(made).toHaveLength(2);
  expect(new Set(pool.end())).toEqual(new Set(made));
});

test('lends nothing once it has ended, and takes nothing back', async () => {
  const { pool, made } = usePool();
  await pool.with(async () => expect(pool.end()).toEqual(made));
  await expect(pool.with(async () => undefined)).rejects.toThrow('after close');
  expect(pool.end()).toEqual([]);
});
