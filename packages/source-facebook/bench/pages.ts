// Pages of insights through this package's client against a plain fetch with JSON.parse, in the same run, and the
// memory of reading a whole report: ratios of processor time, and of peak memory of ten times as many rows.
//   node packages/source-facebook/bench/pages.ts [--rows 50000] [--rounds 5]
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '50000' }, rounds: { type: 'string', default: '5' } },
});
const ROWS = Number(values.rows);

interface Reading {
  readonly rows: number;
  readonly cpuMs: number;
  readonly peakMb: number;
}

function program(name: string): string {
  return join(import.meta.dirname, name);
}

async function withServer<T>(rows: number, work: (url: string) => T): Promise<T> {
  const server = spawn(process.execPath, [program('page-server.ts'), String(rows)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [port] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
    return work(`http://127.0.0.1:${port}`);
  } finally {
    server.kill();
  }
}

function read(way: string, url: string, rows: number): Reading {
  const { stdout, stderr } = spawnSync(process.execPath, [program('page-reader.ts'), way, url, String(rows)], {
    encoding: 'utf8',
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Reading;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

await withServer(ROWS, (url) => {
  const fetched: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    fetched.push(read('fetch', url, ROWS).cpuMs);
    ours.push(read('client', url, ROWS).cpuMs);
  }
  const ratio = (median(ours) / median(fetched)).toFixed(2);
  process.stdout.write(
    `${ROWS} rows, pages of 500: fetch + JSON.parse ${Math.round(median(fetched))} ms, client ${Math.round(median(ours))} ms of processor, ratio ${ratio} (median of ${values.rounds})\n`,
  );
});

const peaks: number[] = [];
for (const rows of [ROWS, ROWS * 10]) {
  await withServer(rows, (url) => {
    const { rows: count, peakMb } = read('insights', url, rows);
    peaks.push(peakMb);
    process.stdout.write(`${count} rows of insights, two reports joined: peak memory ${Math.round(peakMb)} MB\n`);
  });
}
process.stdout.write(`ratio of peak memory ${((peaks[1] ?? 0) / (peaks[0] ?? 1)).toFixed(2)}\n`);
