// How long the command takes to say something, and a run to send its first request: on a machine that has
// never run it, and on one that has, where Node finds the compiled modules again.
//   node apps/runner/bench/start-time.ts [rounds]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CLI = join(import.meta.dirname, '../src/cli.ts');
const rounds = Number(process.argv[2] ?? 9);

type Environment = Readonly<Record<string, string>>;

async function helpMs(env: Environment): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [CLI, '--help'], { stdio: 'ignore', env: { ...process.env, ...env } });
  const [exitCode] = await once(child, 'close');
  if (exitCode !== 0) throw new Error(`etl --help ended with ${exitCode}`);
  return performance.now() - startedAt;
}

/** The server is platform and destination, so that it sees the first request to either. */
async function runUntilFirstRequest(env: Environment, isKilled: boolean): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const group = { token: 'of-nobody', account_ids: ['1'], base_url: url };
  const startedAt = performance.now();
  const child = spawn(process.execPath, [CLI, 'run', 'facebook', 'd1'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...env,
      PATH: process.env['PATH'],
      ETL_LOCK_WAIT_SECONDS: '1',
      CLICKHOUSE_URL: url,
      ETL_GROUPS_FACEBOOK: JSON.stringify({ d1: group }),
    },
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(child, 'close');
  try {
    const first = await Promise.race([once(server, 'request').then(() => performance.now()), ended]);
    if (typeof first !== 'number') throw new Error(`the run ended (${first.join()}) without a request:\n${said}`);
    child.kill(isKilled ? 'SIGKILL' : 'SIGTERM');
    await ended;
    return first - startedAt;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function measure(name: string, limitMs: number, attempt: () => Promise<number>): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) times.push(await attempt());
  times.sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)] ?? 0;
  process.stdout.write(
    `${name}: median ${Math.round(median)} ms, best ${Math.round(times[0] ?? 0)} ms, limit ${limitMs} ms\n`,
  );
  if (median >= limitMs) process.exitCode = 1;
}

const cache = await mkdtemp(join(tmpdir(), 'etl-start-'));
const cold = { NODE_DISABLE_COMPILE_CACHE: '1' };
const warm = { NODE_COMPILE_CACHE: cache };
await measure('etl --help, never run before', 300, () => helpMs(cold));
await measure('first request of a run, never run before', 500, () => runUntilFirstRequest(cold, true));
// A process that is killed leaves no compiled modules behind.
await helpMs(warm);
await runUntilFirstRequest(warm, false);
await measure('etl --help', 300, () => helpMs(warm));
await measure('first request of a run', 500, () => runUntilFirstRequest(warm, true));
await rm(cache, { recursive: true });
