import type { Row, StreamSpec } from '@etl/core';
import { expect, it } from 'vitest';
import { embeddedFixture } from './clickhouse-fixture.ts';

const stream: StreamSpec = {
  name: 'reports',
  columns: [
    { name: 'id', type: 'int64', nullable: false },
    { name: 'clicks', type: 'int64', nullable: false },
  ],
  primaryKey: ['id'],
  writeDisposition: 'merge',
};

it('feeds no materialized view, which would count a row again that is loaded again', async () => {
  await using fixture = await embeddedFixture();
  const { database } = fixture.options;
  const load = async (rows: readonly Row[]): Promise<void> => {
    await using session = await fixture.destination.open('p');
    await using open = await session.beginLoad();
    await open.prepare(stream);
    await open.write('reports', rows);
    await open.commit([]);
  };
  await load([{ id: 1, clicks: 1 }]);
  await fixture.query(
    `CREATE MATERIALIZED VIEW ${database}.fed ENGINE = MergeTree ORDER BY id AS SELECT id, clicks FROM ${database}._raw_shop___reports_g0`,
  );
  await load([
    { id: 1, clicks: 10 },
    { id: 2, clicks: 20 },
  ]);
  const clicks = async (name: string): Promise<readonly unknown[]> =>
    (await fixture.query(`SELECT toInt32(clicks) AS clicks FROM ${database}.${name} ORDER BY id`)).map(
      (row) => row['clicks'],
    );
  expect(await clicks('fed')).toEqual([]);
  expect(await clicks('shop___reports')).toEqual([10, 20]);
});
