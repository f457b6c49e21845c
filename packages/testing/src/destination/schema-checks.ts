import { deepStrictEqual, equal } from 'node:assert/strict';
import type { ColumnSpec, Row, StreamSpec } from '@etl/core';
import { destinationCheck as check } from './destination-check.ts';
import { same } from './destination-scene.ts';
import { ORDERS } from './streams.ts';

const NOTED: StreamSpec = {
  ...ORDERS,
  columns: [...ORDERS.columns, { name: 'note', type: 'string', nullable: true }],
};

/** Names that are words of SQL, or that quoting has to hold together. */
const AWKWARD = ['select', 'order', 'from', 'table', 'index', 'value', 'key', 'a_b', 'x1', 'group', 'default', 'null'];

const notesOf = (rows: readonly Row[]): readonly unknown[] => rows.map((row) => row['note'] ?? null);

/** What becomes of a table when its stream changes, and what names it may have. */
export const schemaChecks = [
  check('adds the columns that a stream gains, and old rows read NULL there', async (scene) => {
    await scene.load(ORDERS, [{ id: 1, status: 'a' }]);
    await scene.load(NOTED, [{ id: 2, status: 'b', note: 'hello' }]);
    same(notesOf(await scene.sorted('orders')), [null, 'hello']);
  }),
  check('adds a column in the middle of a load', async (scene) => {
    await scene.open(async (load) => {
      await load.prepare(ORDERS);
      await load.write('orders', [{ id: 1, status: 'a' }]);
      await load.prepare(NOTED);
      await load.write('orders', [{ id: 2, status: 'b', note: 'hello' }]);
      await load.commit([]);
    });
    same(notesOf(await scene.sorted('orders')), [null, 'hello']);
  }),
  check('keeps the column that a stream does not have any more', async (scene) => {
    await scene.load(NOTED, [{ id: 1, status: 'a', note: 'old' }]);
    await scene.load(ORDERS, [{ id: 2, status: 'b' }]);
    same(notesOf(await scene.sorted('orders')), ['old', null]);
  }),
  check('says what it changed, and nothing when there was nothing to change', async (scene) => {
    const prepare = (spec: StreamSpec): Promise<readonly string[]> =>
      scene.open(async (load) => {
        const changes = await load.prepare(spec);
        await load.write(spec.name, [{ id: 1, status: 'a' }]);
        await load.commit([]);
        return changes.map(({ type, stream }) => `${type} ${stream}`);
      });
    deepStrictEqual(await prepare(ORDERS), ['table-created orders']);
    deepStrictEqual(await prepare(ORDERS), []);
    deepStrictEqual(await prepare(NOTED), ['column-added orders']);
  }),
  check('takes names that are words of SQL', async (scene) => {
    const columns = AWKWARD.map((name): ColumnSpec => ({ name, type: 'string', nullable: true }));
    const spec: StreamSpec = {
      name: 'order',
      columns: [{ name: 'id', type: 'int64', nullable: false }, ...columns],
      primaryKey: ['id'],
      writeDisposition: 'merge',
    };
    const row = { id: 1, ...Object.fromEntries(AWKWARD.map((name) => [name, `of ${name}`])) };
    await scene.load(spec, [row]);
    same(await scene.rows('order'), [row]);
  }),
  check('takes rows of many columns', async (scene) => {
    const names = Array.from({ length: 300 }, (_, index) => `c${index}`);
    const columns = names.map((name): ColumnSpec => ({ name, type: 'string', nullable: true }));
    const spec: StreamSpec = { ...ORDERS, name: 'wide', columns: [...ORDERS.columns, ...columns] };
    const row = { id: 1, status: 'a', ...Object.fromEntries(names.map((name) => [name, name])) };
    await scene.load(spec, [row, { id: 2 }]);
    const [first, second] = await scene.sorted('wide');
    same(first, row);
    equal(second?.['c299'] ?? null, null);
  }),
];
