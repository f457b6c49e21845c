// What reading a window again costs that came back as it was, against one that has to be written.
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

/** Milliseconds of a whole run: load and merges. `round` changes every row. */
async function run(round: number): Promise<{ readonly ms: number; readonly isUnchanged: boolean }> {
  const startedAt = performance.now();
  await using session = await destination.open('p');
  const ledger = new Map((await session.readLedger('report')).map((entry) => [entry.slice, entry]));
  await using load = await session.beginLoad();
  await load.prepare(REPORT);
  for (let index = 0; index < days; index += 1) {
    await load.write('report', rowsOf(index, round));
    const now = new Date().toISOString();
    const scope = { equals: { account_id: '1' }, days: { start: dayOf(index), end: dayOf(index + 1) } };
    const slice = dayOf(index);
    const known = { stream: 'report', slice, status: 'good', attempts: 1, rows: rowsADay } as const;
    const entry: LedgerEntry = { ...known, readAt: now, loadedAt: now };
    await load.publish('report', { key: slice, scope }, entry, ledger.get(slice));
  }
  const { unchanged } = await load.commit([]);
  await session.optimize?.();
  return { ms: performance.now() - startedAt, isUnchanged: unchanged?.[REPORT.name]?.length === days };
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
  await run(0);
  await addOthers();
  const same: number[] = [];
  const changed: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const written = await run(round);
    const left = await run(round);
    if (written.isUnchanged || !left.isUnchanged) throw new Error('a window was taken for what it is not');
    changed.push(written.ms);
    same.push(left.ms);
  }
  const share = (ms: number): string => (ms / median(changed)).toFixed(2);
  printTable(`${days} days of ${rowsADay} rows in a month of ${others} more, median of ${rounds} runs`, [
    { window: 'changed', ms: Math.round(median(changed)), share: share(median(changed)) },
    { window: 'as it was', ms: Math.round(median(same)), share: share(median(same)) },
  ]);
} finally {
  await destination[Symbol.asyncDispose]();
  await rm(path, { recursive: true, force: true });
}
