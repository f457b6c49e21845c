import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiCallTotals, RunRecord } from '@etl/core';
import { expect, it } from 'vitest';
import { embeddedFixture } from './clickhouse-fixture.ts';

const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');

it('documents every column of the loader’s tables', async () => {
  await using fixture = await embeddedFixture();
  const session = await fixture.destination.open('p');
  await session[Symbol.asyncDispose]();
  const columns = await fixture.query<{ table: string; name: string }>(
    `SELECT table, name FROM system.columns WHERE database = '${fixture.options.database}'
     AND table IN ('_etl_loads', '_etl_slices', '_etl_state', '_etl_memory', '_etl_scopes', '_etl_runs', '_etl_api_calls', '_etl_schema_changes', '_etl_rejects')`,
  );
  expect(new Set(columns.map(({ table }) => table)).size).toBe(9);
  for (const { table, name } of columns) {
    const line = readme.split('\n').findLast((text) => text.startsWith(`| \`${table}\``));
    expect(line, `${table}.${name}`).toContain(`\`${name}\``);
  }
});

it('adds the columns that an older version of the package did not know', async () => {
  await using fixture = await embeddedFixture();
  const { database } = fixture.options;
  const open = async (): Promise<void> => {
    await using session = await fixture.destination.open('p');
    await session.writeLedger([
      { stream: 's', slice: 'a', status: 'failed', rows: 0, readAt: '2026-11-01T00:00:00.000Z', attempts: 1 },
    ]);
  };
  await open();
  await fixture.query(`ALTER TABLE ${database}._etl_slices DROP COLUMN flags SETTINGS mutations_sync = 2`);
  await fixture.query(`ALTER TABLE ${database}._etl_slices DROP COLUMN loaded_at SETTINGS mutations_sync = 2`);
  await fixture.query(`ALTER TABLE ${database}._etl_slices DROP COLUMN fingerprint SETTINGS mutations_sync = 2`);
  // Who only looks may be the first to come with the new version.
  const view = await fixture.destination.inspect();
  expect(await view.readLedger('p')).toMatchObject([{ slice: 'a', status: 'failed' }]);
  await open();
  await using session = await fixture.destination.open('p');
  expect(await session.readLedger('s')).toHaveLength(1);
  await fixture.query(`DROP TABLE ${database}._etl_slices SYNC`);
});

it('keeps what a run asked of its platform, and shows that of the newest run', async () => {
  await using fixture = await embeddedFixture();
  const record = (day: string, calls: readonly ApiCallTotals[]): RunRecord => ({
    pipeline: 'p',
    id: `${day}T00:00:00.000Z`,
    startedAt: `${day}T00:00:00.000Z`,
    endedAt: `${day}T00:01:00.000Z`,
    status: 'ok',
    rows: 0,
    loads: [],
    streams: [],
    calls,
    failures: [],
  });
  const none = { calls: 3, retries: 0, failed: 0, callMs: 12, waits: 0, waitMs: 0 };
  const calls: readonly ApiCallTotals[] = [
    { stream: '', account: '', ...none },
    {
      stream: 'insights',
      account: '42',
      calls: 9,
      retries: 2,
      failed: 3,
      callMs: 900,
      waits: 4,
      waitMs: 60_000,
      quotaUsed: 1,
      lastQuotaUsed: 0.5,
      quotaFreeAt: '2026-11-02T06:12:00.000Z',
    },
  ];
  const view = await fixture.destination.inspect();
  expect(await view.readApiCalls?.('p')).toEqual([]);
  await using session = await fixture.destination.open('p');
  await session.writeRun(record('2026-11-01', [{ stream: 'old', account: '', ...none }]));
  await session.writeRun(record('2026-11-02', calls));
  // A run that asked nothing says nothing of quotas.
  await session.writeRun(record('2026-11-03', []));
  expect(await view.readApiCalls?.('p')).toEqual(calls);
  expect(await view.readApiCalls?.('q')).toEqual([]);
  // A run that goes on tells of itself again and again, and may die before its record.
  const [total = none] = calls.slice(1);
  const dying = { ...total, stream: 'insights', account: '42' };
  await session.writeCalls?.('2026-11-04', [{ ...dying, calls: 10 }], '2026-11-04T00:00:10.000Z');
  await session.writeCalls?.('2026-11-04', [{ ...dying, calls: 25 }], '2026-11-04T00:00:20.000Z');
  expect(await view.readApiCalls?.('p')).toEqual([{ ...dying, calls: 25 }]);
});

it('keeps what all pipelines share, the newest of whoever wrote it', async () => {
  await using fixture = await embeddedFixture();
  await using one = await fixture.destination.open('one');
  await one.shared?.set('quota', { at: 1 });
  await one.writeMemory('', 'quota', 'its own');
  await using two = await fixture.destination.open('two');
  expect(await two.shared?.get('quota')).toEqual({ at: 1 });
  await two.shared?.set('quota', { at: 2 });
  expect(await one.shared?.get('quota')).toEqual({ at: 2 });
  // Who came first may be the last to learn something.
  await one.shared?.set('quota', { at: 3 });
  expect(await two.shared?.get('quota')).toEqual({ at: 3 });
  await two.shared?.set('quota', null);
  expect(await one.shared?.get('quota')).toBeUndefined();
  expect(await one.readMemory('', 'quota')).toBe('its own');
});

it('keeps what is said in half characters, as a platform that cuts its words may say it', async () => {
  await using fixture = await embeddedFixture();
  await using session = await fixture.destination.open('p');
  const half = 'too much 😀'.slice(0, -1);
  const entry = { stream: 's', status: 'failed', rows: 0, readAt: '2026-11-01T00:00:00.000Z', attempts: 1 } as const;
  await session.writeLedger([{ ...entry, slice: half, reason: half }]);
  expect(await session.readLedger('s')).toMatchObject([{ slice: 'too much \ufffd', reason: 'too much \ufffd' }]);
  await session.writeMemory('s', half, { words: half });
  expect(await session.readMemory('s', half)).toEqual({ words: half });
});
