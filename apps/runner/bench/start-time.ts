// How long the command takes to say something, and a run to send its first request.
//   node apps/runner/bench/start-time.ts [rounds]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const CLI = join(import.meta.dirname, '../src/cli.ts');
const rounds = Number(process.argv[2] ?? 9);

async function helpMs(): Promise<number> {
  const startedAt = performance.now();
  await once(spawn(process.execPath, [CLI, '--help'], { stdio: 'ignore' }), 'close');
  return performance.now() - startedAt;
}

async function firstRequestMs(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const group = { connection_string: 'postgres://u@127.0.0.1:1/shop' };
  const startedAt = performance.now();
  const child = spawn(process.execPath, [CLI, 'run', 'pg', 'shop'], {
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      CLICKHOUSE_URL: `http://127.0.0.1:${port}`,
      ETL_GROUPS_PG: JSON.stringify({ shop: group }),
    },
  });
  await once(server, 'request');
  const ms = performance.now() - startedAt;
  child.kill('SIGKILL');
  await once(child, 'close');
  server.closeAllConnections();
  server.close();
  return ms;
}

async function measure(name: string, limitMs: number, attempt: () => Promise<number>): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) times.push(await attempt());
  times.sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)] ?? 0;
  process.stdout.write(
    `${name}: median ${Math.round(median)} ms, best ${Math.round(times[0] ?? 0)} ms, limit ${limitMs} ms\n`,
  );
}

await measure('etl --help', 300, helpMs);
await measure('first request of a run', 500, firstRequestMs);
