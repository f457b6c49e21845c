import { expect, it } from 'vitest';
import { z } from 'zod';
import { string as miniString } from 'zod/mini';
import { flattenerOf } from '../src/columns-of.ts';
import { columnsOf, defineStream } from '../src/index.ts';
import { decimal } from '../src/columns/index.ts';

it('reads columns off a zod object', () => {
  const schema = z.object({
    id: z.int(),
    big: z.bigint(),
    ratio: z.number().nullable(),
    small: z.int32(),
    name: z.string().describe('As the platform spells it.'),
    day: z.iso.date(),
    at: z.iso.datetime().optional(),
    seen: z.date(),
    uid: z.uuid(),
    ok: z.boolean().default(false),
    status: z.enum(['a', 'b']),
    spend: decimal(18, 6).nullable(),
    tags: z.array(z.string()),
    parts: z.array(z.object({ a: z.string() })),
    extra: z.record(z.string(), z.unknown()),
    text: z.number().transform(String).pipe(z.string()),
  });
  expect(columnsOf(schema)).toEqual([
    { name: 'id', type: 'int64', nullable: false },
    { name: 'big', type: 'int64', nullable: false },
    { name: 'ratio', type: 'float64', nullable: true },
    { name: 'small', type: 'int32', nullable: false },
    { name: 'name', type: 'string', nullable: false, description: 'As the platform spells it.' },
    { name: 'day', type: 'date', nullable: false },
    { name: 'at', type: 'timestamp', nullable: true },
    { name: 'seen', type: 'timestamp', nullable: false },
    { name: 'uid', type: 'uuid', nullable: false },
    { name: 'ok', type: 'boolean', nullable: false },
    { name: 'status', type: 'string', nullable: false },
    { name: 'spend', type: 'decimal', precision: 18, scale: 6, nullable: true },
    { name: 'tags', type: 'array', nullable: false, items: { type: 'string', nullable: false } },
    { name: 'parts', type: 'nested', nullable: false, fields: [{ name: 'a', type: 'string', nullable: false }] },
    { name: 'extra', type: 'json', nullable: false },
    { name: 'text', type: 'string', nullable: false },
  ]);
});

it.each([
  ['is nullable', z.object({ id: z.int().nullable() })],
  ['is no column', z.object({ id: z.int().optional() })],
])('refuses a primary key that %s', (_, schema) => {
  expect(() =>
    defineStream({ name: 'orders', schema, primaryKey: ['id'], writeDisposition: 'merge', async *read() {} }),
  ).toThrow(expect.objectContaining({ code: 'STREAM_KEY_INVALID', kind: 'config' }));
});

it('refuses to merge rows that nothing identifies', () => {
  const schema = z.object({ id: z.int() });
  expect(() =>
    defineStream({ name: 'orders', schema, primaryKey: [], writeDisposition: 'merge', async *read() {} }),
  ).toThrow(expect.objectContaining({ code: 'STREAM_KEY_MISSING', kind: 'config' }));
});

it('keeps decimals as text and refuses what is none', () => {
  expect(decimal(18, 6).parse(12.5)).toBe('12.5');
  expect(decimal(18, 6).parse('0.10')).toBe('0.10');
  expect(decimal(18, 6).safeParse('1e3').success).toBe(false);
  expect(decimal(18, 6).safeParse('').success).toBe(false);
});

it('makes columns of objects, tables of arrays of objects, and text of what is deeper', () => {
  const schema = z.object({
    id: z.string(),
    creative: z.object({ id: z.string(), image: z.object({ width: z.int() }).nullable() }),
    actions: z.array(
      z.object({
        type: z.string(),
        value: z.int().nullish(),
        range: z.object({ from: z.string() }),
        parts: z.array(z.object({ x: z.int() })),
      }),
    ),
    matrix: z.array(z.array(z.int())),
    secret: z.string().meta({ etl: { drop: true } }),
    raw: z.object({ a: z.int() }).meta({ etl: { type: 'json' } }),
  });
  expect(columnsOf(schema).map(({ name, type, nullable }) => [name, type, nullable])).toEqual([
    ['id', 'string', false],
    ['creative__id', 'string', false],
    ['creative__image__width', 'int64', true],
    ['actions', 'nested', false],
    ['matrix', 'json', false],
    ['raw', 'json', false],
  ]);
  expect(columnsOf(schema)[3]?.fields?.map(({ name, type, nullable }) => [name, type, nullable])).toEqual([
    ['type', 'string', false],
    ['value', 'int64', true],
    ['range__from', 'string', false],
    ['parts', 'json', true],
  ]);
  const flatten = flattenerOf(schema);
  expect(
    flatten({
      id: '1',
      creative: { id: 'c', image: null },
      actions: [{ type: 'click', value: 2, range: { from: 'a' }, parts: [{ x: 1 }] }],
      matrix: [[1]],
      secret: 'hunter2',
      raw: { a: 1 },
    }),
  ).toEqual({
    id: '1',
    creative__id: 'c',
    creative__image__width: undefined,
    actions: [{ type: 'click', value: 2, range__from: 'a', parts: '[{"x":1}]' }],
    matrix: '[[1]]',
    raw: '{"a":1}',
  });
});

it('keeps the digits of long integers in JSON text, and makes text of what is nested twice', () => {
  const schema = z.object({
    raw: z.unknown(),
    items: z.array(z.object({ parts: z.array(z.object({ id: z.bigint() })) })),
  });
  const id = 23_842_000_000_000_000_001n;
  expect(flattenerOf(schema)({ raw: { ids: [id, 7] }, items: [{ parts: [{ id }] }] })).toEqual({
    raw: '{"ids":[23842000000000000001,7]}',
    items: [{ parts: '[{"id":23842000000000000001}]' }],
  });
});

it('keeps an object of very many fields as JSON text', () => {
  const fields = (count: number) =>
    z.object(Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, z.int()])));
  const schema = z.object({ few: fields(400), many: fields(401) });
  const columns = columnsOf(schema);
  expect(columns).toHaveLength(401);
  expect(columns.at(-1)).toEqual({ name: 'many', type: 'json', nullable: false });
  const row = Object.fromEntries(Array.from({ length: 401 }, (_, i) => [`f${i}`, i]));
  expect(flattenerOf(schema)({ few: {}, many: row })['many']).toBe(JSON.stringify(row));
});

it('gives the objects of an array a table of their own when the schema says so', () => {
  const items = z.array(z.object({ sku: z.string() })).meta({ etl: { storage: 'table' } });
  expect(columnsOf(z.object({ items }))).toEqual([
    {
      name: 'items',
      type: 'nested',
      storage: 'table',
      nullable: false,
      fields: [{ name: 'sku', type: 'string', nullable: false }],
    },
  ]);
});

it('a field of zod/mini is refused, for what it says of its column cannot be asked', () => {
  const mini = z.object({ spend: miniString() as unknown as z.ZodString });
  expect(() => columnsOf(mini)).toThrow(expect.objectContaining({ code: 'STREAM_SCHEMA_INVALID', kind: 'config' }));
});
