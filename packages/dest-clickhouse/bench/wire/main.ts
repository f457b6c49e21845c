import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { clickhouse, openClickHouse } from '../../src/index.ts';
import { RowEncoder } from '../../src/row-encoder.ts';
import { WireBuffer } from '../../src/wire-buffer.ts';
import { cheapest, costOf, type Cost } from '../cost.ts';
import { printTable } from '../print-table.ts';
import { readRows } from '../read-rows.ts';
import { pagesOf, REPORT, rowsOf } from './report-rows.ts';

/** From pages of JSON to rows in staging, step by step, as ratios to parsing alone. */
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '20000' },
    repeats: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string', default: '0.45' },
    only: { type: 'string' },
  },
});
const PAGE_ROWS = 500;
/** As much as one insert takes by default. */
const CHUNK_ROWS = 20_000;
const CHUNK_BYTES = 8 * 1024 * 1024;
const pageCount = Math.max(1, Math.round(Number(values.rows) / PAGE_ROWS));
const distinct = pagesOf(Math.min(pageCount, 20), PAGE_ROWS, Number(values.seed));
const pages = Array.from({ length: pageCount }, (_, index) => distinct[index % distinct.length] ?? '');
const rows = pageCount * PAGE_ROWS;
const pageBytes = pages.reduce((sum, page) => sum + Buffer.byteLength(page), 0);

let sink = 0;
let encodedBytes = 0;

function parse(): void {
  for (const page of pages) sink += rowsOf(page).length;
}

function parseAndEncode(): void {
  const encoder = new RowEncoder(REPORT, { number: 7n, loadId: '20261101-0000-7' });
  const buffer = new WireBuffer();
  let lines = 0;
  let ordinal = 0;
  encodedBytes = 0;
  const send = (): void => {
    encodedBytes += buffer.take().length;
    lines = 0;
  };
  for (const page of pages) {
    for (const row of rowsOf(page)) {
      if (encoder.encode(row, ordinal, buffer) !== undefined) throw new Error('a row was rejected');
      lines += 1;
      ordinal += 1;
      if (lines >= CHUNK_ROWS || buffer.length >= CHUNK_BYTES) send();
    }
  }
  send();
}

const costs: Record<'parse' | 'encode' | 'load' | 'copy', Cost[]> = { parse: [], encode: [], load: [], copy: [] };
// By turns, so that a machine that is slow for a while is slow for both.
for (let repeat = 0; repeat < Number(values.repeats); repeat += 1) {
  costs.parse.push(await costOf(parse));
  if (values.only !== 'parse') costs.encode.push(await costOf(parseAndEncode));
}
if (values.only === undefined) await loadIntoStaging();

/** The engine is opened only now: its threads would be counted in the steps before. */
async function loadIntoStaging(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'etl-wire-'));
  const options = { path: join(directory, 'engine'), database: 'travel', dataset: 'wire' };
  try {
    await using destination = clickhouse(options);
    await using session = await destination.open('wire');
    await using reader = await openClickHouse(options);
    for (let repeat = 0; repeat < Number(values.repeats); repeat += 1) {
      await using load = await session.beginLoad();
      await load.prepare(REPORT);
      const write = async (): Promise<void> => {
        for (const page of pages) await load.write(REPORT.name, rowsOf(page));
        // A look-up waits until everything has arrived.
        await load.lookup(REPORT.name, [{ account_id: '', date_start: '2026-11-01', ad_id: '' }], ['ad_id']);
      };
      costs.load.push(await costOf(write));
      const [staging] = await readRows<{ name: string }>(
        reader,
        "SELECT name FROM system.tables WHERE database = 'travel' AND startsWith(name, '_etl_staging_')",
      );
      await readRows(reader, `CREATE TABLE travel.copy AS travel.${staging?.name}`);
      costs.copy.push(
        await costOf(() => readRows(reader, `INSERT INTO travel.copy SELECT * FROM travel.${staging?.name}`)),
      );
      await readRows(reader, 'DROP TABLE travel.copy SYNC');
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const parsing = cheapest(costs.parse);
const line = (step: string, list: readonly Cost[]): Record<string, string | number> => {
  const { wall, cpu } = cheapest(list);
  return {
    step,
    'krows/s': rows / wall / 1000,
    'CPU-s/100k': (cpu / rows) * 100_000,
    'speed to parsing': parsing.wall / wall,
    'CPU to parsing': cpu / parsing.cpu,
  };
};
printTable(
  `${rows} rows, ${Math.round(pageBytes / rows)} B of JSON and ${Math.round(encodedBytes / rows)} B on the wire each; best of ${values.repeats}`,
  [
    line('JSON.parse', costs.parse),
    ...(costs.encode.length > 0 ? [line('parse + encode', costs.encode)] : []),
    ...(costs.load.length > 0
      ? [line('parse + encode + staging', costs.load), line('INSERT … SELECT', costs.copy)]
      : []),
  ],
);
const speed = costs.encode.length === 0 ? 1 : parsing.cpu / cheapest(costs.encode).cpu;
process.stdout.write(`parse + encode at ${speed.toFixed(2)} of the speed of parsing, target ${values.target}\n`);
process.exitCode = speed >= Number(values.target) && sink > 0 ? 0 : 1;
