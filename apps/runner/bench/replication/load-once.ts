import { runPipeline } from '@etl/core';
import { clickhouse } from '@etl/dest-clickhouse';
import { pgReplication } from '@etl/source-pg-replication';
import { resourceUse } from './resource-use.ts';

/**
 * One run of a pipeline in a process of its own, so that its memory and CPU are its own, into an embedded engine or a
 * server. `read` reads into nothing: what the source alone costs.
 */
const [connectionString = '', engine = '', mode = 'load', table = 'bench'] = process.argv.slice(2);
const source = pgReplication({ connectionString, slot: `etl_${table}`, tables: [table] });
const use = resourceUse();
let rows = 0;
/** When readers saw everything: what comes behind it, merges above all, only makes them faster. */
let published = use.now();
if (mode === 'read') {
  for await (const message of source.read({ acceptsText: true, acceptsBinary: true })) {
    if (message.type === 'records') rows += message.rows.length;
    if ('batch' in message) rows += message.batch.rowCount;
  }
} else {
  const where = engine.startsWith('http:') ? { url: engine } : { path: engine };
  const destination = clickhouse({ ...where, database: 'travel', dataset: 'shop' });
  const report = await runPipeline({
    name: `pg_${table}`,
    source,
    destination,
    onEvent: ({ type }) => {
      if (type === 'load-committed') published = use.now();
    },
  });
  const [failure] = report.failures;
  if (failure !== undefined) throw failure.error;
  rows = report.rows;
  await destination[Symbol.asyncDispose]();
}
await source[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify({ rows, ...use.now(), published }));
