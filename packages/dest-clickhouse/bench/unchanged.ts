// What reading a window again costs that came back as it was, or with one day changed, against one that has to be
// written as a whole.
// The month that it is in also has the rows of other accounts, which a merge at the end of a run rewrites.
//   node packages/dest-clickhouse/bench/unchanged.ts [days] [rows a day] [rounds] [rows of others]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LedgerEntry, Row, StreamSpec } from '@etl/core';
import { clickhouse, openClickHouse } from '../src/index.ts';
import { printTable } from './print-table.ts';

const [days = 8, rowsADay = 10_000, rounds = 5, others = 2_000_000] = process.argv.slice(2).map(Number);
const NAMES = ['impressions', 'clicks', 'reach', 'video_views', 'saves', 'shares'] as const;
const REPORT: StreamSpec = {
  name: 'report',
  columns: [
    { name: 'account_id', type: 'string', nullable: false },
    { name: 'day', type: 'date', nullable: false },
    { name: 'ad_id', type: 'string', nullable: false },
    { name: 'campaign', type: 'string', nullable: true },
    { name: 'spend', type: 'decimal', precision: 18, scale: 6, nullable: true },
    ...NAMES.map((name) => ({ name, type: 'int64', nullable: true }) as const),
  ],
  primaryKey: ['account_id', 'day', 'ad_id'],
  writeDisposition: 'replace',
  scope: { keys: ['account_id'], day: 'day' },
};
const dayOf = (index: number): string => new Date(Date.UTC(2026, 10, 1 + index)).toISOString().slice(0, 10);

function rowsOf(index: number, round: number): readonly Row[] {
  return Array.from({ length: rowsADay }, (_, ad) => ({
    account_id: '1',
    day: dayOf(index),
    ad_id: `23850${ad}`,
    campaign: `campaign ${ad % 100}`,
    spend: `${ad % 97}.${String(round).padStart(2, '0')}`,
    ...Object.fromEntries(NAMES.map((name, place) => [name, ad * place])),
  }));
}

const path = await mkdtemp(join(tmpdir(), 'etl-unchanged-'));
const destination = clickhouse({ path, database: 'bench' });

/** Milliseconds of a whole run: load and merges. `versions` has a number a day, which is in each of its rows. */
async function run(versions: readonly number[]): Promise<{ readonly ms: number; readonly unchanged: number }> {
  const startedAt = performance.now();
  await using session = await destination.open('p');
  const ledger = new Map((await session.readLedger('report')).map((entry) => [entry.slice, entry]));
  await using load = await session.beginLoad();
  await load.prepare(REPORT);
  for (let index = 0; index < days; index += 1) {
    await load.write('report', rowsOf(index, versions[index] ?? 0));
    const now = new Date().toISOString();
    const scope = { equals: { account_id: '1' }, days: { start: dayOf(index), end: dayOf(index + 1) } };
    const slice = dayOf(index);
    const known = { stream: 'report', slice, status: 'good', attempts: 1, rows: rowsADay } as const;
    const entry: LedgerEntry = { ...known, readAt: now, loadedAt: now };
    await load.publish('report', { key: slice, scope }, entry, ledger.get(slice));
  }
  const { unchanged } = await load.commit([]);
  await session.optimize?.();
  return { ms: performance.now() - startedAt, unchanged: unchanged?.[REPORT.name]?.length ?? 0 };
}

async function addOthers(): Promise<void> {
  await using reader = await openClickHouse({ path, database: 'bench' });
  const rows = reader.query(
    `INSERT INTO bench._raw_report_g0 SELECT * REPLACE (toString(2 + number % 50) AS account_id, toString(number) AS ad_id, ` +
      `number AS reach, number % 97 AS saves) FROM (SELECT * FROM bench._raw_report_g0 WHERE ad_id = '238500') ARRAY JOIN range(${Math.ceil(others / days)}) AS number`,
  );
  for await (const part of rows) if (part.length > 0) throw new Error('an insert answered with rows');
}

const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;

try {
  const all = (round: number): readonly number[] => Array.from({ length: days }, () => round);
  await run(all(0));
  await addOthers();
  const times = { changed: [] as number[], 'one day changed': [] as number[], 'as it was': [] as number[] };
  for (let round = 1; round <= rounds; round += 1) {
    const oneDay = [...all(round).slice(1), round + 50];
    const written = await run(all(round));
    const part = await run(oneDay);
    const left = await run(oneDay);
    if (written.unchanged !== 0 || part.unchanged !== days - 1 || left.unchanged !== days)
      throw new Error('a day was taken for what it is not');
    times.changed.push(written.ms);
    times['one day changed'].push(part.ms);
    times['as it was'].push(left.ms);
  }
  printTable(
    `${days} days of ${rowsADay} rows in a month of ${others} more, median of ${rounds} runs`,
    Object.entries(times).map(([window, ms]) => ({
      window,
      ms: Math.round(median(ms)),
      share: (median(ms) / median(times.changed)).toFixed(2),
    })),
  );
} finally {
  await destination[Symbol.asyncDispose]();
  await rm(path, { recursive: true, force: true });
}
