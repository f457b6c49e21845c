import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChdbServer, type ChdbServer } from '@etl/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clickhouse } from '../src/index.ts';

let path: string;
let server: ChdbServer;

beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'etl-unlock-'));
  server = await startChdbServer({ path, username: 'etl', password: 'etl' });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(path, { recursive: true, force: true });
});

test('a holder that may be alive keeps the pipeline until it is forced, and can then commit nothing', async () => {
  const address = { url: server.url, username: 'etl', password: 'etl', database: 'travel' };
  await using holder = clickhouse(address);
  await using other = clickhouse(address);
  await using session = await holder.open('p');
  const entry = { stream: 's', partition: '', value: 1 };
  expect(await other.unlock?.('p')).toMatchObject({ freed: [], held: [{ pid: process.pid }] });
  await session.writeState([entry]);
  expect(await other.unlock?.('p', { force: true })).toMatchObject({ freed: [{ pid: process.pid }], held: [] });
  await expect(session.writeState([entry])).rejects.toMatchObject({ code: 'PIPELINE_TAKEN_OVER' });
  expect(await other.unlock?.('p')).toEqual({ freed: [], held: [] });
});

test('a dead holder is freed without force', async () => {
  const address = { url: server.url, username: 'etl', password: 'etl', database: 'travel' };
  await using holder = clickhouse({ ...address, heartbeatMs: 600_000 });
  await using session = await holder.open('q');
  await using impatient = clickhouse({ ...address, staleAfterMs: 100 });
  await expect
    .poll(async () => (await impatient.unlock?.('q'))?.freed.length, { timeout: 10_000, interval: 300 })
    .toBe(1);
  expect(session.lost.aborted).toBe(false);
});
