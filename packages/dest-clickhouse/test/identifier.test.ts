import { expect, it } from 'vitest';
import { identifier, literal, pipelineToken, publicName, snakeCase } from '../src/identifier.ts';

it.each([
  ['id', 'id'],
  ['customerName', 'customer_name'],
  ['HTTPStatus', 'http_status'],
  ['Order-ID', 'order_id'],
  ['1d_click', '_1d_click'],
  ['28D Click', '_28_d_click'],
  ['a__b', 'a_b'],
  ['total_', 'totalx'],
  ['käse', 'k_se'],
  ['a.b?c', 'a_b_c'],
])('writes %s as %s', (name, expected) => {
  expect(snakeCase(name)).toBe(expected);
});

it('puts the dataset in front of the stream, and keeps the schema of a table apart', () => {
  expect(publicName('shop', '___', 'orders')).toBe('shop___orders');
  expect(publicName('shop', '___', 'Sales__orderItems')).toBe('shop___sales__order_items');
  expect(publicName(undefined, '___', 'orders')).toBe('orders');
});

it('shortens a name that no file system could hold, and keeps different names different', () => {
  const names = ['a', 'b'].map((end) => publicName('shop', '___', 'x'.repeat(300) + end));
  expect(names.map((name) => Buffer.byteLength(name) <= 200)).toEqual([true, true]);
  expect(new Set(names).size).toBe(2);
});

it('refuses the names of the loader’s own tables', () => {
  expect(() => publicName(undefined, '___', '_etl_loads')).toThrow(
    expect.objectContaining({ code: 'CLICKHOUSE_NAME_RESERVED' }),
  );
});

it('quotes what would end a quotation', () => {
  expect(identifier('a`b\\')).toBe('`a\\`b\\\\`');
  expect(literal("it's \\")).toBe("'it\\'s \\\\'");
});

it('names pipelines apart that look alike', () => {
  expect(pipelineToken('pg_shop')).not.toBe(pipelineToken('pg-shop'));
  expect(pipelineToken('pg_shop')).toMatch(/^pg_shop_[0-9a-f]{8}$/);
});
