import type { ColumnSpec, DestinationPlan, StreamSpec } from '@etl/core';
import { expect, it } from 'vitest';
import { embeddedFixture, httpFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';

function specOf(name: string, ...columns: readonly ColumnSpec[]): StreamSpec {
  return {
    name,
    columns: [{ name: 'id', type: 'int64', nullable: false }, ...columns],
    primaryKey: ['id'],
    writeDisposition: 'merge',
  };
}

const NESTED: ColumnSpec = {
  name: 'lines',
  type: 'nested',
  nullable: false,
  fields: [{ name: 'sku', type: 'string', nullable: false }],
};
const STATUS: ColumnSpec = { name: 'status', type: 'string', nullable: true };

async function plan(fixture: ClickHouseFixture, ...streams: readonly StreamSpec[]): Promise<DestinationPlan> {
  const planned = await fixture.destination.plan?.(streams);
  if (planned === undefined) throw new Error('the destination plans nothing');
  return planned;
}

async function load(fixture: ClickHouseFixture, ...streams: readonly StreamSpec[]): Promise<void> {
  await using session = await fixture.destination.open('p');
  await using open = await session.beginLoad();
  for (const stream of streams) await open.prepare(stream);
  await open.commit([]);
}

/** The definitions that outlive a load, as the server was told. */
function definitions(queries: readonly string[]): readonly string[] {
  return queries.filter(
    (query) =>
      /^CREATE (?:DATABASE|OR REPLACE VIEW)/.test(query) ||
      /^CREATE TABLE IF NOT EXISTS `\w+`\.`(?!_etl_(?:number|counter|lock|manifest|staging)_)/.test(query) ||
      /^ALTER TABLE `\w+`\.`_raw_\w+` ADD COLUMN/.test(query) ||
      /^DROP TABLE IF EXISTS `\w+`\.`_raw_/.test(query),
  );
}

function statementsOf({ statements, streams }: DestinationPlan): readonly string[] {
  return [...statements, ...streams.flatMap((stream) => stream.statements)].toSorted();
}

it('defines nothing itself, and a load then issues exactly what was planned', async () => {
  await using fixture = await httpFixture();
  const streams = [specOf('orders', STATUS, NESTED), specOf('payments', { ...NESTED, storage: 'table' })];
  const planned = await plan(fixture, ...streams);
  expect(await fixture.query(`SELECT name FROM system.databases WHERE name = '${fixture.options.database}'`)).toEqual(
    [],
  );
  expect(fixture.queries.filter((query) => !/^SELECT\b/.test(query))).toEqual([]);
  expect(planned.streams.map(({ stream, table, changes }) => [stream, table, changes[0]?.type])).toEqual([
    ['orders', 'shop___orders', 'table-created'],
    ['payments', 'shop___payments', 'table-created'],
    ['payments__lines', 'shop___payments__lines', 'table-created'],
  ]);
  const before = fixture.queries.length;
  await load(fixture, ...streams);
  expect(definitions(fixture.queries.slice(before)).toSorted()).toEqual(statementsOf(planned));
  expect(statementsOf(await plan(fixture, ...streams))).toEqual([]);
});

it('plans tables of an embedded engine as a load makes them, also before there is a database', async () => {
  await using fixture = await embeddedFixture();
  const planned = statementsOf(await plan(fixture, specOf('orders', STATUS))).find((statement) =>
    /^CREATE TABLE .*_raw_shop___orders_g0`/.test(statement),
  );
  await load(fixture, specOf('orders', STATUS));
  const [made] = await fixture.query<{ engine: string }>(
    `SELECT engine_full AS engine FROM system.tables WHERE database = '${fixture.options.database}' AND name = '_raw_shop___orders_g0'`,
  );
  const settings = (text = ''): string => / SETTINGS (.*?)( COMMENT|$)/.exec(text)?.[1] ?? '';
  expect(settings(made?.engine)).toContain(settings(planned));
  expect(settings(planned)).toContain('max_parts_to_merge_at_once = 20');
});

it('plans the column that a table gains and the variant that widens one', async () => {
  await using fixture = await httpFixture();
  await load(fixture, specOf('orders', { name: 'amount', type: 'int32', nullable: false }, NESTED));
  const changed = specOf(
    'orders',
    { name: 'amount', type: 'float64', nullable: true },
    { ...NESTED, fields: [...(NESTED.fields ?? []), { name: 'count', type: 'int64', nullable: true }] },
    STATUS,
  );
  const planned = await plan(fixture, changed);
  expect(planned.statements).toEqual([]);
  expect(planned.streams[0]?.changes).toMatchObject([
    { type: 'column-added', column: 'amount__v_double', dataType: 'Nullable(Float64)' },
    { type: 'column-added', column: 'lines.count' },
    { type: 'column-added', column: 'status' },
  ]);
  const before = fixture.queries.length;
  await load(fixture, changed);
  expect(definitions(fixture.queries.slice(before)).toSorted()).toEqual(statementsOf(planned));
});

it('names the drift and the conflict of a changed key, and what is in the way of a table', async () => {
  await using fixture = await httpFixture();
  await load(fixture, specOf('orders', { ...STATUS, nullable: false }));
  await fixture.query(`CREATE TABLE ${fixture.options.database}.shop___taken (x Int8) ENGINE = Memory`);
  const planned = await plan(
    fixture,
    { ...specOf('orders', { ...STATUS, nullable: false }), primaryKey: ['id', 'status'] },
    specOf('taken'),
    { ...specOf('closed'), schemaContract: { tables: 'freeze' } },
    specOf('free'),
  );
  expect(planned.streams.map(({ stream, conflict }) => [stream, conflict?.code])).toEqual([
    ['orders', 'CLICKHOUSE_KEY_CONFLICT'],
    ['taken', 'CLICKHOUSE_NAME_TAKEN'],
    ['closed', 'SCHEMA_FROZEN'],
    ['free', undefined],
  ]);
  expect(planned.streams[0]?.changes).toMatchObject([
    { type: 'drift-found', property: 'sorting key', declared: 'id,status', actual: 'id' },
  ]);
  expect(planned.streams.slice(0, 3).flatMap(({ statements }) => statements)).toEqual([]);
});

it('plans a table that is replaced as a table of the load, and the old one dropped', async () => {
  await using fixture = await httpFixture();
  const replaced: StreamSpec = { ...specOf('plans', STATUS), writeDisposition: 'replace' };
  await load(fixture, replaced);
  const planned = await plan(fixture, replaced);
  const before = fixture.queries.length;
  await load(fixture, replaced);
  const issued = definitions(fixture.queries.slice(before)).map((query) =>
    query.replaceAll(/shop___plans_g(\d{1,3})(?=`)/g, (name, number) =>
      query.startsWith('DROP') ? name : name.replace(String(number), '<load number>'),
    ),
  );
  expect(issued.map((query) => query.replace(/(etl view )[0-9a-f]+/, '$1<hash>')).toSorted()).toEqual(
    statementsOf(planned),
  );
});
