import { spawn } from 'node:child_process';
import { Client } from 'pg';
import { findProgram } from '../replication/postgres-programs.ts';

/** Somebody who writes as fast as the server lets them, until they are stopped. */
export interface Writer {
  /** `pgbench`, or what stands in for it. */
  readonly name: string;
  /** Ends it; transactions per second. */
  stop(): Promise<number>;
}

/** The tables of pgbench, filled; the history gets the key that replication needs. */
export async function createTables(connectionString: string, scale: number): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    await client.query(`
      CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88)) WITH (fillfactor = 100);
      CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84)) WITH (fillfactor = 100);
      CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84)) WITH (fillfactor = 100);
      CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22), id bigserial PRIMARY KEY);
      INSERT INTO pgbench_branches SELECT g, 0, '' FROM generate_series(1, ${scale}) g;
      INSERT INTO pgbench_tellers SELECT g, (g - 1) / 10 + 1, 0, '' FROM generate_series(1, ${scale * 10}) g;
      INSERT INTO pgbench_accounts SELECT g, (g - 1) / 100000 + 1, 0, '' FROM generate_series(1, ${scale * 100_000}) g`);
    await client.query('VACUUM ANALYZE');
  } finally {
    await client.end();
  }
}

/** `pgbench` at full speed where it is installed; otherwise sessions that run its transaction in a loop. */
export function startWriter(
  connectionString: string,
  options: { readonly clients: number; readonly scale: number },
): Writer {
  const program = findProgram('pgbench');
  return program === undefined
    ? startSessions(connectionString, options)
    : startPgbench(program, connectionString, options.clients);
}

function startPgbench(program: string, connectionString: string, clients: number): Writer {
  const url = new URL(connectionString);
  const child = spawn(
    program,
    ['--no-vacuum', '--protocol=prepared', `--client=${clients}`, '--jobs=2', '--time=36000', '--progress=1'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        PGHOST: url.hostname,
        PGPORT: url.port,
        PGUSER: url.username,
        PGPASSWORD: url.password,
        PGDATABASE: url.pathname.slice(1),
      },
    },
  );
  const seconds: number[] = [];
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
    for (const [, tps] of text.matchAll(/progress: [\d.]+ s, ([\d.]+) tps/g)) seconds.push(Number(tps));
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    name: 'pgbench',
    async stop() {
      if (child.exitCode !== null) throw new Error(`pgbench ended by itself: ${log}`);
      child.kill('SIGTERM');
      await ended;
      return seconds.reduce((sum, tps) => sum + tps, 0) / Math.max(1, seconds.length);
    },
  };
}

function startSessions(
  connectionString: string,
  { clients, scale }: { readonly clients: number; readonly scale: number },
): Writer {
  const startedAt = performance.now();
  const stop = new AbortController();
  let transactions = 0;
  const session = async (seed: number): Promise<void> => {
    const client = new Client({ connectionString });
    await client.connect();
    // The same numbers each time: a linear congruential generator.
    let state = seed;
    const below = (limit: number): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) % limit;
    while (!stop.signal.aborted) {
      const [aid, tid, bid, delta] = [
        1 + below(scale * 100_000),
        1 + below(scale * 10),
        1 + below(scale),
        below(10_000) - 5000,
      ];
      await client.query(`BEGIN; UPDATE pgbench_accounts SET abalance = abalance + ${delta} WHERE aid = ${aid};
        UPDATE pgbench_tellers SET tbalance = tbalance + ${delta} WHERE tid = ${tid};
        UPDATE pgbench_branches SET bbalance = bbalance + ${delta} WHERE bid = ${bid};
        INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (${tid}, ${bid}, ${aid}, ${delta}, now()); COMMIT`);
      transactions += 1;
    }
    await client.end();
  };
  const sessions = Promise.all(Array.from({ length: clients }, (_, index) => session(index + 1)));
  return {
    name: `${clients} sessions with pgbench's transaction`,
    async stop() {
      stop.abort();
      await sessions;
      return transactions / ((performance.now() - startedAt) / 1000);
    },
  };
}
