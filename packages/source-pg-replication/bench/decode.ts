/**
 * What decoding alone costs: the same captured messages through this package, up to the text that goes
 * out, and through `pg-logical-replication`, up to its objects. Trust the ratios, not the microseconds.
 *
 * Run: node packages/source-pg-replication/bench/decode.ts [rows]
 */
import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { startPostgres } from '@etl/testing/postgres';
import pg from 'pg';
import { PgoutputPlugin } from 'pg-logical-replication';
import { describeTables, readServerFacts, readTypes } from '../src/catalog.ts';
import { FrameScanner } from '../src/frame-scanner.ts';
import { LinePool } from '../src/pending-lines.ts';
import { PgoutputDecoder } from '../src/pgoutput.ts';
import { XLOG_DATA_HEADER_BYTES } from '../src/replication-frame.ts';
import { RowVersion } from '../src/row-version.ts';
import { tableStream, type TableStream } from '../src/table-stream.ts';
import { TextChanges } from '../src/text-changes.ts';
import type { TypeRow } from '../src/value-type.ts';

const ROWS = Number(process.argv[2] ?? 300_000);
const REPEATS = 12;
const CHUNK_BYTES = 64 * 1024;
const PAGE_ROWS = 10_000;
const TABLE = `CREATE TABLE bench (id int8 PRIMARY KEY, n int4, t text, amount numeric(18,4), flag bool, at timestamptz, ratio float8, doc jsonb)`;
const VALUES = `g, g % 1000, 'name of ' || g, g / 7.0, g % 2 = 0, now() + g * interval '1 second', g / 3.0, jsonb_build_object('k', g)`;

/** The messages of a slot in the frames in which a walsender would send them, in chunks as a socket gives them. */
async function captured(client: pg.Client, slot: string): Promise<readonly Buffer[]> {
  const { rows } = await client.query<{ data: Buffer }>(
    `SELECT data FROM pg_logical_slot_get_binary_changes('${slot}', NULL, NULL, 'proto_version', '1', 'publication_names', 'everything')`,
  );
  const frames = rows.map(({ data }) => {
    const frame = Buffer.alloc(5 + XLOG_DATA_HEADER_BYTES + data.length);
    frame.write('d', 0, 'latin1');
    frame.writeUInt32BE(frame.length - 1, 1);
    frame.write('w', 5, 'latin1');
    data.copy(frame, 5 + XLOG_DATA_HEADER_BYTES);
    return frame;
  });
  const bytes = Buffer.concat(frames);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) chunks.push(bytes.subarray(at, at + CHUNK_BYTES));
  return chunks;
}

async function ours(chunks: readonly Buffer[], stream: TableStream): Promise<number> {
  const scanner = new FrameScanner();
  const decoder = new PgoutputDecoder();
  const version = new RowVersion();
  const changes = new TextChanges(stream, new LinePool());
  let rows = 0;
  const flush = async (): Promise<void> => {
    for await (const message of changes.flush(undefined)) {
      if (message.type === 'text-records') rows += message.batch.rowCount;
    }
  };
  for (const chunk of chunks) {
    scanner.push(chunk);
    while (scanner.next()) {
      const message = decoder.decode(scanner.buffer, scanner.start + XLOG_DATA_HEADER_BYTES, scanner.end);
      if (message.type === 'begin') version.begin(1, message);
      else if (message.type === 'relation') {
        changes.setLayout(message.columns.map(({ name }) => stream.columnByName.get(name)));
      } else if (message.type === 'insert') {
        version.next();
        changes.apply(message, version);
        if (changes.size >= PAGE_ROWS) await flush();
      }
    }
  }
  await flush();
  return rows;
}

/** Only finds out where each value lies. */
function oursAlone(chunks: readonly Buffer[]): number {
  const scanner = new FrameScanner();
  const decoder = new PgoutputDecoder();
  let rows = 0;
  for (const chunk of chunks) {
    scanner.push(chunk);
    while (scanner.next()) {
      const message = decoder.decode(scanner.buffer, scanner.start + XLOG_DATA_HEADER_BYTES, scanner.end);
      if (message.type === 'insert') rows += 1;
    }
  }
  return rows;
}

/** The parser of frames that `pg` has, and through it the package. */
const protocol = createRequire(createRequire(import.meta.url).resolve('pg'))('pg-protocol') as {
  parse(socket: EventEmitter, onMessage: (message: { readonly chunk: Buffer }) => void): Promise<void>;
};

function theirs(chunks: readonly Buffer[]): number {
  const socket = new EventEmitter();
  const plugin = new PgoutputPlugin({ protoVersion: 1, publicationNames: ['everything'] });
  let rows = 0;
  void protocol.parse(socket, ({ chunk }) => {
    // Cut out as the package's own client does.
    if (plugin.parse(chunk.subarray(XLOG_DATA_HEADER_BYTES)).tag === 'insert') rows += 1;
  });
  for (const chunk of chunks) socket.emit('data', chunk);
  return rows;
}

/** CPU of each way per row, at its cheapest; in turns, because other work on the machine comes and goes. */
async function cheapest(ways: readonly (() => number | Promise<number>)[]): Promise<readonly number[]> {
  const least = ways.map(() => Infinity);
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    for (const [index, way] of ways.entries()) {
      const before = process.cpuUsage();
      const rows = await way();
      if (rows !== ROWS) throw new Error(`${rows} rows instead of ${ROWS}`);
      const { user, system } = process.cpuUsage(before);
      least[index] = Math.min(least[index] ?? Infinity, (user + system) / ROWS);
    }
  }
  return least;
}

const server = await startPostgres();
const client = new pg.Client(server.connectionString());
try {
  await client.connect();
  await client.query(`${TABLE}; CREATE PUBLICATION everything FOR ALL TABLES`);
  const types = new Map<number, TypeRow>();
  const { version } = await readServerFacts(client);
  const { rows: found } = await client.query<{ oid: number }>(`SELECT 'bench'::regclass::oid AS oid`);
  const [table] = await describeTables(client, [found[0]?.oid ?? 0], { version, publication: 'everything' });
  if (table === undefined) throw new Error('no table');
  await readTypes(
    client,
    table.columns.map((column) => column.type),
    types,
  );
  const stream = tableStream(table, types);
  let from = 0;
  for (const [what, perTransaction] of [
    ['10,000 rows a transaction', 10_000],
    ['1 row a transaction', 1],
  ] as const) {
    await client.query(`SELECT pg_create_logical_replication_slot('s${perTransaction}', 'pgoutput')`);
    await client.query(`DO $$ BEGIN FOR i IN 0..${Math.ceil(ROWS / perTransaction) - 1} LOOP
      INSERT INTO bench SELECT ${VALUES} FROM generate_series(${from} + i * ${perTransaction} + 1, least(${from + ROWS}, ${from} + (i + 1) * ${perTransaction})) g;
      COMMIT; END LOOP; END $$`);
    // What is captured ends where the log is flushed.
    await client.query('CHECKPOINT');
    from += ROWS;
    const chunks = await captured(client, `s${perTransaction}`);
    const [alone = NaN, own = NaN, npm = NaN] = await cheapest([
      () => oursAlone(chunks),
      () => ours(chunks, stream),
      () => theirs(chunks),
    ]);
    process.stdout.write(
      `${what}, µs of CPU a row: pg-logical-replication ${npm.toFixed(2)}; ` +
        `ours up to where each value lies ${alone.toFixed(2)}, ratio ${(npm / alone).toFixed(1)}; ` +
        `up to the text that goes out ${own.toFixed(2)}, ratio ${(npm / own).toFixed(1)}\n`,
    );
  }
} finally {
  await client.end();
  await server[Symbol.asyncDispose]();
}
