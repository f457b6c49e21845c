import { startPostgres } from '@etl/testing/postgres';
import { memoryDestination, MemoryStore } from '@etl/testing';
import { pgReplication } from '@etl/source-pg-replication';
import { runPipeline } from '@etl/core';
import { Client } from 'pg';
const s = await startPostgres();
const c = new Client(s.connectionString());
await c.connect();
await c.query(
  `create table orders(id bigint primary key, x text); insert into orders select i, 'x' from generate_series(1,10) i; CREATE PUBLICATION etl FOR TABLES IN SCHEMA public`,
);
const store = new (MemoryStore as any)();
const dest = (memoryDestination as any)(store);
let slow = 0;
const n = Number(process.argv[2] ?? 200);
for (let i = 0; i < n; i++) {
  if (i % 10 === 5) {
    await c.query(`create table t${i}(id int primary key); insert into t${i} values (1)`);
  }
  const source = pgReplication({
    connectionString: s.connectionString(),
    slot: 'etl',
    publication: 'etl',
    fenceTimeoutMs: 15000,
  } as any);
  const t = performance.now();
  try {
    await runPipeline({ name: 'x', source, destination: dest });
  } catch (e: any) {
    console.log(
      i,
      'ERR',
      e.code,
      e.message,
      (
        await c.query(
          'select slot_name, restart_lsn, confirmed_flush_lsn, pg_current_wal_lsn(), pg_current_wal_insert_lsn(), pg_current_wal_flush_lsn() from pg_replication_slots',
        )
      ).rows,
    );
  }
  const ms = performance.now() - t;
  if (ms > 3000) {
    slow++;
    console.log(i, 'slow', ms);
  }
  await source[Symbol.asyncDispose]();
  if (i % 7 === 0) await new Promise((r) => setTimeout(r, Math.random() * 400));
}
console.log('done', n, 'slow', slow);
await c.end();
await s[Symbol.asyncDispose]();
