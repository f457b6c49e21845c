import type { OperationOptions, RunRecord } from '@etl/core';
import type { Database } from './database.ts';
import { literal } from './identifier.ts';
import { insertSystemRows, isoInstant, systemTime } from './system-tables.ts';

const COLUMNS = [
  'pipeline',
  'run_id',
  'started_at',
  'ended_at',
  'status',
  'rows',
  'loads',
  'streams',
  'failures',
] as const;

export function writeRunRecord(database: Database, run: RunRecord, options?: OperationOptions): Promise<void> {
  const row = [
    run.pipeline,
    run.id,
    systemTime(new Date(run.startedAt)),
    systemTime(new Date(run.endedAt)),
    run.status,
    run.rows,
    run.loads,
    JSON.stringify(run.streams),
    JSON.stringify(run.failures),
  ];
  return insertSystemRows(database, '_etl_runs', COLUMNS, [row], `run-${run.pipeline}-${run.id}`, options);
}

interface StoredRun {
  readonly id: string;
  readonly started: string;
  readonly ended: string;
  readonly status: string;
  readonly rows: string;
  readonly loads: readonly string[];
  readonly streams: string;
  readonly failures: string;
}

/** The newest runs of a pipeline, newest first. */
export async function readRunRecords(
  database: Database,
  pipeline: string,
  limit: number,
  options?: OperationOptions,
): Promise<readonly RunRecord[]> {
  const rows = await database.rows<StoredRun>(
    'SELECT run_id AS id, started_at AS started, ended_at AS ended, status, rows, loads, streams, failures ' +
      `FROM ${database.table('_etl_runs')} FINAL WHERE pipeline = ${literal(pipeline)} ORDER BY started_at DESC LIMIT ${limit}`,
    options,
    ['_etl_runs'],
  );
  return rows.map((row) => ({
    pipeline,
    id: row.id,
    startedAt: isoInstant(row.started),
    endedAt: isoInstant(row.ended),
    status: row.status === 'ok' || row.status === 'partial' ? row.status : 'failed',
    rows: Number(row.rows),
    loads: row.loads,
    streams: JSON.parse(row.streams) as RunRecord['streams'],
    failures: JSON.parse(row.failures) as RunRecord['failures'],
  }));
}
