import { rmSync } from 'node:fs';
import { runPipeline } from '@etl/core';
import { clickhouse } from '@etl/dest-clickhouse';
import { pgReplication } from '@etl/source-pg-replication';

/** One run of a pipeline in a process of its own, so that its memory and CPU are its own. */
const [connectionString = '', path = '', mode = 'load'] = process.argv.slice(2);
const source = pgReplication({ connectionString, slot: 'etl_bench', tables: ['bench'] });
const startedAt = performance.now();
let rows = 0;
if (mode === 'read') {
  // Into nothing: what the source alone costs.
  for await (const message of source.read()) if (message.type === 'records') rows += message.rows.length;
} else {
  if (mode === 'snapshot') rmSync(path, { recursive: true, force: true });
  const destination = clickhouse({ path, database: 'travel', dataset: 'shop' });
  const report = await runPipeline({ name: 'pg_bench', source, destination });
  rows = report.rows;
  await destination[Symbol.asyncDispose]();
}
await source[Symbol.asyncDispose]();
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
process.stdout.write(
  JSON.stringify({
    rows,
    seconds: (performance.now() - startedAt) / 1000,
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    peakMegabytes: maxRSS / 1024,
  }),
);
