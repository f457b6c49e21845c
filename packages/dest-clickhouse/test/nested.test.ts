import { createHash } from 'node:crypto';
import type { Row, Slice, StreamSpec } from '@etl/core';
import { expect, it } from 'vitest';
import { embeddedFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';

const ACTIONS = [
  { name: 'action_type', type: 'string', nullable: false },
  { name: 'value', type: 'decimal', precision: 18, scale: 6, nullable: true },
] as const;

const WHOLE: StreamSpec = {
  name: 'insights',
  columns: [
    { name: 'account_id', type: 'string', nullable: false },
    { name: 'day', type: 'date', nullable: false },
    { name: 'ad_id', type: 'string', nullable: false },
    { name: 'actions', type: 'nested', nullable: false, fields: ACTIONS },
  ],
  primaryKey: ['account_id', 'day', 'ad_id'],
  writeDisposition: 'replace',
};

const INSIGHTS: StreamSpec = { ...WHOLE, scope: { keys: ['account_id'], day: 'day' } };

const SLICE: Slice = {
  key: '1',
  scope: { equals: { account_id: '1' }, days: { start: '2026-11-01', end: '2026-11-02' } },
};

function row(ad: string, actions: unknown): Row {
  return { account_id: '1', day: '2026-11-01', ad_id: ad, actions };
}

async function load(
  fixture: ClickHouseFixture,
  rows: readonly Row[],
  spec: StreamSpec = INSIGHTS,
  truncates = false,
): Promise<void> {
  await using session = await fixture.destination.open('p');
  await using open = await session.beginLoad();
  await open.prepare(spec);
  if (truncates) await open.truncate(spec.name);
  await open.write(spec.name, rows);
  await open.publish(spec.name, SLICE, {
    stream: spec.name,
    slice: SLICE.key,
    status: 'good',
    rows: rows.length,
    readAt: new Date(0).toISOString(),
    attempts: 1,
  });
  await open.commit([]);
}

function read(
  fixture: ClickHouseFixture,
  columns = 'ad_id, action_type, value, _etl_list_idx',
): Promise<readonly Record<string, unknown>[]> {
  return fixture.query(
    `SELECT ${columns} FROM ${fixture.options.database}.shop___insights__actions ORDER BY ad_id, _etl_list_idx SETTINGS output_format_json_quote_64bit_integers = 0, output_format_json_quote_decimals = 1`,
  );
}

it('replaces a whole table with children in place, so that a join of both reads one table', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, [row('a', [{ action_type: 'click', value: '1' }]), row('b', [])], WHOLE);
  await load(fixture, [row('b', [{ action_type: 'view', value: '2' }])], WHOLE);
  expect(await read(fixture)).toEqual([{ ad_id: 'b', action_type: 'view', value: '2', _etl_list_idx: 0 }]);
  await load(fixture, [row('a', [{ action_type: 'click', value: '3' }])], WHOLE);
  expect(await read(fixture)).toEqual([{ ad_id: 'a', action_type: 'click', value: '3', _etl_list_idx: 0 }]);
  await load(fixture, [], WHOLE);
  expect(await fixture.readRows('insights')).toEqual([]);
  const raw = await fixture.query(
    `SELECT name FROM system.tables WHERE database = '${fixture.options.database}' AND name LIKE '\\_raw\\_%\\_g%'`,
  );
  expect(raw).toEqual([{ name: '_raw_shop___insights_g0' }]);
});

it('shows the objects of an array as a table of their own', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, [
    row('a', [{ action_type: 'click', value: '2.5' }, { action_type: 'purchase' }]),
    row('b', []),
    row('c', null),
    row('d', [{ action_type: 'click', value: '1' }]),
  ]);
  expect(await read(fixture)).toEqual([
    { ad_id: 'a', action_type: 'click', value: '2.5', _etl_list_idx: 0 },
    { ad_id: 'a', action_type: 'purchase', value: null, _etl_list_idx: 1 },
    { ad_id: 'd', action_type: 'click', value: '1', _etl_list_idx: 0 },
  ]);
  const { database } = fixture.options;
  expect(await fixture.query(`SELECT count() AS count FROM ${database}.shop___insights`)).toEqual([{ count: 4 }]);
  const columns = await fixture.query<{ name: string }>(`DESCRIBE TABLE ${database}.shop___insights`);
  expect(columns.map(({ name }) => name)).toEqual(['account_id', 'day', 'ad_id', '_etl_load_id', '_etl_id']);
});

it('gives a row and its children the same ids in every load, and joins them by these', async () => {
  await using fixture = await embeddedFixture();
  const rows = [row('a', [{ action_type: 'click', value: '2' }]), row('b', [{ action_type: 'click', value: '3' }])];
  const ids = async (): Promise<string> =>
    JSON.stringify(await read(fixture, 'ad_id, _etl_id, _etl_parent_id, _etl_root_id, _etl_list_idx'));
  await load(fixture, rows);
  const first = await ids();
  await load(fixture, rows);
  expect(await ids()).toBe(first);
  const { database } = fixture.options;
  const joined = await fixture.query(
    `SELECT parent.ad_id AS ad, child.value AS value FROM ${database}.shop___insights AS parent JOIN ${database}.shop___insights__actions AS child ON parent._etl_id = child._etl_parent_id ORDER BY ad SETTINGS output_format_json_quote_decimals = 1`,
  );
  expect(joined).toEqual([
    { ad: 'a', value: '2' },
    { ad: 'b', value: '3' },
  ]);
  expect(createHash('sha256').update(first).digest('hex')).toHaveLength(64);
});

it('takes children away with their parent and with what the platform restated', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, [
    row('a', [
      { action_type: 'click', value: '2' },
      { action_type: 'view', value: '1' },
    ]),
    row('b', [{ action_type: 'click', value: '3' }]),
  ]);
  await load(fixture, [row('a', [{ action_type: 'view', value: '5' }])]);
  expect(await read(fixture)).toEqual([{ ad_id: 'a', action_type: 'view', value: '5', _etl_list_idx: 0 }]);
});

it('reads NULL in a field that older rows do not have', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, [
    row('a', [
      { action_type: 'click', value: '2' },
      { action_type: 'view', value: '3' },
    ]),
  ]);
  const wider: StreamSpec = {
    ...INSIGHTS,
    columns: INSIGHTS.columns.map((column) =>
      column.name === 'actions'
        ? { ...column, fields: [...ACTIONS, { name: '28d_click', type: 'int64', nullable: true }] }
        : column,
    ),
  };
  const other: Slice = { key: '2', scope: { equals: { account_id: '2' } } };
  await using session = await fixture.destination.open('p');
  await using open = await session.beginLoad();
  await open.prepare(wider);
  await open.write('insights', [
    { account_id: '2', day: '2026-11-01', ad_id: 'z', actions: [{ action_type: 'click', value: '1', '28d_click': 7 }] },
  ]);
  await open.publish('insights', other, {
    stream: 'insights',
    slice: '2',
    status: 'good',
    rows: 1,
    readAt: new Date(0).toISOString(),
    attempts: 1,
  });
  await open.commit([]);
  expect(await read(fixture, 'ad_id, action_type, _28d_click, _etl_list_idx')).toEqual([
    { ad_id: 'a', action_type: 'click', _28d_click: null, _etl_list_idx: 0 },
    { ad_id: 'a', action_type: 'view', _28d_click: null, _etl_list_idx: 1 },
    { ad_id: 'z', action_type: 'click', _28d_click: 7, _etl_list_idx: 0 },
  ]);
});

it('switches parent and children to a new generation through one view', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, [row('a', [{ action_type: 'click', value: '2' }])]);
  const { database } = fixture.options;
  const comments = async (): Promise<readonly unknown[]> =>
    fixture.query(
      `SELECT name, comment FROM system.tables WHERE database = '${database}' AND engine = 'View' AND startsWith(name, 'shop___') ORDER BY name`,
    );
  const before = await comments();
  await load(fixture, [row('b', [{ action_type: 'view', value: '1' }])], INSIGHTS, true);
  expect(await comments()).toEqual(before);
  expect(await read(fixture)).toEqual([{ ad_id: 'b', action_type: 'view', value: '1', _etl_list_idx: 0 }]);
});

it('keeps the names of dlt’s system columns when asked', async () => {
  await using fixture = await embeddedFixture({ systemPrefix: '_dlt' });
  await load(fixture, [row('a', [{ action_type: 'click', value: '2' }])]);
  const { database } = fixture.options;
  const columns = await fixture.query<{ name: string }>(`DESCRIBE TABLE ${database}.shop___insights__actions`);
  expect(columns.map(({ name }) => name).filter((name) => name.startsWith('_dlt'))).toEqual([
    '_dlt_list_idx',
    '_dlt_parent_id',
    '_dlt_root_id',
    '_dlt_id',
  ]);
});

it('refuses a stream that would be named as the children of another', async () => {
  await using fixture = await embeddedFixture();
  await using session = await fixture.destination.open('p');
  await using open = await session.beginLoad();
  await open.prepare(INSIGHTS);
  const other: StreamSpec = { ...INSIGHTS, name: 'insights__actions', columns: INSIGHTS.columns.slice(0, 3) };
  await expect(open.prepare(other)).rejects.toMatchObject({ code: 'CLICKHOUSE_TABLES_COLLIDE' });
});

it('prunes by the parent’s key through the view of the children', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, [row('a', [{ action_type: 'click', value: '2' }])]);
  const { database } = fixture.options;
  const plan = await fixture.query<{ explain: string }>(
    `EXPLAIN indexes = 1 SELECT sum(value) FROM ${database}.shop___insights__actions WHERE account_id = '1' AND day = '2026-11-01'`,
  );
  const text = plan.map(({ explain }) => explain).join('\n');
  expect(text).toMatch(/Partition[\s\S]*day|Min-?Max/i);
  expect(text).toMatch(/PrimaryKey[\s\S]*account_id/);
});
