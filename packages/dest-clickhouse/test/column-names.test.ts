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

const RESERVED: readonly (readonly [string, StreamSpec['columns']])[] = [
  ['_dlt_load_id', [{ name: '_dlt_load_id', type: 'string', nullable: true }]],
  [
    '_dlt_id beside an array of objects',
    [
      { name: '_dlt_id', type: 'string', nullable: true },
      { name: 'items', type: 'nested', nullable: false, fields: [{ name: 'v', type: 'int64', nullable: true }] },
    ],
  ],
  [
    '_dlt_parent_id of an object',
    [
      {
        name: 'items',
        type: 'nested',
        nullable: false,
        fields: [{ name: '_dlt_parent_id', type: 'string', nullable: true }],
      },
    ],
  ],
];

it.each(RESERVED)('refuses %s before anything is read, where the loader adds such a column', async (_, columns) => {
  await using fixture = await embeddedFixture({ systemPrefix: '_dlt' });
  await using session = await fixture.destination.open('p');
  await using load = await session.beginLoad();
  const stream: StreamSpec = {
    name: 'copied',
    columns: [{ name: 'id', type: 'int64', nullable: false }, ...columns],
    primaryKey: ['id'],
    writeDisposition: 'merge',
  };
  await expect(load.prepare(stream)).rejects.toMatchObject({ code: 'CLICKHOUSE_NAME_RESERVED', kind: 'schema' });
});

it('takes _dlt_id as it is where nothing is added of that name', async () => {
  await using fixture = await embeddedFixture({ systemPrefix: '_dlt' });
  await using session = await fixture.destination.open('p');
  await using load = await session.beginLoad();
  await load.prepare({
    name: 'copied',
    columns: [
      { name: 'id', type: 'int64', nullable: false },
      { name: '_dlt_id', type: 'string', nullable: true },
    ],
    primaryKey: ['id'],
    writeDisposition: 'merge',
  });
  await load.write('copied', [{ id: 1n, _dlt_id: 'x' }]);
  await load.commit([]);
  const rows = await fixture.query(`SELECT _dlt_id FROM ${fixture.options.database}.shop___copied`);
  expect(rows).toEqual([{ _dlt_id: 'x' }]);
});
