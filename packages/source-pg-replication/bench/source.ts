/**
 * How fast the source alone reads: a snapshot against `psql \copy` into nothing, and changes against
 * `pg_recvlogical` into nothing, in one run on one server. Trust the ratios, not the seconds.
 *
 * Run: node packages/source-pg-replication/bench/source.ts [rows]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Source, StateEntry } from '@etl/core';
import { startPostgres, type PostgresServer } from '@etl/testing/postgres';
import pg from 'pg';
import { pgReplication } from '../src/index.ts';

const ROWS = Number(process.argv[2] ?? 1_000_000);
const TABLE = `CREATE TABLE bench (id int8 PRIMARY KEY, n int4, t text, amount numeric(18,4), flag bool, at timestamptz, ratio float8, doc jsonb)`;
const VALUES = `g, g % 1000, 'name of ' || g, g / 7.0, g % 2 = 0, now() + g * interval '1 second', g / 3.0, jsonb_build_object('k', g)`;

interface Result {
  readonly what: string;
  readonly seconds: number;
  readonly cpuSeconds?: number;
}

let peakRss = 0;
const sampler = setInterval(() => {
  peakRss = Math.max(peakRss, process.memoryUsage.rss());
}, 50);

async function timed(what: string, work: () => Promise<unknown>): Promise<Result> {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { what, seconds: (performance.now() - startedAt) / 1000, cpuSeconds: (user + system) / 1e6 };
}

/** Runs a PostgreSQL client program; `undefined` when it is not installed. */
async function program(name: string, args: readonly string[], server: PostgresServer): Promise<Result | undefined> {
  const startedAt = performance.now();
  const child = spawn(name, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      PGHOST: server.host,
      PGPORT: String(server.port),
      PGUSER: server.user,
      PGPASSWORD: server.password,
      PGDATABASE: 'postgres',
    },
  });
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`${name} ended with ${code}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
  return { what: name, seconds: (performance.now() - startedAt) / 1000 };
}

async function drain(source: Source, state: StateEntry[]): Promise<number> {
  let rows = 0;
  for await (const message of source.read({ state, acceptsText: true, acceptsBinary: true })) {
    if (message.type === 'records') rows += message.rows.length;
    if ('batch' in message) rows += message.batch.rowCount;
    if (message.type === 'checkpoint') state.push(...message.checkpoint.entries);
    if (message.type === 'stream-failed') throw message.error;
  }
  return rows;
}

function report(ours: Result, theirs: Result | undefined, rows: number): void {
  const rate = (seconds: number): string => `${Math.round(rows / seconds / 1000)}k rows/s`;
  const cpu = ours.cpuSeconds === undefined ? '' : `, ${((ours.cpuSeconds / rows) * 1e6).toFixed(2)} µs CPU per row`;
  const ratio =
    theirs === undefined
      ? 'no PostgreSQL client programs here: ratio skipped'
      : `${theirs.what} ${theirs.seconds.toFixed(1)} s (${rate(theirs.seconds)}), ratio ${(theirs.seconds / ours.seconds).toFixed(2)}`;
  process.stdout.write(`${ours.what}: ${ours.seconds.toFixed(1)} s (${rate(ours.seconds)}${cpu}); ${ratio}\n`);
}

const server = await startPostgres();
const client = new pg.Client(server.connectionString());
try {
  await client.connect();
  await client.query(`${TABLE}; INSERT INTO bench SELECT ${VALUES} FROM generate_series(1, ${ROWS}) g`);
  await client.query('VACUUM ANALYZE bench');
  const source = pgReplication({ connectionString: server.connectionString() });
  const state: StateEntry[] = [];
  const copy = await program('psql', ['-qc', String.raw`\copy bench TO /dev/null`], server);
  const snapshot = await timed('snapshot', async () => drain(source, state));
  report(snapshot, copy, ROWS);

  await client.query(`SELECT pg_create_logical_replication_slot('theirs', 'pgoutput')`);
  for (let from = ROWS; from < 2 * ROWS; from += 10_000) {
    await client.query(
      `INSERT INTO bench SELECT ${VALUES} FROM generate_series(${from + 1}, ${Math.min(from + 10_000, 2 * ROWS)}) g`,
    );
  }
  const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn() AS lsn');
  await client.query(`SELECT pg_switch_wal()`);
  const received = await program(
    'pg_recvlogical',
    [
      '--dbname=postgres',
      '--slot=theirs',
      '--start',
      '--no-loop',
      `--endpos=${rows[0]?.lsn ?? ''}`,
      '-o',
      'proto_version=1',
      '-o',
      'publication_names=etl',
      '-f',
      '/dev/null',
    ],
    server,
  );
  const changes = await timed('changes', async () => drain(source, state));
  report(changes, received, ROWS);
  process.stdout.write(`peak RSS ${Math.round(peakRss / 1024 / 1024)} MB\n`);
} finally {
  clearInterval(sampler);
  await client.end();
  await server[Symbol.asyncDispose]();
}
