import { startPostgres } from '@etl/testing/postgres';
import { memoryDestination, MemoryStore } from '@etl/testing';
import { pgReplication } from '@etl/source-pg-replication';
import { runPipeline } from '@etl/core';
import { Client } from 'pg';
let hangs = 0;
for (let k = 0; k < Number(process.argv[2]); k++) {
  const s = await startPostgres();
  const c = new Client(s.connectionString());
  await c.connect();
  await c.query(`create table orders(id bigint primary key, x text); insert into orders select i, 'x' from generate_series(1,10) i;
CREATE ROLE etl LOGIN REPLICATION PASSWORD 'pw-for-test-1';
GRANT USAGE ON SCHEMA public TO etl;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO etl;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO etl;`);
  const dest = (memoryDestination as any)(new (MemoryStore as any)());
  const once = async (i: number) => {
    const source = pgReplication({
      connectionString: `postgres://etl:pw-for-test-1@127.0.0.1:${s.port}/postgres`,
      slot: 'etl',
      publication: 'etl',
      fenceTimeoutMs: 12000,
    } as any);
    const t = performance.now();
    try {
      await runPipeline({ name: 'x', source, destination: dest });
    } catch (e: any) {
      if (e.code !== 'PG_PUBLICATION_DENIED') {
        hangs++;
        console.log(
          k,
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
    }
    await source[Symbol.asyncDispose]();
  };
  await once(0);
  await once(1);
  await c.query('CREATE PUBLICATION etl FOR TABLES IN SCHEMA public');
  await once(2);
  await c.query('create table more(id int primary key); insert into more values (1)');
  await new Promise((r) => setTimeout(r, Math.random() * 600));
  await once(3);
  await new Promise((r) => setTimeout(r, Math.random() * 600));
  await once(4);
  await once(5);
  await c.end();
  await s[Symbol.asyncDispose]();
}
console.log('done hangs', hangs);
