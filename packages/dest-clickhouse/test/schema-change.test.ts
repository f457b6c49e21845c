import type { ColumnSpec, Row, SchemaChange, StreamSpec } from '@etl/core';
import { expect, it } from 'vitest';
import { embeddedFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';

function specOf(...columns: readonly ColumnSpec[]): StreamSpec {
  return {
    name: 'changing',
    columns: [{ name: 'id', type: 'int64', nullable: false }, ...columns],
    primaryKey: ['id'],
    writeDisposition: 'merge',
  };
}

async function load(
  fixture: ClickHouseFixture,
  spec: StreamSpec,
  rows: readonly Row[],
): Promise<readonly SchemaChange[]> {
  await using session = await fixture.destination.open('p');
  await using open = await session.beginLoad();
  const changes = await open.prepare(spec);
  await open.write(spec.name, rows);
  await open.commit([]);
  return changes;
}

function read(fixture: ClickHouseFixture): Promise<readonly Record<string, unknown>[]> {
  return fixture.query(
    `SELECT * EXCEPT (_etl_load_id) FROM ${fixture.options.database}.shop___changing ORDER BY id SETTINGS output_format_json_quote_64bit_integers = 0`,
  );
}

it('widens a column without rewriting it: whole numbers, fractions, text, and back', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, specOf({ name: 'x', type: 'int32', nullable: false }), [{ id: 1, x: 1 }]);
  const changes = await load(fixture, specOf({ name: 'x', type: 'float64', nullable: true }), [
    { id: 2, x: 2.5 },
    { id: 3, x: null },
  ]);
  expect(changes).toMatchObject([{ type: 'column-added', column: 'x__v_double', dataType: 'Nullable(Float64)' }]);
  expect(await read(fixture)).toEqual([
    { id: 1, x: 1 },
    { id: 2, x: 2.5 },
    { id: 3, x: null },
  ]);
  await load(fixture, specOf({ name: 'x', type: 'string', nullable: true }), [{ id: 4, x: 'four' }]);
  await load(fixture, specOf({ name: 'x', type: 'int64', nullable: false }), [{ id: 5, x: 5 }]);
  await load(fixture, specOf({ name: 'x', type: 'boolean', nullable: false }), [{ id: 6, x: true }]);
  const rows = [
    { id: 1, x: '1' },
    { id: 2, x: '2.5' },
    { id: 3, x: null },
    { id: 4, x: 'four' },
    { id: 5, x: '5' },
    { id: 6, x: 'true' },
  ];
  expect(await read(fixture)).toEqual(rows);
  const { database } = fixture.options;
  await fixture.query(`OPTIMIZE TABLE ${database}._raw_shop___changing_g0 FINAL`);
  expect(await read(fixture)).toEqual(rows);
});

it('takes a narrower type into the column as it is', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, specOf({ name: 'x', type: 'decimal', precision: 18, scale: 6, nullable: true }), [
    { id: 1, x: '1.5' },
  ]);
  expect(await load(fixture, specOf({ name: 'x', type: 'int16', nullable: false }), [{ id: 2, x: 2 }])).toEqual([]);
  expect(await read(fixture)).toEqual([
    { id: 1, x: 1.5 },
    { id: 2, x: 2 },
  ]);
});

it('widens a field of an array of objects', async () => {
  await using fixture = await embeddedFixture();
  const actions = (type: 'int64' | 'string'): ColumnSpec => ({
    name: 'actions',
    type: 'nested',
    nullable: false,
    fields: [{ name: 'value', type, nullable: true }],
  });
  await load(fixture, specOf(actions('int64')), [{ id: 1, actions: [{ value: 1 }, { value: null }] }]);
  await load(fixture, specOf(actions('string')), [{ id: 2, actions: [{ value: 'two' }] }]);
  const values = await fixture.query(
    `SELECT id, value FROM ${fixture.options.database}.shop___changing__actions ORDER BY id, _etl_list_idx SETTINGS output_format_json_quote_64bit_integers = 0`,
  );
  expect(values).toEqual([
    { id: 1, value: '1' },
    { id: 1, value: null },
    { id: 2, value: 'two' },
  ]);
});

it('looks up what stands in the newest variant', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, specOf({ name: 'x', type: 'int64', nullable: true }), [{ id: 1, x: 1 }]);
  await using session = await fixture.destination.open('p');
  await using open = await session.beginLoad();
  await open.prepare(specOf({ name: 'x', type: 'string', nullable: true }));
  await open.write('changing', [{ id: 2, x: 'two' }]);
  expect(await open.lookup('changing', [{ id: 1 }, { id: 2 }], ['x'])).toEqual([{ x: '1' }, { x: 'two' }]);
});

it('refuses another type of a key column, which nothing can widen', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, specOf(), [{ id: 1 }]);
  const text: StreamSpec = { ...specOf(), columns: [{ name: 'id', type: 'string', nullable: false }] };
  await expect(load(fixture, text, [{ id: 'a' }])).rejects.toMatchObject({
    code: 'CLICKHOUSE_TYPE_CONFLICT',
    kind: 'schema',
  });
});

it('says that a table is sorted otherwise than declared, at every load', async () => {
  await using fixture = await embeddedFixture();
  const spec = specOf({ name: 'x', type: 'int64', nullable: false });
  await load(fixture, spec, [{ id: 1, x: 1 }]);
  const changed: StreamSpec = { ...spec, primaryKey: ['id', 'x'] };
  for (let round = 0; round < 2; round += 1) {
    expect(await load(fixture, changed, [])).toEqual([
      {
        type: 'drift-found',
        stream: 'changing',
        table: 'shop___changing',
        property: 'sorting key',
        declared: 'id,x',
        actual: 'id',
      },
    ]);
  }
  // Said at every load, kept when it is new.
  const kept = await fixture.query<{ detail: string }>(
    `SELECT detail FROM ${fixture.options.database}._etl_schema_changes WHERE change = 'drift-found'`,
  );
  expect(kept).toHaveLength(1);
  await expect(load(fixture, changed, [{ id: 1, x: 2 }])).rejects.toMatchObject({
    code: 'CLICKHOUSE_KEY_CONFLICT',
    kind: 'schema',
  });
});

it('keeps a drift of the source once, and again when it has become another one', async () => {
  await using fixture = await embeddedFixture();
  const drift = { property: 'schema version', declared: '1.4' };
  for (const actual of ['1.5', '1.5', '1.6', '1.6', '1.5']) {
    await using session = await fixture.destination.open('p');
    await using open = await session.beginLoad();
    await open.prepare(specOf());
    for (const property of ['schema version', 'columns']) {
      const told = {
        type: 'drift-found',
        stream: 'changing',
        table: 'shop___changing',
        property,
        declared: '1.4',
        actual,
      };
      expect(await open.recordDrift?.('changing', { ...drift, property, actual })).toEqual(told);
    }
  }
  const kept = await fixture.query<{ actual: string }>(
    "SELECT JSONExtractString(detail, 'actual') AS actual " +
      `FROM ${fixture.options.database}._etl_schema_changes WHERE JSONExtractString(detail, 'property') = 'columns' ORDER BY changed_at`,
  );
  expect(kept.map(({ actual }) => actual)).toEqual(['1.5', '1.6', '1.5']);
});

it('reads NULL, never 0 or empty text, in rows that come without a column that cannot be NULL', async () => {
  await using fixture = await embeddedFixture();
  const whole = specOf(
    { name: 'clicks', type: 'int64', nullable: false },
    { name: 'name', type: 'string', nullable: false, lowCardinality: true },
    { name: 'tags', type: 'array', nullable: false, items: { type: 'string', nullable: false } },
  );
  await load(fixture, whole, [{ id: 1, clicks: 7, name: 'a', tags: ['x'] }]);
  expect(await load(fixture, specOf(), [{ id: 2 }])).toMatchObject([
    { type: 'column-added', column: 'clicks__v_bigint', dataType: 'Nullable(Int64)' },
    { type: 'column-added', column: 'name__v_text', dataType: 'LowCardinality(Nullable(String))' },
  ]);
  expect(await load(fixture, whole, [{ id: 3, clicks: 9, name: 'c', tags: [] }])).toEqual([]);
  expect(await load(fixture, specOf(), [{ id: 4 }])).toEqual([]);
  const rows = [
    { id: 1, clicks: 7, name: 'a', tags: ['x'] },
    { id: 2, clicks: null, name: null, tags: [] },
    { id: 3, clicks: 9, name: 'c', tags: [] },
    { id: 4, clicks: null, name: null, tags: [] },
  ];
  expect(await read(fixture)).toEqual(rows);
  await fixture.query(`OPTIMIZE TABLE ${fixture.options.database}._raw_shop___changing_g0 FINAL`);
  expect(await read(fixture)).toEqual(rows);
});

it('reads NULL in the rows that were there before a column that cannot be NULL', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, specOf(), [{ id: 1 }]);
  const wider = specOf(
    { name: 'clicks', type: 'int64', nullable: false },
    { name: 'tags', type: 'array', nullable: false, items: { type: 'string', nullable: false } },
  );
  await load(fixture, wider, [{ id: 2, clicks: 2, tags: ['x'] }]);
  await load(fixture, wider, [{ id: 3, clicks: 3, tags: [] }]);
  expect(await read(fixture)).toEqual([
    { id: 1, clicks: null, tags: [] },
    { id: 2, clicks: 2, tags: ['x'] },
    { id: 3, clicks: 3, tags: [] },
  ]);
});

it('refuses that a column goes where the contract is frozen', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, specOf({ name: 'clicks', type: 'int64', nullable: false }), [{ id: 1, clicks: 7 }]);
  const frozen: StreamSpec = { ...specOf(), schemaContract: { columns: 'freeze' } };
  await expect(load(fixture, frozen, [{ id: 2 }])).rejects.toMatchObject({ code: 'SCHEMA_FROZEN' });
});

it('has NULL in the place of a discarded value also where the column could not be NULL', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, specOf({ name: 'x', type: 'int64', nullable: false }), [{ id: 1, x: 1 }]);
  const discarding: StreamSpec = {
    ...specOf({ name: 'x', type: 'string', nullable: true }),
    schemaContract: { dataType: 'discard-value' },
  };
  await load(fixture, discarding, [{ id: 2, x: 'two' }]);
  expect(await read(fixture)).toEqual([
    { id: 1, x: 1 },
    { id: 2, x: null },
  ]);
});

it('lets a widened column be NULL later on', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, specOf({ name: 'x', type: 'int32', nullable: false }), [{ id: 1, x: 1 }]);
  await load(fixture, specOf({ name: 'x', type: 'int64', nullable: false }), [{ id: 2, x: 2 }]);
  await load(fixture, specOf({ name: 'x', type: 'int64', nullable: true }), [{ id: 3, x: null }]);
  expect(await read(fixture)).toEqual([
    { id: 1, x: 1 },
    { id: 2, x: 2 },
    { id: 3, x: null },
  ]);
});

it('never puts values into a column of the source that is named as the variant would be', async () => {
  await using fixture = await embeddedFixture();
  const own: ColumnSpec = { name: 'x__v_text', type: 'string', nullable: true };
  await load(fixture, specOf({ name: 'x', type: 'int64', nullable: true }, own), [{ id: 1, x: 1, x__v_text: 'one' }]);
  const wider = specOf({ name: 'x', type: 'string', nullable: true }, own);
  await load(fixture, wider, [{ id: 2, x: 'zwei', x__v_text: 'two' }]);
  await load(fixture, specOf({ name: 'x', type: 'string', nullable: true }), [{ id: 3, x: 'drei' }]);
  expect(await read(fixture)).toEqual([
    { id: 1, x: '1', x__v_text: 'one' },
    { id: 2, x: 'zwei', x__v_text: 'two' },
    { id: 3, x: 'drei', x__v_text: null },
  ]);
});

it('refuses a column that is named as the variant of another', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, specOf({ name: 'x', type: 'int64', nullable: true }), [{ id: 1, x: 1 }]);
  await load(fixture, specOf({ name: 'x', type: 'string', nullable: true }), [{ id: 2, x: 'two' }]);
  const later = specOf({ name: 'x__v_text', type: 'string', nullable: true });
  await expect(load(fixture, later, [{ id: 3, x__v_text: 'three' }])).rejects.toMatchObject({
    code: 'CLICKHOUSE_COLUMNS_COLLIDE',
    kind: 'schema',
  });
});

const OBJECTS: ColumnSpec = {
  name: 'x',
  type: 'nested',
  nullable: false,
  fields: [{ name: 'v', type: 'int64', nullable: true }],
};
const PLAIN: ColumnSpec = { name: 'x', type: 'int64', nullable: true };

it.each([
  { from: OBJECTS, row: { id: 1, x: [{ v: 1 }] }, to: PLAIN, next: { id: 2, x: 3 } },
  { from: PLAIN, row: { id: 1, x: 3 }, to: OBJECTS, next: { id: 2, x: [{ v: 1 }] } },
])('refuses before anything is committed that $from.type becomes $to.type', async ({ from, row, to, next }) => {
  await using fixture = await embeddedFixture();
  await load(fixture, specOf(from), [row]);
  const before = await read(fixture);
  await expect(load(fixture, specOf(to), [next])).rejects.toMatchObject({
    code: 'CLICKHOUSE_TYPE_CONFLICT',
    kind: 'schema',
  });
  expect(await read(fixture)).toEqual(before);
  await load(fixture, specOf(from), []);
});

/** A stream that changes in the middle of a load, while the server merges what is staged. */
async function loadChanging(
  fixture: ClickHouseFixture,
  parts: readonly { readonly spec: StreamSpec; readonly row: Row }[],
): Promise<Row | undefined> {
  const { database } = fixture.options;
  await using session = await fixture.create({ chunkRows: 1 }).open('p');
  await using open = await session.beginLoad();
  for (const { spec, row } of parts) {
    await open.prepare(spec);
    await open.write('changing', [row]);
  }
  const last = parts.at(-1)?.spec.columns.find(({ name }) => name !== 'id')?.name;
  const [found] = last === undefined ? [] : await open.lookup('changing', [{ id: 1 }], [last]);
  const [staging] = await fixture.query<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = '${database}' AND startsWith(name, '_etl_staging_')`,
  );
  await fixture.query(`OPTIMIZE TABLE ${database}.${staging?.name} FINAL`);
  await open.commit([]);
  return found;
}

it('keeps what is staged when a column is widened in the middle of a load', { timeout: 120_000 }, async () => {
  await using fixture = await embeddedFixture();
  const found = await loadChanging(fixture, [
    { spec: specOf({ name: 'x', type: 'int64', nullable: false }), row: { id: 1, x: 1 } },
    { spec: specOf({ name: 'x', type: 'string', nullable: true }), row: { id: 2, x: 'two' } },
  ]);
  expect(found).toEqual({ x: '1' });
  expect(await read(fixture)).toEqual([
    { id: 1, x: '1' },
    { id: 2, x: 'two' },
  ]);
});

it('keeps what is staged when a column goes in the middle of a load', async () => {
  await using fixture = await embeddedFixture();
  await loadChanging(fixture, [
    { spec: specOf({ name: 'x', type: 'int64', nullable: false }), row: { id: 1, x: 1 } },
    { spec: specOf(), row: { id: 2 } },
  ]);
  expect(await read(fixture)).toEqual([
    { id: 1, x: 1 },
    { id: 2, x: null },
  ]);
});

it('gives a load up in which a column becomes narrower than what is staged', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, specOf({ name: 'x', type: 'int64', nullable: true }), [{ id: 1, x: 1 }]);
  const changing = loadChanging(fixture, [
    { spec: specOf({ name: 'x', type: 'string', nullable: true }), row: { id: 2, x: 'two' } },
    { spec: specOf({ name: 'x', type: 'int64', nullable: true }), row: { id: 3, x: 3 } },
  ]);
  await expect(changing).rejects.toMatchObject({ code: 'CLICKHOUSE_TYPE_CONFLICT', kind: 'schema' });
});
