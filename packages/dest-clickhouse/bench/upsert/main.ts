import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveOptions } from '../../src/clickhouse-destination.ts';
import { startChdbServer } from '@etl/testing';
import { clickhouse, openClickHouse } from '../../src/index.ts';
import { openConnection } from '../../src/open-connection.ts';
import { printTable } from '../print-table.ts';
import { readRows } from '../read-rows.ts';
import * as deleteInsert from './delete-insert.ts';
import { measure, type Measure } from './measure.ts';
import { DAYS, dayOf } from './report.ts';
import * as scopedReplace from './scoped-replace.ts';
import { added, NOTHING_WATCHED, watch, type Watched } from './watch.ts';

/** Loading the last days of a report again: this loader, and the statements dlt would issue. */
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '5000000' },
    small: { type: 'string', default: '500000' },
    upsert: { type: 'string', default: '208334' },
    rounds: { type: 'string', default: '2' },
    polls: { type: 'string', default: '200' },
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
/** Rounds that a reader watches, until it has polled often enough. */
const MAX_WATCHED_ROUNDS = 12;

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
  let last = 0;
  const measures: Record<string, Measure[]> = {};
  const note = async (step: string, work: () => Promise<void>): Promise<void> => {
    (measures[step] ??= []).push(await measure(reader, work));
  };
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    await note('delete-insert: staging', () => deleteInsert.stage(connection, from, rows, rows, round));
    await note('delete-insert: merge', () => deleteInsert.merge(connection));
    await using session = await destination.open('bench');
    await using load = await session.beginLoad();
    await note('loader: staging', () => scopedReplace.stage(load, from, rows, rows, round));
    await note('loader: publish', () => scopedReplace.publish(load, days, rows - from));
    last = round;
  }
  // Rounds that are watched are not measured: reading costs, too.
  const watched: Record<string, Watched> = {};
  {
    const front = { username: 'bench', password: 'bench' };
    await using server = await startChdbServer({ path, ...front });
    const url = Object.assign(new URL(server.url), front).href;
    const observe = async (step: string, polls: readonly string[], work: () => Promise<void>): Promise<void> => {
      watched[step] = added(watched[step] ?? NOTHING_WATCHED, await watch(reader, url, polls, work));
    };
    const isEnough = (step: string): boolean => (watched[step]?.polls ?? 0) >= Number(values.polls);
    for (let round = 0; round < MAX_WATCHED_ROUNDS; round += 1) {
      if (isEnough('delete-insert: merge') && isEnough('loader: publish')) break;
      last += 1;
      if (!isEnough('delete-insert: merge')) {
        await deleteInsert.stage(connection, from, rows, rows, last);
        await observe('delete-insert: merge', deleteInsert.pollsOf(firstDay), () => deleteInsert.merge(connection));
      }
      await using session = await destination.open('bench');
      await using load = await session.beginLoad();
      await scopedReplace.stage(load, from, rows, rows, last);
      await observe('loader: publish', scopedReplace.pollsOf(firstDay), () =>
        scopedReplace.publish(load, days, rows - from),
      );
    }
  }
  const [ours] = await readRows<{ count: string }>(
    reader,
    `SELECT countIf(batch = ${last}) AS count FROM travel.bench___report WHERE day >= '${firstDay}' HAVING count() = countIf(batch = ${last})`,
  );
  const expected = Math.floor((rows - from) * 0.96);
  if (Math.abs(Number(ours?.count ?? 0) - expected) > 1) throw new Error(`${ours?.count} rows instead of ${expected}`);
  const best = (step: string): Measure => {
    const list = measures[step] ?? [];
    return list.reduce((a, b) => (a.cpu < b.cpu ? a : b));
  };
  for (const [side, visible] of [
    ['delete-insert', 'merge'],
    ['loader', 'publish'],
  ] as const) {
    const steps = { staging: best(`${side}: staging`), [visible]: best(`${side}: ${visible}`) };
    const whole = Object.values(steps).reduce((sum, { wall, cpu, megabytes }) => ({
      wall: sum.wall + wall,
      cpu: sum.cpu + cpu,
      megabytes: sum.megabytes + megabytes,
    }));
    for (const [step, { wall, cpu, megabytes }] of Object.entries({ ...steps, 'end to end': whole })) {
      const seen = watched[`${side}: ${step}`];
      results.push({
        'table rows': rows,
        step: `${side}: ${step}`,
        'wall s': wall,
        'CPU s': cpu,
        'MB written': megabytes,
        ...(seen === undefined
          ? {}
          : { polls: seen.polls, 'saw old': seen.old, 'saw new': seen.new, 'wrong polls': seen.wrong }),
      });
    }
  }
  publishing.set(rows, best('loader: publish'));
  merging.set(rows, best('delete-insert: merge'));
  wrong += watched['loader: publish']?.wrong ?? 0;
  await connection.close();
}
