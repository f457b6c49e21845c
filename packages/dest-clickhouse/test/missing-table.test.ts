import type { StreamSpec } from '@etl/core';
import { describe, expect, it } from 'vitest';
import { embeddedFixture, httpFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';
import { generations, LIST, load } from './list-table.ts';

it('creates a table once that is replaced before it was there', async () => {
  await using fixture = await httpFixture();
  await load(fixture, [{ id: 1 }]);
  const defined = fixture.queries.filter((query) => /^(CREATE TABLE|DROP|RENAME) .*_raw_shop___list_g/.test(query));
  expect(defined).toEqual([expect.stringMatching(/^CREATE TABLE .*_g[1-9]/)]);
  expect(await fixture.readRows('list')).toEqual([{ id: 1 }]);
});

it('creates no table for a stream that is given up before its first row', async () => {
  await using fixture = await embeddedFixture();
  await using session = await fixture.destination.open('p');
  await using open = await session.beginLoad();
  await open.prepare({ ...LIST, writeDisposition: 'merge' });
  await open.discard('list');
  await open.commit([]);
  expect(await generations(fixture)).toEqual([]);
});

it('takes a table as it is that another pipeline has created meanwhile', async () => {
  const named: StreamSpec = {
    ...LIST,
    columns: [...LIST.columns, { name: 'name', type: 'string', nullable: true }],
    writeDisposition: 'merge',
  };
  const counted: StreamSpec = {
    ...LIST,
    columns: [...LIST.columns, { name: 'count', type: 'int64', nullable: true }],
    writeDisposition: 'merge',
  };
  await using fixture = await embeddedFixture();
  await using slow = await fixture.destination.open('slow');
  await using open = await slow.beginLoad();
  await open.prepare(named);
  await load(fixture, [{ id: 1, count: 1 }], { pipeline: 'quick', spec: counted });
  expect(await open.lookup('list', [{ id: 1 }], ['name'])).toEqual([{ name: null }]);
  await open.write('list', [{ id: 2, name: 'two' }]);
  await open.commit([]);
  expect(await fixture.readRows('list')).toEqual(
    expect.arrayContaining([
      { id: 1, count: 1, name: null },
      { id: 2, count: null, name: 'two' },
    ]),
  );
});

const TAGS: StreamSpec = {
  name: 'tags',
  columns: [{ name: 'k', type: 'array', nullable: false, items: { type: 'int32', nullable: true } }],
  primaryKey: ['k'],
  writeDisposition: 'merge',
};

it('gives a load up whose table cannot be created, although there are no rows, and opens again', async () => {
  const fixture = await embeddedFixture();
  {
    await using session = await fixture.destination.open('p');
    await using open = await session.beginLoad();
    await open.prepare(TAGS);
    await open.truncate('tags');
    await expect(open.commit([])).rejects.toMatchObject({ code: 'CLICKHOUSE_STATEMENT_FAILED' });
  }
  await using again = await fixture.destination.open('p');
  expect(again.rolledForward).toEqual([]);
});

describe('what is told of a table that is created late', () => {
  const merged: StreamSpec = { ...LIST, writeDisposition: 'merge' };
  const changes = async (fixture: ClickHouseFixture): Promise<readonly string[]> => {
    const table = `${fixture.options.database}._etl_schema_changes`;
    const rows = await fixture.query<{ change: string }>(`SELECT change FROM ${table} ORDER BY change`);
    return rows.map(({ change }) => change);
  };

  it.each([LIST, merged])('is that it was created, once it was', async (spec) => {
    await using fixture = await embeddedFixture();
    for (const end of ['given up', 'given up', 'committed']) {
      await using session = await fixture.destination.open('p');
      await using open = await session.beginLoad();
      expect(await open.prepare(spec)).toHaveLength(1);
      if (end === 'committed') await open.commit([]);
    }
    expect(await changes(fixture)).toEqual(['table-created']);
  });

  it('comes once from loads that begin side by side', async () => {
    await using fixture = await embeddedFixture();
    await using session = await fixture.destination.open('p');
    const loads = await Promise.all([session.beginLoad(), session.beginLoad()]);
    const told = await Promise.all(loads.map((open) => open.prepare(merged)));
    expect(told.flat()).toHaveLength(1);
    for (const [id, open] of loads.entries()) {
      await open.write('list', [{ id }]);
      await open.commit([]);
    }
    expect(await changes(fixture)).toEqual(['table-created']);
    expect(await fixture.readRows('list')).toHaveLength(2);
  });

  it('is what it gains, when another pipeline has created it meanwhile', async () => {
    await using fixture = await embeddedFixture();
    const named = (name: string): StreamSpec => ({
      ...merged,
      columns: [...LIST.columns, { name, type: 'string', nullable: true }],
    });
    await using slow = await fixture.destination.open('slow');
    await using open = await slow.beginLoad();
    await open.prepare(named('name'));
    await load(fixture, [{ id: 1, note: 'one' }], { pipeline: 'quick', spec: named('note') });
    await open.write('list', [{ id: 2, name: 'two' }]);
    await open.commit([]);
    expect(await changes(fixture)).toEqual(['column-added', 'table-created']);
  });
});

it('commits the others when a stream without rows meets a table with another key', async () => {
  await using fixture = await embeddedFixture();
  const merged: StreamSpec = { ...LIST, writeDisposition: 'merge' };
  const pair: StreamSpec = { ...merged, columns: [...LIST.columns, { name: 'day', type: 'date', nullable: false }] };
  await using slow = await fixture.destination.open('slow');
  await using open = await slow.beginLoad();
  await open.prepare({ ...pair, primaryKey: ['day'] });
  await open.prepare({ ...merged, name: 'other' });
  await open.write('other', [{ id: 1 }]);
  await load(fixture, [{ id: 1, day: '2026-01-01' }], { pipeline: 'quick', spec: pair });
  await open.commit([]);
  expect(await fixture.readRows('other')).toEqual([{ id: 1 }]);
  expect(await fixture.readRows('list')).toEqual([{ id: 1, day: '2026-01-01' }]);
});

it('refuses the rows when another pipeline has created the table with another key meanwhile', async () => {
  const pair: StreamSpec = {
    ...LIST,
    columns: [...LIST.columns, { name: 'day', type: 'date', nullable: false }],
    writeDisposition: 'merge',
  };
  await using fixture = await embeddedFixture();
  await using slow = await fixture.destination.open('slow');
  await using open = await slow.beginLoad();
  await open.prepare({ ...pair, primaryKey: ['day'] });
  await load(fixture, [{ id: 1, day: '2026-01-01' }], { pipeline: 'quick', spec: pair });
  await expect(open.write('list', [{ id: 2, day: '2026-01-02' }])).rejects.toMatchObject({ kind: 'schema' });
});
