import type { Row, StreamSpec } from '@etl/core';
import { expect, it } from 'vitest';
import { embeddedFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';

const LIST: StreamSpec = {
  name: 'list',
  columns: [{ name: 'id', type: 'int64', nullable: false }],
  primaryKey: ['id'],
  writeDisposition: 'replace',
};

async function load(fixture: ClickHouseFixture, rows: readonly Row[]): Promise<void> {
  await using session = await fixture.destination.open('p');
  await using open = await session.beginLoad();
  await open.prepare(LIST);
  await open.write('list', rows);
  await open.commit([]);
}

async function generations(fixture: ClickHouseFixture): Promise<readonly string[]> {
  const rows = await fixture.query<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = '${fixture.options.database}' AND startsWith(name, '_raw_') ORDER BY name`,
  );
  return rows.map(({ name }) => name);
}

it('has one generation of a table after every replacement', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, [{ id: 1 }]);
  const [first] = await generations(fixture);
  await load(fixture, [{ id: 2 }]);
  const after = await generations(fixture);
  expect(after).toHaveLength(1);
  expect(after).not.toContain(first);
});

it('drops an older generation that a late run made and no view reads', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, [{ id: 1 }]);
  const [current = ''] = await generations(fixture);
  const { database } = fixture.options;
  await fixture.query(`CREATE TABLE ${database}._raw_shop___list_g0 AS ${database}.${current}`);
  await load(fixture, [{ id: 2 }]);
  expect(await generations(fixture)).not.toContain('_raw_shop___list_g0');
  expect(await fixture.readRows('list')).toEqual([{ id: 2 }]);
});

it('keeps an older generation that the view still reads', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, [{ id: 1 }]);
  const [current = ''] = await generations(fixture);
  const { database } = fixture.options;
  await fixture.query(`CREATE TABLE ${database}._raw_shop___list_g999 AS ${database}.${current}`);
  await using session = await fixture.destination.open('p');
  await using open = await session.beginLoad();
  await open.prepare({ ...LIST, writeDisposition: 'merge' });
  expect(await generations(fixture)).toContain(current);
  expect(await fixture.readRows('list')).toEqual([{ id: 1 }]);
});
