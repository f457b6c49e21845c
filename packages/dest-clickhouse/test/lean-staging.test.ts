import type { Row, StreamSpec } from '@etl/core';
import { binaryBatchOf } from '@etl/testing';
import { expect, it } from 'vitest';
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
  /** Of a part. */
  readonly kinds: readonly string[];
  readonly engine: string;
}

/** What the one staging table of the database looks like. */
async function staging(fixture: ClickHouseFixture): Promise<StagingTable | undefined> {
  const { database } = fixture.options;
  const [table] = await fixture.query<StagingTable>(
    `SELECT toUInt32(countIf(p.active)) AS parts, groupUniqArrayIf(p.part_type, p.active) AS kinds, any(t.engine_full) AS engine ` +
      `FROM system.tables t LEFT JOIN system.parts p ON p.database = t.database AND p.table = t.name ` +
      `WHERE t.database = '${database}' AND startsWith(t.name, '_etl_staging_') GROUP BY t.name`,
  );
  return table;
}

it('makes few files of an insert, however large it is', async () => {
  await using fixture = await embeddedFixture();
  await using session = await fixture.destination.open('p');
  await using load = await session.beginLoad();
  await load.prepare(STREAM);
  for (let start = 0; start < 24_000; start += 1000)
    await load.writeBinary?.('events', bytesOf(rowsFrom(start, 1000, 'x'.repeat(1000))));
  await load.write('events', rowsFrom(24_000, 2000, 'y'.repeat(10_000)));
  await load.commit([]);
  const { database } = fixture.options;
  const parts = await fixture.query(
    `SELECT part_type AS kind, max(data_uncompressed_bytes) > 10485760 AS large FROM system.parts WHERE database = '${database}' AND table = '_raw_shop___events_g0' AND active GROUP BY kind`,
  );
  expect(parts).toEqual([{ kind: 'Compact', large: 1 }]);
});

it('leaves staged rows unmerged until an engine would slow down by their number', async () => {
  await using fixture = await embeddedFixture({ chunkRows: 2 });
  const added = 10;
  {
    await using session = await fixture.destination.open('p');
    await using load = await session.beginLoad();
    await load.prepare(STREAM);
    for (let id = 0; id < MANY_INSERTS - added; id += 1)
      await load.writeBinary?.('events', bytesOf(rowsFrom(id, 1, 'x')));
    const few = await staging(fixture);
    expect(few?.engine).toContain('min_parts_to_merge_at_once = 1000');
    expect(few?.parts).toBeGreaterThan(MANY_INSERTS - 30);
    for (let id = MANY_INSERTS - added; id < MANY_INSERTS + added; id += 1)
      await load.writeBinary?.('events', bytesOf(rowsFrom(id, 1, 'x')));
    expect((await staging(fixture))?.engine).toContain('min_parts_to_merge_at_once = 20');
    await load.commit([]);
  }
  const rows = await fixture.readRows('events');
  expect(rows.map(({ id }) => Number(id)).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: MANY_INSERTS + added }, (_, id) => id),
  );
});

it('leaves the merges of a server to it', async () => {
  await using fixture = await httpFixture();
  await using session = await fixture.destination.open('p');
  await using load = await session.beginLoad();
  await load.prepare(STREAM);
  await load.write('events', rowsFrom(0, 10, 'x'));
  await load.commit([]);
  const created = fixture.queries.filter((query) => /^CREATE TABLE\b.*_(staging|raw)_/s.test(query));
  expect(created).toHaveLength(2);
  expect(
    created.filter((query) =>
      /auto_statistics_types|max_parts_to_merge_at_once|min_bytes_for_wide_part|index_granularity/.test(query),
    ),
  ).toEqual([]);
});
