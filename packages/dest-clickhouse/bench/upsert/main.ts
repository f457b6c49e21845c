import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveOptions } from '../../src/clickhouse-destination.ts';
import { clickhouse, openClickHouse } from '../../src/index.ts';
import { openConnection } from '../../src/open-connection.ts';
import { printTable } from '../print-table.ts';
import { readRows } from '../read-rows.ts';
import * as deleteInsert from './delete-insert.ts';
import { measure, type Measure } from './measure.ts';
import { DAYS, dayOf } from './report.ts';
import * as scopedReplace from './scoped-replace.ts';

/** Loading the last days of a report again: this loader, and the statements dlt would issue. */
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '5000000' },
    small: { type: 'string', default: '500000' },
    upsert: { type: 'string', default: '208334' },
    rounds: { type: 'string', default: '2' },
    target: { type: 'string', default: '0.5' },
    flat: { type: 'string', default: '2' },
    directory: { type: 'string', default: tmpdir() },
  },
});
const upsert = Number(values.upsert);
const directory = mkdtempSync(join(values.directory, 'etl-upsert-'));
const results: Record<string, string | number>[] = [];
const publishing = new Map<number, Measure>();
const merging = new Map<number, Measure>();
let wrong = 0;

try {
  for (const rows of [Number(values.small), Number(values.rows)]) await compare(rows, join(directory, String(rows)));
} finally {
  rmSync(directory, { recursive: true, force: true });
}

printTable(`Upserts of ${upsert} rows with 4 children each, of which 4 % vanish; best of ${values.rounds}`, results);
const [small, large] = [Number(values.small), Number(values.rows)];
const ratio = (publishing.get(large)?.wall ?? Number.NaN) / (merging.get(large)?.wall ?? Number.NaN);
const growth = (publishing.get(large)?.cpu ?? Number.NaN) / (publishing.get(small)?.cpu ?? Number.NaN);
process.stdout.write(
  `after staging: ${ratio.toFixed(2)} of the wall of DELETE + INSERT at ${large} rows (target ${values.target}); ` +
    `CPU × ${growth.toFixed(2)} where the table is × ${large / small} (target ${values.flat}); wrong polls ${wrong}\n`,
);
process.exitCode = ratio <= Number(values.target) && growth <= Number(values.flat) && wrong === 0 ? 0 : 1;

async function compare(rows: number, path: string): Promise<void> {
  const options = { path, database: 'travel', dataset: 'bench' };
  await using destination = clickhouse(options);
  await destination.check();
  await using reader = await openClickHouse(options);
  await scopedReplace.fill(destination, reader, rows);
  await deleteInsert.fill(reader, scopedReplace.RAW, rows);
  const connection = await openConnection(resolveOptions(options));
  const rowsPerDay = rows / DAYS;
  const days = Math.min(DAYS, Math.max(1, Math.round(upsert / rowsPerDay)));
  // Whole days: what the slice covers is what is loaded.
  const from = Math.ceil(((DAYS - days) * rows) / DAYS);
  const firstDay = dayOf(DAYS - days);
  const measures: Record<string, Measure[]> = {};
  // The last round is watched by a reader, and does not count as a measure: reading costs, too.
  const last = Number(values.rounds) + 1;
  const watchedRound: Record<string, Measure> = {};
  for (let round = 1; round <= last; round += 1) {
    const isWatched = round === last;
    const note = async (step: string, polls: readonly string[], work: () => Promise<void>): Promise<void> => {
      const measured = await measure(reader, isWatched ? polls : [], work);
      if (isWatched) watchedRound[step] = measured;
      else (measures[step] ??= []).push(measured);
    };
    await note('delete-insert: staging', [], () => deleteInsert.stage(connection, from, rows, rows, round));
    await note('delete-insert: merge', deleteInsert.pollsOf(firstDay), () => deleteInsert.merge(connection));
    await using session = await destination.open('bench');
    await using load = await session.beginLoad();
    await note('loader: staging', [], () => scopedReplace.stage(load, from, rows, rows, round));
    await note('loader: publish', scopedReplace.pollsOf(firstDay), () =>
      scopedReplace.publish(load, days, rows - from),
    );
  }
  const [ours] = await readRows<{ count: string }>(
    reader,
    `SELECT countIf(batch = ${last}) AS count FROM travel.bench___report WHERE day >= '${firstDay}' HAVING count() = countIf(batch = ${last})`,
  );
  const expected = Math.floor((rows - from) * 0.96);
  if (Math.abs(Number(ours?.count ?? 0) - expected) > 1) throw new Error(`${ours?.count} rows instead of ${expected}`);
  for (const [step, list] of Object.entries(measures)) {
    const best = list.reduce((a, b) => (a.cpu < b.cpu ? a : b));
    const watched = watchedRound[step];
    results.push({
      'table rows': rows,
      step,
      'wall s': best.wall,
      'CPU s': best.cpu,
      'MB written': best.megabytes,
      polls: watched?.polls ?? 0,
      'wrong polls': watched?.wrongPolls ?? 0,
    });
    if (step === 'loader: publish') {
      publishing.set(rows, best);
      wrong += watched?.wrongPolls ?? 0;
    }
    if (step === 'delete-insert: merge') merging.set(rows, best);
  }
  await connection.close();
}
