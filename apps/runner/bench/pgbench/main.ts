/**
 * pgbench at full speed during a snapshot and cron runs; `etl verify` while it writes and afterwards.
 *
 *     node apps/runner/bench/pgbench/main.ts [scale=10] [clients=4] [runs=3]
 *
 * CLICKHOUSE_URL names a server; without it, an embedded one is used. Then, on the resting tables, what comparing
 * costs each side, against the plainest scan of the same table.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pgbenchScene } from './scene.ts';
import { comparisonCost } from './comparison-cost.ts';

const [scale = 10, clients = 4, runs = 3] = process.argv.slice(2).map(Number);
const directory = await mkdtemp(join(tmpdir(), 'etl-pgbench-'));
const url = process.env['CLICKHOUSE_URL'];
const destination = url === undefined ? { path: join(directory, 'clickhouse') } : { url };
const say = (line: string): void => void process.stdout.write(`${line}\n`);
try {
  const result = await pgbenchScene({ destination, scale, clients, runs, say });
  const share = Math.round((100 * result.besideTps) / result.aloneTps);
  say(`${result.writer} beside it: ${Math.round(result.besideTps)} transactions/s, ${share} % of alone`);
  say(`${result.loaded} rows loaded`);
  await comparisonCost({ destination, rows: scale * 100_000, say });
  process.exitCode = result.during.isEqual && result.after.isEqual ? 0 : 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}
