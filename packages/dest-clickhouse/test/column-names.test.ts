import type { Row, StreamSpec } from '@etl/core';
import { expect, it } from 'vitest';
import { embeddedFixture } from './clickhouse-fixture.ts';

it('looks up columns that are called what its own query calls its columns', async () => {
  await using fixture = await embeddedFixture();
  const columns = ['version', 'deleted', 'position', 'key_0', 'value_0', 'rows', 'wanted'];
  const stream: StreamSpec = {
    name: 'device',
    columns: [
      { name: 'id', type: 'int64', nullable: false },
      ...columns.map((name) => ({ name, type: 'string', nullable: true }) as const),
    ],
    primaryKey: ['id'],
    writeDisposition: 'merge',
  };
  const values: Row = Object.fromEntries(columns.map((name) => [name, `the ${name}`]));
  await using session = await fixture.destination.open('p');
  await using load = await session.beginLoad();
  await load.prepare(stream);
  await load.write('device', [{ id: 1n, ...values }]);
  expect(await load.lookup('device', [{ id: 1n }], columns.toReversed())).toEqual([values]);
});
