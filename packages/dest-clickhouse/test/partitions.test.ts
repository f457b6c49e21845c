import type { Row, Slice, StreamSpec } from '@etl/core';
import { expect, it } from 'vitest';
import { embeddedFixture } from './clickhouse-fixture.ts';

const stream: StreamSpec = {
  name: 'reports',
  columns: [
    { name: 'account', type: 'string', nullable: false },
    { name: 'day', type: 'date', nullable: false },
    { name: 'clicks', type: 'int64', nullable: false },
  ],
  primaryKey: ['account', 'day'],
  writeDisposition: 'replace',
  scope: { keys: ['account'], day: 'day' },
};

/** More months than a server takes in one insert by itself. */
const MONTHS = Array.from({ length: 102 }, (_, month) => {
  const day = new Date(Date.UTC(2010, month, 1)).toISOString().slice(0, 10);
  return { account: '1', day, clicks: month };
});

it('loads many years at once, and takes them away at once', { timeout: 120_000 }, async () => {
  await using fixture = await embeddedFixture();
  const slice: Slice = { key: 'account=1', scope: { equals: { account: '1' } } };
  const load = async (rows: readonly Row[]): Promise<void> => {
    await using session = await fixture.destination.open('p');
    await using open = await session.beginLoad();
    await open.prepare(stream);
    await open.write('reports', rows);
    const readAt = '2026-11-01T00:00:00.000Z';
    await open.publish('reports', slice, {
      stream: 'reports',
      slice: slice.key,
      status: 'good',
      rows: rows.length,
      readAt,
      loadedAt: readAt,
      attempts: 1,
    });
    await open.commit([]);
  };
  const days = async (): Promise<readonly unknown[]> =>
    (
      await fixture.query<{ day: string }>(`SELECT day FROM ${fixture.options.database}.shop___reports ORDER BY day`)
    ).map(({ day }) => day);
  await load(MONTHS);
  expect(await days()).toEqual(MONTHS.map(({ day }) => day));
  await load(MONTHS.slice(0, 1));
  expect(await days()).toEqual(['2010-01-01']);
});
