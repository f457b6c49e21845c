import type { LoadPackage, Row, StreamSpec } from '@etl/core';
import { binaryBatchOf } from '@etl/testing';
import { expect, it, vi } from 'vitest';
import { MANY_INSERTS } from '../src/staging-table.ts';
import { embeddedFixture, httpFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';

const STREAM: StreamSpec = {
  name: 'events',
  columns: [
    { name: 'id', type: 'int64', nullable: false },
    { name: 'text', type: 'string', nullable: true },
  ],
  primaryKey: ['id'],
  writeDisposition: 'merge',
  versionColumn: 'version',
};
const VERSION = 5n;

const rowsFrom = (start: number, count: number, text: string | null): readonly Row[] =>
  Array.from({ length: count }, (_, index): Row => ({ id: BigInt(start + index), text, version: VERSION }));
const bytesOf = (rows: readonly Row[], lane = 0) => ({ ...binaryBatchOf(STREAM, rows), version: VERSION, lane });

interface StagingTable {
  readonly parts: number;
  /** Of its parts. */
  readonly kinds: readonly string[];
  /** Rows of a granule, at most. */
  readonly granule: number;
  readonly engine: string;
}

/** What the one staging table of the database looks like. */
async function staging(fixture: ClickHouseFixture): Promise<StagingTable | undefined> {
  const { database } = fixture.options;
  const [table] = await fixture.query<StagingTable>(
    `SELECT toUInt32(countIf(p.active)) AS parts, groupUniqArrayIf(p.part_type, p.active) AS kinds, ` +
      `toUInt32(max(ceil(p.rows / greatest(p.marks - 1, 1)))) AS granule, any(t.engine_full) AS engine ` +
      `FROM system.tables t LEFT JOIN system.parts p ON p.database = t.database AND p.table = t.name ` +
      `WHERE t.database = '${database}' AND startsWith(t.name, '_etl_staging_') GROUP BY t.name`,
  );
  return table;
}

const ids = async (fixture: ClickHouseFixture): Promise<readonly number[]> =>
  (await fixture.readRows('events')).map(({ id }) => Number(id)).toSorted((a, b) => a - b);
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, id) => id);
/** Each test makes some hundred inserts that are synced. */
vi.setConfig({ testTimeout: 180_000 });

const UNMERGED = 'min_parts_to_merge_at_once = 1000';
const MERGED = 'max_parts_to_merge_at_once = 20';

it('makes few files and small granules of an insert, however large it is', async () => {
  await using fixture = await embeddedFixture();
  await using session = await fixture.destination.open('p');
  await using load = await session.beginLoad();
  await load.prepare(STREAM);
  // More than the ten MiB from which on an engine makes two files for each column.
  await load.write('events', rowsFrom(0, 20_000, 'y'.repeat(1000)));
  await load.writeBinary?.('events', bytesOf(rowsFrom(20_000, 5000, 'x'.repeat(1000))));
  await load.lookup('events', [{ id: 1n }], ['text']);
  const made = await staging(fixture);
  expect(made?.kinds).toEqual(['Compact']);
  // The last one of a part may be larger.
  expect(made?.granule).toBeLessThan(4096);
  await load.commit([]);
  expect(await ids(fixture)).toEqual(upTo(25_000));
  const { database } = fixture.options;
  const [raw] = await fixture.query<{ engine: string }>(
    `SELECT engine_full AS engine FROM system.tables WHERE database = '${database}' AND name = '_raw_shop___events_g0'`,
  );
  expect(raw?.engine).toContain("max_parts_to_merge_at_once = 20, auto_statistics_types = ''");
  expect(raw?.engine).toContain('min_rows_to_fsync_after_merge = 1');
  expect(raw?.engine).not.toContain('min_age_to_force_merge');
});

/** An insert for each row. */
const ONE_BY_ONE = { chunkRows: 1 };

async function asBytes(load: LoadPackage, rows: readonly Row[]): Promise<void> {
  for (const row of rows) await load.writeBinary?.('events', bytesOf([row]));
}
const asRows = (load: LoadPackage, rows: readonly Row[]): Promise<void> => load.write('events', rows);

it.each([
  ['bytes', asBytes],
  ['rows', asRows],
])('leaves staged %s unmerged until an engine would slow down by their number', async (_form, write) => {
  await using fixture = await embeddedFixture(ONE_BY_ONE);
  await using session = await fixture.destination.open('p');
  await using load = await session.beginLoad();
  await load.prepare(STREAM);
  await write(load, rowsFrom(0, MANY_INSERTS - 20, 'x'));
  const few = await staging(fixture);
  expect(few?.engine).toContain(UNMERGED);
  expect(few?.parts).toBeGreaterThan(MANY_INSERTS - 40);
  await write(load, rowsFrom(MANY_INSERTS - 20, 20, 'x'));
  await load.lookup('events', [{ id: 1n }], ['text']);
  expect((await staging(fixture))?.engine).toContain(MERGED);
  await load.commit([]);
  expect(await ids(fixture)).toEqual(upTo(MANY_INSERTS));
});

it('counts anew for the staging table that comes after a TRUNCATE', async () => {
  await using fixture = await embeddedFixture(ONE_BY_ONE);
  await using session = await fixture.destination.open('p');
  await using load = await session.beginLoad();
  await load.prepare(STREAM);
  const settings = async (): Promise<string | undefined> => {
    await load.lookup('events', [{ id: 1n }], ['text']);
    return (await staging(fixture))?.engine;
  };
  await asBytes(load, rowsFrom(0, MANY_INSERTS, 'x'));
  expect(await settings()).toContain(MERGED);
  await load.truncate('events');
  await asBytes(load, rowsFrom(0, 1, 'x'));
  expect(await settings()).toContain(UNMERGED);
  await asBytes(load, rowsFrom(1, MANY_INSERTS - 1, 'x'));
  expect(await settings()).toContain(MERGED);
  await load.commit([]);
  expect(await ids(fixture)).toEqual(upTo(MANY_INSERTS));
});

it('leaves the merges of a server to it', async () => {
  await using fixture = await httpFixture(ONE_BY_ONE);
  await using session = await fixture.destination.open('p');
  await using load = await session.beginLoad();
  await load.prepare(STREAM);
  await asBytes(load, rowsFrom(0, MANY_INSERTS, 'x'));
  await load.commit([]);
  const created = fixture.queries.filter((query) => /^CREATE TABLE\b.*_(staging|raw)_/s.test(query));
  expect(created).toHaveLength(2);
  const own = /auto_statistics_types|parts_to_merge_at_once|min_bytes_for_wide_part|index_granularity/;
  expect(fixture.queries.filter((query) => own.test(query))).toEqual([]);
});
