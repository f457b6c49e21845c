import type { Row, StreamSpec } from '@etl/core';
import { expect, it } from 'vitest';
import { embeddedFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';

const ORDERS: StreamSpec = {
  name: 'orders',
  columns: [
    { name: 'id', type: 'int64', nullable: false },
    { name: 'day', type: 'date', nullable: false },
  ],
  primaryKey: ['id'],
  writeDisposition: 'merge',
  scope: { keys: [], day: 'day' },
};

async function loadTwice(fixture: ClickHouseFixture): Promise<readonly unknown[] | undefined> {
  await using session = await fixture.destination.open('p');
  for (const ids of [
    [1, 2],
    [2, 3],
  ]) {
    await using load = await session.beginLoad();
    await load.prepare(ORDERS);
    await load.write(
      'orders',
      ids.flatMap((id): Row[] => [
        { id, day: '2026-11-01' },
        { id, day: '2026-12-01' },
      ]),
    );
    await load.commit([]);
  }
  return await session.optimize?.();
}

function parts(fixture: ClickHouseFixture): Promise<readonly { readonly parts: number }[]> {
  return fixture.query(
    `SELECT toUInt32(count()) AS parts FROM system.parts WHERE database = '${fixture.options.database}' AND table = '_raw_shop___orders_g0' AND active GROUP BY partition_id`,
  );
}

it('leaves one part per touched partition at the end of a run', async () => {
  await using fixture = await embeddedFixture();
  expect(await loadTwice(fixture)).toMatchObject([{ stream: 'orders', partitionsMerged: 2, partitionsLeft: 0 }]);
  expect(await parts(fixture)).toEqual([{ parts: 1 }, { parts: 1 }]);
  expect(await fixture.readRows('orders')).toHaveLength(6);
});

it('merges nothing beyond its budget, and says what it left', async () => {
  await using fixture = await embeddedFixture({ mergeBytes: 0 });
  expect(await loadTwice(fixture)).toMatchObject([
    { stream: 'orders', partitionsMerged: 0, partitionsLeft: 2, bytes: 0 },
  ]);
  expect(await parts(fixture)).toEqual([{ parts: 2 }, { parts: 2 }]);
});
