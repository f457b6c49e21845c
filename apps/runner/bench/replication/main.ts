import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { startPostgres } from '@etl/testing/postgres';
import { Client } from 'pg';
import { findProgram, timed } from './postgres-programs.ts';

interface Measured {
  readonly rows: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMegabytes: number;
}

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '1000000' }, changes: { type: 'string', default: '300000' } },
});
const rows = Number(values.rows);
const changes = Number(values.changes);
const directory = mkdtempSync(join(tmpdir(), 'etl-bench-'));
const postgres = await startPostgres({ settings: { max_slot_wal_keep_size: '-1' } });
const url = postgres.connectionString('postgres');
const environment = {
  PGHOST: postgres.host,
  PGPORT: String(postgres.port),
  PGUSER: postgres.user,
  PGPASSWORD: postgres.password,
};
const database = new Client({ connectionString: url });

try {
  await database.connect();
  await makeTable();
  print('', 'rows', 'seconds', 'rows/s', 'of floor', 'CPU s', 'peak MB');
  await snapshot();
  await changeStream();
} finally {
  await database.end();
  await postgres[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
}

async function makeTable(): Promise<void> {
  await database.query(
    'CREATE TABLE bench (id bigint PRIMARY KEY, customer int, note text, total numeric(18,4), paid boolean, at timestamptz, score float8, extra jsonb)',
  );
  await database.query(`INSERT INTO bench SELECT ${newRow('n')} FROM generate_series(1, ${rows}) n`);
  await database.query('ANALYZE bench');
}

function newRow(n: string): string {
  return `${n}, ${n} % 1000, 'note ' || ${n}, (${n} * 7 % 100000) / 100.0, ${n} % 3 = 0, timestamptz '2026-01-01' + ${n} * interval '1 second', ${n} / 3.0, jsonb_build_object('n', ${n})`;
}

async function snapshot(): Promise<void> {
  const psql = findProgram('psql');
  let floor: number | undefined;
  if (psql === undefined) process.stdout.write('psql is not on this machine: the ratio of the snapshot is left out\n');
  else {
    const runs: number[] = [];
    for (let run = 0; run < 3; run += 1)
      runs.push(await timed(psql, ['-qc', 'COPY bench TO STDOUT', 'postgres'], environment));
    floor = Math.min(...runs);
    print('COPY bench TO STDOUT, into nothing', rows, floor.toFixed(2), perSecond(rows, floor), '1', '', '');
  }
  const measured = await load('snapshot');
  report(
    'snapshot into embedded ClickHouse',
    measured,
    floor === undefined ? undefined : measured.rows / measured.seconds / (rows / floor),
  );
}

async function changeStream(): Promise<void> {
  const receiver = findProgram('pg_recvlogical');
  if (receiver !== undefined) await database.query("SELECT pg_create_logical_replication_slot('floor', 'pgoutput')");
  const perTransaction = 1000;
  for (let start = 0; start < changes; start += perTransaction) {
    const from = rows + start;
    await database.query('BEGIN');
    await database.query(
      `INSERT INTO bench SELECT ${newRow('n')} FROM generate_series(${from + 1}, ${from + perTransaction / 2}) n`,
    );
    await database.query(
      `UPDATE bench SET total = total + 1, note = note || '!' WHERE id BETWEEN ${start / 2 + 1} AND ${start / 2 + perTransaction / 2}`,
    );
    await database.query('COMMIT');
  }
  let floor: number | undefined;
  if (receiver === undefined)
    process.stdout.write('pg_recvlogical is not on this machine: the ratio of the changes is left out\n');
  else {
    const { rows: found } = await database.query<{ lsn: string }>('SELECT pg_current_wal_lsn() AS lsn');
    const end = found[0]?.lsn ?? '';
    const options = [
      '-d',
      'postgres',
      '-S',
      'floor',
      '--start',
      '--no-loop',
      '-E',
      end,
      '-o',
      'proto_version=1',
      '-o',
      'publication_names=etl_bench',
      '-f',
      '/dev/null',
    ];
    floor = await timed(receiver, options, environment);
    print('pg_recvlogical, into nothing', changes, floor.toFixed(2), perSecond(changes, floor), '1', '', '');
  }
  const measured = await load('changes');
  report('changes into embedded ClickHouse', measured, floor === undefined ? undefined : floor / measured.seconds);
}

async function load(mode: 'snapshot' | 'changes'): Promise<Measured> {
  const script = join(import.meta.dirname, 'load-once.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script, url, join(directory, 'engine'), mode], {
    maxBuffer: 1 << 26,
  });
  return JSON.parse(stdout) as Measured;
}

function report(what: string, measured: Measured, ratio: number | undefined): void {
  print(
    what,
    measured.rows,
    measured.seconds.toFixed(2),
    perSecond(measured.rows, measured.seconds),
    ratio === undefined ? '–' : ratio.toFixed(2),
    measured.cpuSeconds.toFixed(1),
    measured.peakMegabytes.toFixed(0),
  );
}

function perSecond(count: number, seconds: number): string {
  return Math.round(count / seconds).toLocaleString('en');
}

function print(...cells: readonly (string | number)[]): void {
  const [first = '', ...rest] = cells;
  process.stdout.write(`${String(first).padEnd(38)}${rest.map((cell) => String(cell).padStart(11)).join('')}\n`);
}
