import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startPostgres } from '@etl/testing/postgres';
import { Client } from 'pg';
import { EnginePlaces } from './engine-places.ts';
import { measuredProcess, type Measured } from './measured-process.ts';
import { findProgram, timed } from './postgres-programs.ts';
import { print, ratio, show } from './report.ts';
import { serverProcess } from './server-process.ts';

/**
 * PostgreSQL into ClickHouse, against two floors and an alternative, all in one run: what `psql` and
 * `pg_recvlogical` take to receive the same into nothing, and what the npm package with inserts of
 * objects takes. Into an embedded engine, whose work and memory are part of what is measured, and into
 * a server, whose are not. Every reading has a process of its own. Trust the ratios.
 */
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '2000000' },
    changes: { type: 'string', default: '1000000' },
    'per-transaction': { type: 'string', default: '1000' },
    /** How often each is measured; the one in the middle counts. */
    rounds: { type: 'string', default: '3' },
    /** Rows of a table and of a transaction whose memory is compared with that of small ones; 0 leaves both out. */
    memory: { type: 'string', default: '0' },
    transaction: { type: 'string', default: '2000000' },
  },
});
const rows = Number(values.rows);
const changes = Number(values.changes);
const perTransaction = Number(values['per-transaction']);
const rounds = Number(values.rounds);
const memory = Number(values.memory);
const transaction = Number(values.transaction);
const FEW = 1000;
/** Rows of a table, and of a transaction, that are small. */
const SMALL = 100_000;
const SLOTS = ['etl_bench', 'floor', 'npm_package'];
const ENGINES = ['engine', 'theirs'];
const directory = mkdtempSync(join(tmpdir(), 'etl-bench-'));
const places = new EnginePlaces(directory);
const postgres = await startPostgres({ settings: { max_slot_wal_keep_size: '-1' } });
const url = postgres.connectionString('postgres');
/** By which path bytes reach an engine; see the decisions 13 and 19. */
const PATHS =
  'Snapshots come by COPY in its binary format and go on as RowBinary, changes come by pgoutput and go on tab-separated: ' +
  'in files that an embedded engine reads itself (INSERT FROM INFILE), over HTTP to a server.';
const environment = {
  PGHOST: postgres.host,
  PGPORT: String(postgres.port),
  PGUSER: postgres.user,
  PGPASSWORD: postgres.password,
};
const database = new Client({ connectionString: url });

try {
  await database.connect();
  await warmUp();
  await makeTable('bench', rows);
  process.stdout.write(`${PATHS}\n\n`);
  print('', 'rows', 'seconds', 'rows/s', 'CPU s', 'peak MB', 'own MB');
  await snapshot();
  await changeStream();
  if (memory > 0) await memoryOfSize();
} finally {
  await database.end();
  await postgres[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
}

async function makeTable(name: string, count: number): Promise<void> {
  await database.query(
    `CREATE TABLE ${name} (id bigint PRIMARY KEY, customer int, note text, total numeric(18,4), paid boolean, at timestamptz, score float8, extra jsonb)`,
  );
  await database.query(`INSERT INTO ${name} SELECT ${newRow('n')} FROM generate_series(1, ${count}) n`);
  // What follows must not wait for what the server still has to write of this.
  await database.query(`VACUUM ANALYZE ${name}`);
  await database.query('CHECKPOINT');
}

/** The code of both is compiled, and the engine's library in memory. */
async function warmUp(): Promise<void> {
  await makeTable('warm', 1000);
  await run('load-once.ts', 'snapshot', 'warm', 'warm');
  await run('npm-package.ts', 'snapshot', 'warm', 'warm_too');
}

function newRow(n: string): string {
  return `${n}, ${n} % 1000, 'note ' || ${n}, (${n} * 7 % 100000) / 100.0, ${n} % 3 = 0, timestamptz '2026-01-01' + ${n} * interval '1 second', ${n} / 3.0, jsonb_build_object('n', ${n})`;
}

/** The same work by this repository and by the alternative. */
interface Pair {
  readonly own: Measured;
  readonly theirs: Measured;
}

interface Round extends Pair {
  readonly floor: number;
  readonly server: Pair;
}

async function snapshot(): Promise<void> {
  const psql = findProgram('psql');
  const copy = (): Promise<number> =>
    psql === undefined
      ? Promise.resolve(Number.NaN)
      : timed(psql, ['-qc', String.raw`\copy bench TO /dev/null`, 'postgres'], environment);
  const taken: (Round & { readonly reading: Measured })[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await forget('bench');
    const server = await throughServer('snapshot', 'served', 'served_theirs');
    await forget('bench');
    // Before and after, because other work on the machine comes and goes.
    const before = await copy();
    const own = await run('load-once.ts', 'snapshot');
    const floor = (before + (await copy())) / 2;
    const reading = await run('load-once.ts', 'read');
    const theirs = await run('npm-package.ts', 'snapshot', 'bench', 'theirs');
    taken.push({ floor, own, reading, server, theirs });
  }
  show(
    String.raw`psql \copy into nothing`,
    taken.map(({ floor }) => ({ rows, seconds: floor })),
  );
  show(
    'snapshot, embedded ClickHouse, published',
    taken.map(({ own }) => published(own)),
  );
  show(
    'snapshot, merges included',
    taken.map(({ own }) => own),
  );
  show(
    'snapshot, into nothing',
    taken.map(({ reading }) => reading),
  );
  show(
    'cursor + client.insert of objects',
    taken.map(({ theirs }) => theirs),
  );
  show(
    'snapshot, into a server',
    taken.map(({ server }) => server.own),
  );
  show(
    'cursor + client.insert, into a server',
    taken.map(({ server }) => server.theirs),
  );
  ratio(
    'rows/s of the snapshot to those of psql until it is published',
    taken.map(({ floor, own }) => [floor, published(own).seconds]),
  );
  ratio(
    'the same, merges included',
    taken.map(({ floor, own }) => [floor, own.seconds]),
  );
  ratio(
    'the same into nothing',
    taken.map(({ floor, reading }) => [floor, reading.seconds]),
  );
  ratioOfCosts('objects', taken);
}

async function changeStream(): Promise<void> {
  // A few first: they leave the table as it usually is, merged after a run or some.
  await change(0, FEW);
  show('changes, a few', await run('load-once.ts', 'changes'));
  for (const slot of ['floor', 'npm_package']) {
    await database.query(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
  }
  await keep();
  await change(FEW, changes);
  await database.query('CHECKPOINT');
  const taken: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    if (round > 0) await goBack();
    const floor = await receive();
    const own = await run('load-once.ts', 'changes');
    const theirs = await run('npm-package.ts', 'changes', 'bench', 'theirs', String(changes));
    await goBack();
    taken.push({ floor, own, theirs, server: await throughServer('changes', 'engine', 'theirs') });
  }
  show(
    'pg_recvlogical into nothing',
    taken.map(({ floor }) => ({ rows: changes, seconds: floor })),
  );
  show(
    'changes, embedded ClickHouse, published',
    taken.map(({ own }) => published(own)),
  );
  show(
    'changes, merges included',
    taken.map(({ own }) => own),
  );
  show(
    'npm package + client.insert of objects',
    taken.map(({ theirs }) => theirs),
  );
  show(
    'changes, into a server',
    taken.map(({ server }) => server.own),
  );
  show(
    'npm package + client.insert, into a server',
    taken.map(({ server }) => server.theirs),
  );
  ratio(
    'wall of pg_recvlogical to ours until it is published',
    taken.map(({ floor, own }) => [floor, published(own).seconds]),
  );
  ratio(
    'the same, merges included',
    taken.map(({ floor, own }) => [floor, own.seconds]),
  );
  ratioOfCosts('the npm package', taken);
}

function published(own: Measured): Measured {
  return { seconds: Number.NaN, ...own.published, rows: own.rows };
}

function ratioOfCosts(whose: string, taken: readonly Round[]): void {
  ratio(
    `CPU of ${whose}, which merges nothing, to ours`,
    taken.map(({ theirs, own }) => [theirs.cpuSeconds, published(own).cpuSeconds]),
  );
  ratio(
    'the same, our merges included',
    taken.map(({ theirs, own }) => [theirs.cpuSeconds, own.cpuSeconds]),
  );
  ratio(
    `memory of ${whose}, which merges nothing, to ours`,
    taken.map(({ theirs, own }) => [theirs.peakMegabytes, published(own).peakMegabytes]),
  );
  ratio(
    'the same, our merges included',
    taken.map(({ theirs, own }) => [theirs.peakMegabytes, own.peakMegabytes]),
  );
  ratio(
    'the same, without mapped files',
    taken.map(({ theirs, own }) => [theirs.ownMegabytes, own.ownMegabytes]),
  );
  ratio(
    `into a server, CPU of ${whose} to ours`,
    taken.map(({ server }) => [server.theirs.cpuSeconds, published(server.own).cpuSeconds]),
  );
  ratio(
    `into a server, memory of ${whose} to ours`,
    taken.map(({ server }) => [server.theirs.peakMegabytes, server.own.peakMegabytes]),
  );
}

/** Leaves nothing of an earlier snapshot at the source. */
async function forget(table: string): Promise<void> {
  await dropSlot(`etl_${table}`);
  await database.query(`DROP PUBLICATION IF EXISTS etl_${table}`);
}

/** The server may take a moment to notice that its reader has ended. */
async function dropSlot(name: string): Promise<void> {
  const isOf = `FROM pg_replication_slots WHERE slot_name = '${name}'`;
  while ((await database.query(`SELECT ${isOf} AND active`)).rowCount !== 0) await delay(20);
  await database.query(`SELECT pg_drop_replication_slot(slot_name) ${isOf}`);
}

/** Where every round of changes begins: the slots, and both engines. */
async function keep(): Promise<void> {
  for (const slot of SLOTS) await database.query(`SELECT pg_copy_logical_replication_slot('${slot}', 'kept_${slot}')`);
  for (const engine of ENGINES) cpSync(places.of(engine), places.of(`kept_${engine}`), { recursive: true });
}

async function goBack(): Promise<void> {
  for (const slot of SLOTS) {
    await dropSlot(slot);
    await database.query(`SELECT pg_copy_logical_replication_slot('kept_${slot}', '${slot}')`);
  }
  for (const engine of ENGINES) {
    cpSync(places.of(`kept_${engine}`), places.beginAnew(engine), { recursive: true });
  }
}

/** Makes changes, half of them new rows and half of them updates of old ones, behind those that were made before. */
async function change(before: number, count: number): Promise<void> {
  for (let start = before; start < before + count; start += perTransaction) {
    const from = rows + start;
    const half = Math.ceil(perTransaction / 2);
    await database.query('BEGIN');
    await database.query(`INSERT INTO bench SELECT ${newRow('n')} FROM generate_series(${from + 1}, ${from + half}) n`);
    if (perTransaction > half) {
      await database.query(
        `UPDATE bench SET total = total + 1, note = note || '!' WHERE id BETWEEN ${start / 2 + 1} AND ${start / 2 + perTransaction - half}`,
      );
    }
    await database.query('COMMIT');
  }
}

async function receive(): Promise<number> {
  const receiver = findProgram('pg_recvlogical');
  if (receiver === undefined) return Number.NaN;
  const { rows: found } = await database.query<{ lsn: string }>('SELECT pg_current_wal_lsn() AS lsn');
  const options =
    `-d postgres -S floor --start --no-loop -E ${found[0]?.lsn ?? ''} ` +
    '-o proto_version=1 -o publication_names=etl_bench -f /dev/null';
  return timed(receiver, options.split(' '), environment);
}

/** Peak memory must not depend on the size of a table, nor on that of a transaction. */
async function memoryOfSize(): Promise<void> {
  const insert = (from: number, count: number): Promise<unknown> =>
    database.query(`INSERT INTO small SELECT ${newRow('n')} FROM generate_series(${from + 1}, ${from + count}) n`);
  const load = async (name: string, mode: string, table: string): Promise<Measured> => {
    const measured = await run('load-once.ts', mode, table, table);
    show(name, measured);
    return measured;
  };
  const compare = (name: string, large: Measured, small: Measured): void =>
    ratio(`peak of ${name}, merges included`, [[large.peakMegabytes, small.peakMegabytes]]);
  await makeTable('small', SMALL);
  const small = await load('snapshot of a small table', 'snapshot', 'small');
  await insert(SMALL, SMALL);
  const short = await load('changes, one small transaction', 'changes', 'small');
  await insert(2 * SMALL, transaction);
  const long = await load('changes, one large transaction', 'changes', 'small');
  await makeTable('large', memory);
  const large = await load('snapshot of a large table', 'snapshot', 'large');
  compare(`${memory} rows to that of ${SMALL}`, large, small);
  compare(`a transaction of ${transaction} rows to that of one of ${SMALL}`, long, short);
}

/** The same two into servers of their directories. */
async function throughServer(mode: string, own: string, theirs: string): Promise<Pair> {
  const into = async (program: string, engine: string): Promise<Measured> => {
    await using server = await serverProcess(mode === 'snapshot' ? places.beginAnew(engine) : places.of(engine));
    return await run(program, mode, 'bench', server.url, String(changes));
  };
  return { own: await into('load-once.ts', own), theirs: await into('npm-package.ts', theirs) };
}

/** What others have written is on the disk: a run that flushes its own to it must not wait for theirs. */
async function settle(): Promise<void> {
  const sync = findProgram('sync');
  if (sync !== undefined) await timed(sync, [], {});
}

async function run(program: string, mode: string, table = 'bench', engine = 'engine', wanted = '0'): Promise<Measured> {
  const isServer = engine.startsWith('http:');
  const where = isServer ? engine : mode === 'snapshot' ? places.beginAnew(engine) : places.of(engine);
  await settle();
  return measuredProcess(join(import.meta.dirname, program), [url, where, mode, table, wanted]);
}
