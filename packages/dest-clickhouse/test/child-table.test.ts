import type { Row, Slice, StreamSpec } from '@etl/core';
import { expect, it } from 'vitest';
import { embeddedFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';

const ORDERS: StreamSpec = {
  name: 'orders',
  columns: [
    { name: 'shop', type: 'string', nullable: false },
    { name: 'id', type: 'int64', nullable: false },
    {
      name: 'items',
      type: 'nested',
      storage: 'table',
      nullable: false,
      fields: [
        { name: 'sku', type: 'string', nullable: false },
        { name: 'price', type: 'decimal', precision: 18, scale: 2, nullable: true },
      ],
    },
  ],
  primaryKey: ['shop', 'id'],
  writeDisposition: 'merge',
  deletedColumn: 'gone',
};

const SCOPED: StreamSpec = { ...ORDERS, writeDisposition: 'replace', scope: { keys: ['shop'] } };

const inRow = (spec: StreamSpec): StreamSpec => ({
  ...spec,
  columns: spec.columns.map((column) => (column.type === 'nested' ? { ...column, storage: 'row' as const } : column)),
});

function order(id: number, ...skus: readonly string[]): Row {
  return { shop: 'a', id, items: skus.map((sku, index) => ({ sku, price: `${index}.50` })) };
}

async function load(
  fixture: ClickHouseFixture,
  spec: StreamSpec,
  rows: readonly Row[],
  options: { readonly slice?: Slice; readonly truncates?: boolean } = {},
): Promise<void> {
  const slice = options.slice ?? { key: 'a' };
  await using session = await fixture.destination.open('p');
  await using open = await session.beginLoad();
  await open.prepare(spec);
  if (options.truncates === true) await open.truncate(spec.name);
  await open.write(spec.name, rows);
  await open.publish(spec.name, slice, {
    stream: spec.name,
    slice: slice.key,
    status: 'good',
    rows: rows.length,
    readAt: new Date(0).toISOString(),
    attempts: 1,
  });
  await open.commit([]);
}

async function items(fixture: ClickHouseFixture): Promise<readonly string[]> {
  const rows = await fixture.query<{ item: string }>(
    `SELECT concat(toString(id), '/', toString(_etl_list_idx), ' ', sku, ' ', toString(price)) AS item
     FROM ${fixture.options.database}.shop___orders__items ORDER BY id, _etl_list_idx`,
  );
  return rows.map(({ item }) => item);
}

it('keeps the objects of an array in a table of their own when asked', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, ORDERS, [order(1, 'x', 'y'), order(2), order(3, 'z')]);
  expect(await items(fixture)).toEqual(['1/0 x 0.5', '1/1 y 1.5', '3/0 z 0.5']);
  const [joined] = await fixture.query(
    `SELECT count() AS found FROM ${fixture.options.database}.shop___orders AS parent
     JOIN ${fixture.options.database}.shop___orders__items AS item ON parent._etl_id = item._etl_parent_id SETTINGS output_format_json_quote_64bit_integers = 0`,
  );
  expect(joined).toEqual({ found: 3 });
});

it('takes children away with what the parent lost, and with a parent that is deleted', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, ORDERS, [order(1, 'x', 'y'), order(2, 'u'), order(3, 'z')]);
  await load(fixture, ORDERS, [order(1, 'x'), { shop: 'a', id: 3, gone: true }]);
  expect(await items(fixture)).toEqual(['1/0 x 0.5', '2/0 u 0.5']);
  await load(fixture, ORDERS, [order(3, 'z', 'back')]);
  expect(await items(fixture)).toEqual(['1/0 x 0.5', '2/0 u 0.5', '3/0 z 0.5', '3/1 back 1.5']);
});

it('takes them away in a load without slices, too', async () => {
  await using fixture = await embeddedFixture();
  const upsert = async (rows: readonly Row[]): Promise<void> => {
    await using session = await fixture.create({ chunkRows: 2 }).open('p');
    await using open = await session.beginLoad();
    await open.prepare(ORDERS);
    await open.write('orders', rows);
    await open.commit([]);
  };
  await upsert([order(1, 'x', 'y'), order(2, 'u', 'v'), order(3, 'z', 'w')]);
  await upsert([order(1, 'x')]);
  await upsert([order(4), order(2, 'u'), order(3, 'z')]);
  expect(await items(fixture)).toEqual(['1/0 x 0.5', '2/0 u 0.5', '3/0 z 0.5']);
});

it('replaces the children of a scope with the scope, and no others', async () => {
  await using fixture = await embeddedFixture();
  const slice = (shop: string): Slice => ({ key: shop, scope: { equals: { shop } } });
  await load(fixture, SCOPED, [order(1, 'x', 'y')], { slice: slice('a') });
  await load(fixture, SCOPED, [{ ...order(7, 'q'), shop: 'b' }], { slice: slice('b') });
  await load(fixture, SCOPED, [order(2, 'n')], { slice: slice('a') });
  expect(await items(fixture)).toEqual(['2/0 n 0.5', '7/0 q 0.5']);
  await load(fixture, SCOPED, [], { slice: slice('b') });
  expect(await items(fixture)).toEqual(['2/0 n 0.5']);
});

it('gives objects the ids that they have in the row of their parent', async () => {
  await using apart = await embeddedFixture();
  await using together = await embeddedFixture();
  await load(apart, ORDERS, [order(1, 'x', 'y')]);
  await load(together, inRow(ORDERS), [order(1, 'x', 'y')]);
  const ids = (fixture: ClickHouseFixture): Promise<readonly unknown[]> =>
    fixture.query(
      `SELECT _etl_id, _etl_parent_id, _etl_root_id, _etl_list_idx FROM ${fixture.options.database}.shop___orders__items ORDER BY _etl_list_idx`,
    );
  expect(await ids(apart)).toEqual(await ids(together));
});

it('empties parent and children when the table is truncated', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, ORDERS, [order(1, 'x', 'y'), order(2, 'u')]);
  await load(fixture, ORDERS, [order(2, 'new')], { truncates: true });
  expect(await items(fixture)).toEqual(['2/0 new 0.5']);
});

it('refuses to move objects out of the rows of an existing table, until the table is made anew', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, inRow(ORDERS), [order(1, 'x')]);
  await expect(load(fixture, ORDERS, [order(2, 'y')])).rejects.toMatchObject({ code: 'CLICKHOUSE_STORAGE_CONFLICT' });
  expect(await items(fixture)).toEqual(['1/0 x 0.5']);
  await load(fixture, ORDERS, [order(2, 'y')], { truncates: true });
  expect(await items(fixture)).toEqual(['2/0 y 0.5']);
});

it('needs parents that keep their key', async () => {
  await using fixture = await embeddedFixture();
  const appended: StreamSpec = { ...ORDERS, writeDisposition: 'append' };
  await expect(load(fixture, appended, [])).rejects.toMatchObject({ code: 'CLICKHOUSE_CHILD_WITHOUT_KEY' });
});

it('leaves the children of a rejected row out with it', async () => {
  await using fixture = await embeddedFixture();
  const strict: StreamSpec = { ...ORDERS, schemaContract: { dataType: 'discard-row' } };
  await load(fixture, strict, [order(1, 'x'), { ...order(2, 'lost'), id: 'not a number' }]);
  expect(await items(fixture)).toEqual(['1/0 x 0.5']);
});

it('refuses to hide the objects of a table of their own behind empty rows', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, ORDERS, [order(1, 'x', 'y'), order(2, 'u')]);
  await expect(load(fixture, inRow(ORDERS), [order(3, 'z')])).rejects.toMatchObject({
    code: 'CLICKHOUSE_STORAGE_CONFLICT',
  });
  expect(await items(fixture)).toEqual(['1/0 x 0.5', '1/1 y 1.5', '2/0 u 0.5']);
});
