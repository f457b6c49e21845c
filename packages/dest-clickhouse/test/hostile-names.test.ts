import type { ColumnSpec, LedgerEntry, LoadPackage, Row, Slice, StreamSpec } from '@etl/core';
import { describe, expect, it } from 'vitest';
import { httpFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';

/** What our own statements call, or might call, something; words of SQL; and what has to be quoted. */
const NAMES: readonly string[] = [
  ['day', 'rows', 'version', 'key', 'count', 'number', 'position', 'place', 'hash', 'wanted', 'value', 'deleted'],
  ['_version', '_deleted', 'key_0', 'value_0', 'field_0', 'index', 'columns', 'parent_id', 'part', 'bucket'],
  ['select', 'from', 'final', 'null', 'table', 'order', 'name', 'database', 'default', 'SQL-Injection; DROP'],
  ['with`tick', "o'quote", '"double"', 'back\\slash', 'ünïcode', '{x:String}', '?', '100 %', 'größe'],
].flat();
const NAUGHTY = 'o\'brien\\ `"名\u0000{x:String}';

const text = (name: string): ColumnSpec => ({ name, type: 'string', nullable: true });
const COLUMNS = NAMES.filter((name) => name !== 'day').map(text);
const MERGED: StreamSpec = {
  name: 'merged',
  columns: [{ name: 'id', type: 'int64', nullable: false }, ...COLUMNS],
  primaryKey: ['id'],
  writeDisposition: 'merge',
};
const REPORT: StreamSpec = {
  name: 'report',
  columns: [
    { name: 'key', type: 'string', nullable: false },
    { name: 'day', type: 'date', nullable: false },
    { name: 'version', type: 'string', nullable: false },
    ...COLUMNS.filter(({ name }) => name !== 'key' && name !== 'version'),
  ],
  primaryKey: ['key', 'day', 'version'],
  writeDisposition: 'replace',
  scope: { keys: ['key'], day: 'day' },
};
const ITEMS: ColumnSpec = {
  name: 'rows',
  type: 'nested',
  nullable: false,
  fields: [text('position'), text('id'), text('hash'), text('count')],
};
const PARENTS: StreamSpec = {
  ...REPORT,
  name: 'parents',
  columns: REPORT.columns.map((column) => (column.name === 'rows' ? ITEMS : column)),
};
const CHILDREN: StreamSpec = {
  ...PARENTS,
  name: 'children',
  columns: PARENTS.columns.map((column) => (column.name === 'rows' ? { ...column, storage: 'table' } : column)),
};

const valuesOf = (mark: string): Row => Object.fromEntries(NAMES.map((name) => [name, `${mark} ${name} ${NAUGHTY}`]));
const slice: Slice = {
  key: NAUGHTY,
  scope: { equals: { key: NAUGHTY }, days: { start: '2026-11-01', end: '2026-11-02' } },
};
const rowOf = (version: string, mark: string): Row => ({
  ...valuesOf(mark),
  key: NAUGHTY,
  day: '2026-11-01',
  version,
});
const withItems = (row: Row): Row => ({ ...row, rows: [{ position: 'p', id: 'i', hash: NAUGHTY, count: null }] });

async function load<T>(fixture: ClickHouseFixture, work: (load: LoadPackage) => Promise<T>): Promise<T> {
  await using session = await fixture.destination.open('p');
  await using open = await session.beginLoad();
  const result = await work(open);
  await open.commit([]);
  return result;
}

/** A slice, published again with what the ledger knows of it. */
async function publish(fixture: ClickHouseFixture, stream: StreamSpec, rows: readonly Row[]): Promise<unknown> {
  await using session = await fixture.destination.open('p');
  const [previous] = await session.readLedger(stream.name);
  await using open = await session.beginLoad();
  await open.prepare(stream);
  await open.write(stream.name, rows);
  const readAt = new Date().toISOString();
  const known = { stream: stream.name, slice: slice.key, status: 'good', attempts: 1 } as const;
  const entry: LedgerEntry = { ...known, rows: rows.length, readAt, loadedAt: readAt };
  await open.publish(stream.name, slice, entry, previous);
  const { unchanged, restated } = await open.commit([]);
  return { unchanged: unchanged?.[stream.name], restated };
}

/** Aliases without quotes are ours; those of columns, and of views, are quoted. */
function ourAliases(queries: readonly string[]): readonly string[] {
  const overRows = queries.filter(
    (query) => /_raw_shop|_etl_staging|shop___/.test(query) && !/FROM system\./.test(query),
  );
  return overRows.flatMap((query) =>
    [...query.replaceAll(/'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`/g, '``').matchAll(/\bAS\s+([A-Za-z_]\w*)/g)].flatMap(
      ([, alias = '']) => (alias === 'SELECT' ? [] : [alias]),
    ),
  );
}

describe('columns with the names of our own expressions, of SQL, and of what has to be quoted', () => {
  it(
    'are columns in every kind of table and statement, and no alias of ours could be one of them',
    { timeout: 300_000 },
    async () => {
      await using fixture = await httpFixture();
      const stored = (rows: readonly Row[]) => rows.map((row) => Object.values(row).filter((value) => value !== null));

      await load(fixture, async (open) => {
        await open.prepare(MERGED);
        await open.write('merged', [{ ...valuesOf('old'), id: 1n }]);
      });
      const found = await load(fixture, async (open) => {
        await open.prepare(MERGED);
        await open.write('merged', [{ ...valuesOf('new'), id: 2n }]);
        return open.lookup(
          'merged',
          [{ id: 1n }, { id: 2n }],
          COLUMNS.map(({ name }) => name),
        );
      });
      expect({ ...found[0], day: valuesOf('old')['day'] }).toEqual(valuesOf('old'));
      expect(found[1]?.['rows']).toBe(`new rows ${NAUGHTY}`);
      await using session = await fixture.destination.open('q');
      const content = session.readContent?.();
      const buckets = await content?.readBuckets(MERGED, 2);
      expect([...(buckets?.values() ?? [])].reduce((sum, { rows }) => sum + rows, 0)).toBe(2);
      expect((await content?.readColumns(MERGED))?.size).toBe(MERGED.columns.length);

      await publish(fixture, REPORT, [rowOf('a', 'old'), rowOf('b', 'old')]);
      expect(await publish(fixture, REPORT, [rowOf('a', 'old'), rowOf('b', 'old')])).toEqual({ unchanged: [NAUGHTY] });
      const restated = [{ stream: 'report', slice: NAUGHTY, rows: 2 }];
      expect(await publish(fixture, REPORT, [rowOf('b', 'new')])).toEqual({ restated });
      expect(stored(await fixture.readRows('report'))).toEqual([expect.arrayContaining([`new count ${NAUGHTY}`])]);

      for (const stream of [PARENTS, CHILDREN]) {
        await publish(fixture, stream, [withItems(rowOf('a', 'old')), withItems(rowOf('b', 'old'))]);
        await publish(fixture, stream, [withItems(rowOf('b', 'new'))]);
        expect(stored(await fixture.readRows(stream.name))).toEqual([expect.arrayContaining([`new count ${NAUGHTY}`])]);
        const items = await fixture.readRows(`${stream.name}__rows`);
        expect(items).toMatchObject([{ position: 'p', id: 'i', hash: NAUGHTY, count: null }]);
      }

      // Another type of a column makes a variant, whose view has both under the one name.
      const changed = {
        ...MERGED,
        columns: MERGED.columns.map((c) => (c.name === 'count' ? { ...c, type: 'int64' as const } : c)),
      };
      await load(fixture, async (open) => {
        await open.prepare(changed);
        await open.write('merged', [{ ...valuesOf('third'), id: 3n, count: 3n }]);
      });
      expect(await fixture.readRows('merged')).toHaveLength(3);

      const aliases = ourAliases(fixture.queries);
      expect(new Set(aliases).size).toBeGreaterThan(10);
      // No column's name begins with _etl_, and none ends with _, see snakeCase.
      expect(aliases.filter((alias) => !alias.startsWith('_etl_') && !alias.endsWith('_'))).toEqual([]);
    },
  );

  it.each([
    ['differ in nothing but their case', [text('Case'), text('case')], 'CLICKHOUSE_COLUMNS_COLLIDE'],
    ['become one by what cannot be in a name', [text('a b'), text('a-b')], 'CLICKHOUSE_COLUMNS_COLLIDE'],
    ['are ours', [text('_etl_version')], 'CLICKHOUSE_NAME_RESERVED'],
    ['are what a reader sees of ours', [text('_dlt_load_id')], 'CLICKHOUSE_NAME_RESERVED'],
  ])('are refused by name when they %s', async (_, columns, code) => {
    await using fixture = await httpFixture({ systemPrefix: '_dlt' });
    const [id] = MERGED.columns;
    const stream = { ...MERGED, columns: [...(id === undefined ? [] : [id]), ...columns] };
    const refused = load(fixture, (open) => open.prepare(stream));
    await expect(refused).rejects.toMatchObject({ code, kind: 'schema' });
  });
});
