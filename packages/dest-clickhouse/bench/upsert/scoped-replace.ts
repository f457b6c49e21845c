import type { Destination, LoadPackage } from '@etl/core';
import type { ClickHouseReader } from '../../src/index.ts';
import { readRows } from '../read-rows.ts';
import { childExpressions, CHILDREN, loadedRows, REPORT, rootExpressions, sliceOf } from './report.ts';

export const RAW = 'travel._raw_bench___report_g0';
const BATCH_ROWS = 1000;

/** What a reader polls: the parents and the children of the loaded days. */
export function pollsOf(firstDay: string): readonly string[] {
  return ['report', 'report__actions'].map(
    (view) => `SELECT count(), sum(batch) FROM travel.bench___${view} WHERE day >= '${firstDay}'`,
  );
}

/** Makes the table by an empty load, then fills it beside the loader, as if by a load before all others. */
export async function fill(destination: Destination, reader: ClickHouseReader, rows: number): Promise<void> {
  await using session = await destination.open('bench');
  await using load = await session.beginLoad();
  await load.prepare(REPORT);
  await load.commit([]);
  const columns = rootExpressions(rows);
  const nested = childExpressions('item');
  const names = [...columns.keys(), ...[...nested.keys()].map((name) => `\`actions.${name}\``)];
  const arrays = [...nested.values()].map((expression) => `arrayMap(item -> ${expression}, range(${CHILDREN}))`);
  await readRows(
    reader,
    `INSERT INTO ${RAW} (${names.join(', ')}, _etl_version, _etl_deleted, _etl_load_id) ` +
      `SELECT ${[...columns.values(), ...arrays].join(', ')}, toUInt128(number), 0, 'fill-0' FROM numbers(${rows})`,
  );
}

/** Rows through the loader into staging. */
export async function stage(load: LoadPackage, from: number, to: number, rows: number, batch: number): Promise<void> {
  await load.prepare(REPORT);
  let pending: Readonly<Record<string, unknown>>[] = [];
  for (const row of loadedRows(from, to, rows, batch)) {
    pending.push(row);
    if (pending.length < BATCH_ROWS) continue;
    await load.write(REPORT.name, pending);
    pending = [];
  }
  await load.write(REPORT.name, pending);
  // A look-up waits until everything has arrived.
  await load.lookup(REPORT.name, [{ account: '', day: '1970-01-01', ad: 0 }], ['ad']);
}

/** The check of the key, the tombstones, the commit point, the publishing, the bookkeeping. */
export async function publish(load: LoadPackage, days: number, rows: number): Promise<void> {
  const slice = sliceOf(days);
  const readAt = new Date(0).toISOString();
  await load.publish(REPORT.name, slice, {
    stream: REPORT.name,
    slice: slice.key,
    status: 'good',
    rows,
    readAt,
    attempts: 1,
  });
  await load.commit([]);
}
