import type { Destination, Row, StreamSpec } from '@etl/core';
import { describe, expect, it } from 'vitest';
import { embeddedFixture, httpFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';
import { buryHolders } from './history.ts';

const LIST: StreamSpec = {
  name: 'list',
  columns: [{ name: 'id', type: 'int64', nullable: false }],
  primaryKey: ['id'],
  writeDisposition: 'replace',
};

async function load({ destination }: { readonly destination: Destination }, rows: readonly Row[]): Promise<void> {
  await using session = await destination.open('p');
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

/** The generation that the view reads. */
async function viewed(fixture: ClickHouseFixture): Promise<string | undefined> {
  const [row] = await fixture.query<{ text: string }>(
    `SELECT as_select AS text FROM system.tables WHERE database = '${fixture.options.database}' AND name = 'shop___list'`,
  );
  return /_raw_shop___list_g\d+/.exec(row?.text ?? '')?.[0];
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
  {
    await using quick = await fixture.destination.open('quick');
    await using other = await quick.beginLoad();
    await other.prepare(counted);
    await other.write('list', [{ id: 1, count: 1 }]);
    await other.commit([]);
  }
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
    {
      await using quick = await fixture.destination.open('quick');
      await using other = await quick.beginLoad();
      await other.prepare(named('note'));
      await other.write('list', [{ id: 1, note: 'one' }]);
      await other.commit([]);
    }
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
  {
    await using quick = await fixture.destination.open('quick');
    await using other = await quick.beginLoad();
    await other.prepare(pair);
    await other.write('list', [{ id: 1, day: '2026-01-01' }]);
    await other.commit([]);
  }
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
  {
    await using quick = await fixture.destination.open('quick');
    await using other = await quick.beginLoad();
    await other.prepare(pair);
    await other.write('list', [{ id: 1, day: '2026-01-01' }]);
    await other.commit([]);
  }
  await expect(open.write('list', [{ id: 2, day: '2026-01-02' }])).rejects.toMatchObject({ kind: 'schema' });
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

it.each([
  ['waits for the definition of the table', /^CREATE TABLE .*_etl_lock_definition_of_/],
  ['creates the table', /^CREATE TABLE .*_raw_shop___list_g[1-9]/],
  ['attaches the rows', /^ALTER TABLE .* ATTACH PARTITION/],
])('leaves nothing behind when it is stopped as it %s and wakes after another replacement', async (_, statement) => {
  let wake = (): void => undefined;
  const woken = new Promise<undefined>((resolve) => (wake = () => resolve(undefined)));
  let isCommitted = false;
  let stop = (): void => undefined;
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  let isAwaited = true;
  await using fixture = await httpFixture({ lockWaitMs: 600_000 }, (query) => {
    isCommitted ||= query.includes('_etl_prepared_') && query.startsWith('RENAME TABLE');
    if (!isAwaited || !isCommitted || !statement.test(query)) return undefined;
    isAwaited = false;
    stop();
    return woken;
  });
  const late = load({ destination: fixture.create() }, [{ id: 1 }]).then(
    () => 'ended well',
    (error: { readonly code?: string }) => error.code,
  );
  await stopped;
  await buryHolders(fixture);
  await load({ destination: fixture.create() }, [{ id: 2 }]);
  await load({ destination: fixture.create() }, [{ id: 3 }]);
  const current = await generations(fixture);
  expect(current).toHaveLength(1);
  wake();
  expect(await late).toBe('PIPELINE_TAKEN_OVER');
  expect(await generations(fixture)).toEqual(current);
  expect(await fixture.readRows('list')).toEqual([{ id: 3 }]);
});

it('cannot make the view read what another run is about to drop', async () => {
  let switchBack = (): void => undefined;
  const isLate = new Promise<undefined>((resolve) => (switchBack = () => resolve(undefined)));
  let stop = (): void => undefined;
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  let isDropped = false;
  await using fixture = await httpFixture({ lockWaitMs: 600_000 }, async (query) => {
    if (query.startsWith('CREATE OR REPLACE VIEW')) {
      const [generation] = /_raw_shop___list_g[1-9]\d*/.exec(query) ?? [];
      if (generation === undefined || late !== undefined) return undefined;
      late = generation;
      stop();
      return isLate;
    }
    if (late === undefined || isDropped || !query.startsWith(`DROP TABLE IF EXISTS`) || !query.includes(late))
      return undefined;
    isDropped = true;
    switchBack();
    await expect.poll(() => viewed(fixture)).toBe(late);
    return undefined;
  });
  let late: string | undefined;
  const first = load({ destination: fixture.create() }, [{ id: 1 }]).then(
    () => 'ended well',
    (error: { readonly code?: string }) => error.code,
  );
  await stopped;
  await buryHolders(fixture);
  await load({ destination: fixture.create() }, [{ id: 2 }]);
  expect(await first).toBe('PIPELINE_TAKEN_OVER');
  expect(isDropped).toBe(true);
  expect(await fixture.readRows('list')).toEqual([{ id: 2 }]);
});
