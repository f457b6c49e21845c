import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Destination, TableMerge } from '@etl/core';
import { resolveOptions } from '../../src/clickhouse-destination.ts';
import { clickhouse, openClickHouse, type ClickHouseReader } from '../../src/index.ts';
import { openConnection } from '../../src/open-connection.ts';
import { cheapest, costOf, type Cost } from '../cost.ts';
import { printTable } from '../print-table.ts';
import { readRows } from '../read-rows.ts';
import { fillStatement, LAST_MONTH, REPORT, rowsOf, sliceOf } from './report.ts';

/**
 * What reading through the view costs, compared with a plain, fully merged table of the same rows: after loads that
 * nobody merged, merged, and as runs leave the table that merge at their end where it helps.
 */
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '2000000' },
    days: { type: 'string', default: '1' },
    loads: { type: 'string', multiple: true, default: ['0', '1', '10', '60'] },
    repeats: { type: 'string', default: '15' },
    runs: { type: 'string', default: '4' },
    target: { type: 'string', default: '1.2' },
    /** Of what runs leave. */
    'left-target': { type: 'string', default: '2.2' },
    'close-ms': { type: 'string', default: '20' },
    /** Settings to compare with the view as it is, such as `max_final_threads = 1`. */
    variant: { type: 'string', multiple: true, default: [] },
  },
});
const RAW = 'travel._raw_shop___report_g0';
const VIEW = 'travel.shop___report';
const aggregate = 'SELECT campaign, sum(spend), sum(clicks), count() FROM';
const QUERIES: Readonly<Record<string, (table: string) => string>> = {
  count: (table) => `SELECT count() FROM ${table}`,
  'one month': (table) =>
    `${aggregate} ${table} WHERE day >= '${LAST_MONTH.start}' AND day < '${LAST_MONTH.end}' GROUP BY campaign ORDER BY campaign`,
  all: (table) => `${aggregate} ${table} GROUP BY campaign ORDER BY campaign`,
};
const directory = mkdtempSync(join(tmpdir(), 'etl-view-'));
const options = { path: join(directory, 'engine'), database: 'travel', dataset: 'shop', mergeBytes: 0 };
const results: Record<string, string | number>[] = [];
let worst = 0;
let worstLeft = 0;
let differences = 0;
try {
  await using destination = clickhouse(options);
  await using reader = await openClickHouse(options);
  const connection = await openConnection(resolveOptions(options));
  await loadOnce(destination, 0);
  await readRows(reader, fillStatement(RAW, Number(values.rows)));
  await readRows(reader, `OPTIMIZE TABLE ${RAW} FINAL`);
  await connection.command(`SYSTEM STOP MERGES ${RAW}`);
  let done = 0;
  for (const loads of values.loads.map(Number)) {
    for (; done < loads; done += 1) await loadOnce(destination, done + 1);
    await compare(reader, `${loads} loads`, false);
  }
  await connection.command(`SYSTEM START MERGES ${RAW}`);
  const touched = await readRows<{ partition: string }>(
    reader,
    "SELECT DISTINCT partition FROM system.parts WHERE database = 'travel' AND table = '_raw_shop___report_g0' AND active GROUP BY partition HAVING count() > 1",
  );
  const merging = await costOf(async () => {
    for (const { partition } of touched) await readRows(reader, `OPTIMIZE TABLE ${RAW} PARTITION ${partition} FINAL`);
  });
  process.stdout.write(`merges of ${touched.length} partitions: ${merging.wall.toFixed(2)} s\n`);
  await compare(reader, 'merged', true);
  await using runs = clickhouse({ ...options, mergeBytes: undefined });
  for (let run = 1; run <= Number(values.runs); run += 1) {
    const merges = await loadOnce(runs, done + run);
    const merged = merges.reduce((sum, { partitionsMerged }) => sum + partitionsMerged, 0);
    await compare(reader, `run ${run}, ${merged === 0 ? 'left' : 'merged'}`, false, true);
  }
  await connection.close();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
printTable(
  `${values.rows} rows; every load brings the last ${values.days} days again; best of ${values.repeats}, ms`,
  results,
);
process.stdout.write(
  `view to plain table, merged: at most ${worst.toFixed(2)} (target ${values.target}); ` +
    `as runs leave it: at most ${worstLeft.toFixed(2)} (target ${values['left-target']}); wrong answers ${differences}\n`,
);
const isFast = worst <= Number(values.target) && worstLeft <= Number(values['left-target']);
process.exitCode = isFast && differences === 0 ? 0 : 1;

async function loadOnce(into: Destination, load: number): Promise<readonly TableMerge[]> {
  await using session = await into.open('view');
  await using open = await session.beginLoad();
  await open.prepare(REPORT);
  if (load > 0) {
    const days = Number(values.days);
    const rows = rowsOf(Number(values.rows), days, load);
    await open.write(REPORT.name, rows);
    const slice = sliceOf(days);
    const entry = { stream: REPORT.name, slice: slice.key, rows: rows.length, readAt: new Date(0).toISOString() };
    await open.publish(REPORT.name, slice, { ...entry, status: 'good', attempts: 1 });
  }
  await open.commit([]);
  return (await session.optimize?.()) ?? [];
}

async function compare(reader: ClickHouseReader, stage: string, isMerged: boolean, isLeft = false): Promise<void> {
  const columns = REPORT.columns.map(({ name }) => name).join(', ');
  await readRows(reader, 'DROP TABLE IF EXISTS travel.plain SYNC');
  await readRows(
    reader,
    `CREATE TABLE travel.plain ENGINE = MergeTree PARTITION BY toYYYYMM(day) ORDER BY (account, day, ad) AS SELECT ${columns} FROM ${VIEW}`,
  );
  await readRows(reader, 'OPTIMIZE TABLE travel.plain FINAL');
  const parts = await readRows<{ parts: string }>(
    reader,
    "SELECT count() AS parts FROM system.parts WHERE database = 'travel' AND table = '_raw_shop___report_g0' AND active",
  );
  const sources: readonly (readonly [string, string, string])[] = [
    ['plain', 'travel.plain', ''],
    ['view', VIEW, ''],
    ...values.variant.map((settings) => [settings, VIEW, ` SETTINGS ${settings}`] as const),
  ];
  for (const [name, queryOf] of Object.entries(QUERIES)) {
    const costs = sources.map((): Cost[] => []);
    const answers = new Set<string>();
    for (let repeat = 0; repeat < Number(values.repeats); repeat += 1) {
      for (const [index, [, table, settings]] of sources.entries()) {
        const query = queryOf(table) + settings;
        costs[index]?.push(await costOf(async () => void answers.add(JSON.stringify(await readRows(reader, query)))));
      }
    }
    if (answers.size > 1) differences += 1;
    const [plain, ...others] = costs.map(cheapest);
    // A plain table counts without reading, in a millisecond or so: there the difference is what matters.
    const isClose = (others[0]?.wall ?? 0) - (plain?.wall ?? 0) <= Number(values['close-ms']) / 1000;
    const ratios = others.map((cost) => cost.wall / (plain?.wall ?? Number.NaN));
    if (isMerged && !(name === 'count' && isClose)) worst = Math.max(worst, ratios[0] ?? Number.NaN);
    if (isLeft && name !== 'count') worstLeft = Math.max(worstLeft, ratios[0] ?? Number.NaN);
    results.push({
      stage,
      parts: Number(parts[0]?.parts),
      query: name,
      plain: (plain?.wall ?? 0) * 1000,
      view: (others[0]?.wall ?? 0) * 1000,
      ratio: ratios[0] ?? 0,
      'CPU ratio': (others[0]?.cpu ?? 0) / (plain?.cpu ?? 1),
      ...Object.fromEntries(values.variant.map((settings, index) => [settings, ratios[index + 1] ?? 0])),
    });
  }
}
