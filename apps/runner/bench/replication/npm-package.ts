import { createRequire } from 'node:module';
import { Client } from 'pg';
import { resourceUse } from './resource-use.ts';

/**
 * What one would build without this repository: `pg-logical-replication` with flow control, objects,
 * and `client.insert` of them, into the embedded engine or a server; the snapshot by cursor. In a process of
 * its own, so that its memory and CPU are its own. It keeps no promise about losing nothing.
 */
const [connectionString = '', engine = '', mode = 'changes', source = 'bench', wanted = '0'] = process.argv.slice(2);
const BATCH = 100_000;
/** The packages are development dependencies of the connectors, not of the runner. */
const ofSource = createRequire(import.meta.resolve('@etl/source-pg-replication'));
const ofDestination = createRequire(import.meta.resolve('@etl/dest-clickhouse'));

interface Inserter {
  exec(query: { readonly query: string }): Promise<{ readonly stream: { resume(): unknown } }>;
  insert(rows: {
    readonly table: string;
    readonly values: readonly unknown[];
    readonly format: string;
  }): Promise<unknown>;
  close(): Promise<void>;
}
const clickhouse = ofDestination('@clickhouse/client') as { createClient(options: unknown): Inserter };

type Message = { readonly tag: string; readonly new?: Readonly<Record<string, unknown>> };
interface Service {
  on(event: 'data', handler: (lsn: string, message: Message) => Promise<void>): void;
  on(event: 'error', handler: (error: Error) => void): void;
  subscribe(plugin: unknown, slot: string): Promise<unknown>;
  acknowledge(lsn: string): Promise<boolean>;
  stop(): Promise<unknown>;
}
const { LogicalReplicationService, PgoutputPlugin } = ofSource('pg-logical-replication') as {
  LogicalReplicationService: new (connection: unknown, options: unknown) => Service;
  PgoutputPlugin: new (options: unknown) => unknown;
};

const database = new Client({ connectionString });
const use = resourceUse();
const client = clickhouse.createClient(engine.startsWith('http:') ? { url: engine } : { connection: embedded() });
let batch: unknown[] = [];
let rows = 0;

function embedded(): unknown {
  const chdb = ofDestination('chdb/connection') as { createChdbConnection(options: unknown): unknown };
  return chdb.createChdbConnection({ path: engine });
}

async function flush(): Promise<void> {
  if (batch.length === 0) return;
  const values = batch;
  batch = [];
  rows += values.length;
  await client.insert({ table: 'bench', values, format: 'JSONEachRow' });
}

function take(row: Readonly<Record<string, unknown>>): void {
  const at = row['at'] as Date;
  batch.push({
    ...row,
    at: at.toISOString().replace('T', ' ').replace('Z', ''),
    extra: JSON.stringify(row['extra']),
    version: rows + batch.length,
  });
}

const created = await client.exec({
  query: `CREATE TABLE IF NOT EXISTS bench (id Int64, customer Int32, note String, total Decimal(18, 4), paid Bool,
    at DateTime64(6, 'UTC'), score Float64, extra String, version UInt64) ENGINE = ReplacingMergeTree(version) ORDER BY id`,
});
created.stream.resume();

if (mode === 'snapshot') {
  await database.connect();
  await database.query('BEGIN; DECLARE every NO SCROLL CURSOR FOR SELECT * FROM ' + source);
  for (;;) {
    const page = await database.query<Record<string, unknown>>('FETCH 10000 FROM every');
    for (const row of page.rows) take(row);
    if (batch.length >= BATCH || page.rows.length === 0) await flush();
    if (page.rows.length === 0) break;
  }
  await database.end();
} else {
  const service = new LogicalReplicationService(
    { connectionString },
    { acknowledge: { auto: false, timeoutSeconds: 10 }, flowControl: { enabled: true } },
  );
  const plugin = new PgoutputPlugin({ protoVersion: 1, publicationNames: ['etl_bench'] });
  await new Promise<void>((resolve, reject) => {
    service.on('error', reject);
    service.on('data', async (lsn, { tag, new: row }) => {
      if (row !== undefined) take(row);
      if (tag !== 'commit') return;
      const isLast = rows + batch.length >= Number(wanted);
      if (batch.length < BATCH && !isLast) return;
      await flush();
      await service.acknowledge(lsn);
      if (isLast) resolve();
    });
    service.subscribe(plugin, 'npm_package').catch(reject);
  });
  await service.stop();
}
await client.close();
process.stdout.write(JSON.stringify({ rows, ...use.now() }), () => process.exit(0));
