import { runPipeline, verifyPipeline, type VerifyReport } from '@etl/core';
import { clickhouse } from '@etl/dest-clickhouse';
import { pgReplication } from '@etl/source-pg-replication';
import { startPostgres } from '@etl/testing/postgres';
import { createTables, startWriter } from './writer.ts';

export interface SceneOptions {
  /** Directory of an embedded ClickHouse, or the address of a server. */
  readonly destination: { readonly path: string } | { readonly url: string };
  /** pgbench's: 100,000 accounts each. */
  readonly scale: number;
  readonly clients: number;
  /** Cron runs after the snapshot. */
  readonly runs: number;
  /** How long the writer runs alone first, milliseconds. */
  readonly aloneMs?: number;
  readonly say: (line: string) => void;
}

export interface SceneResult {
  readonly writer: string;
  /** Transactions per second while nothing else was at work, and during snapshot and runs. */
  readonly aloneTps: number;
  readonly besideTps: number;
  /** Rows that the runs loaded. */
  readonly loaded: number;
  /** While the writer was at work, and after it had stopped. */
  readonly during: VerifyReport;
  readonly after: VerifyReport;
}

/** A writer at full speed during snapshot and cron runs, and both sides compared while it writes and afterwards. */
export async function pgbenchScene({
  destination,
  scale,
  clients,
  runs,
  aloneMs = 2000,
  say,
}: SceneOptions): Promise<SceneResult> {
  await using postgres = await startPostgres();
  await createTables(postgres.connectionString(), scale);
  const name = 'pg_bench';
  const source = pgReplication({ connectionString: postgres.connectionString(), slot: 'bench' });
  const target = clickhouse({ ...destination, database: 'bench' });
  try {
    const alone = startWriter(postgres.connectionString(), { clients, scale });
    await new Promise((resolve) => setTimeout(resolve, aloneMs));
    const aloneTps = await alone.stop();
    say(`${alone.name} alone: ${Math.round(aloneTps)} transactions/s`);
    const writer = startWriter(postgres.connectionString(), { clients, scale });
    let loaded = 0;
    let during: VerifyReport;
    let besideTps: number;
    try {
      for (let run = 0; run <= runs; run += 1) {
        const report = await runPipeline({ name, source, destination: target });
        if (report.status !== 'ok') throw report.failures[0]?.error ?? new Error(report.status);
        loaded += report.rows;
        const what = run === 0 ? 'snapshot and what came meanwhile' : `run ${run}`;
        say(`${what}: ${report.rows} rows in ${seconds(report.durationMs)}`);
      }
      during = await verifyPipeline({ name, source, destination: target });
      say(`while it writes: ${verdict(during)}`);
    } finally {
      besideTps = await writer.stop();
    }
    const after = await verifyPipeline({ name, source, destination: target });
    say(`afterwards: ${verdict(after)}`);
    return { writer: writer.name, aloneTps, besideTps, loaded, during, after };
  } finally {
    await source[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  }
}

function verdict({ isEqual, position, streams, failures, run, durationMs }: VerifyReport): string {
  const rows = streams.reduce((sum, { sourceRows }) => sum + sourceRows, 0);
  const left = failures.map(({ stream, error }) => `${stream} ${error.code}`).join(', ');
  const compared = streams.reduce((sum, stream) => sum + stream.durationMs, 0);
  return `${isEqual ? 'equal' : 'DIFFERENT'} at ${position}, ${rows} rows of ${streams.length} tables compared in ${seconds(compared)} (in all ${seconds(durationMs)}, ${run.rows} rows loaded)${left === '' ? '' : `; not compared: ${left}`}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
