import type { ApiCallTotals, OperationOptions, RunRecord } from '@etl/core';
import type { Database } from './database.ts';
import { literal } from './identifier.ts';
import { insertSystemRows, isoInstant, systemTime } from './system-tables.ts';

const COLUMNS = [
  'pipeline',
  'run_id',
  'stream',
  'account',
  'calls',
  'retries',
  'failed',
  'call_ms',
  'waits',
  'wait_ms',
  'quota_used',
  'last_quota_used',
  'quota_free_at',
  'ended_at',
] as const;

/** Keeps what a run has asked of its platform until `endedAt`; what was kept of it before is replaced. */
export function writeApiCalls(
  database: Database,
  { pipeline, id, endedAt, calls = [] }: Pick<RunRecord, 'pipeline' | 'id' | 'endedAt' | 'calls'>,
  options?: OperationOptions,
): Promise<void> {
  const rows = calls.map((totals) => [
    pipeline,
    id,
    totals.stream,
    totals.account,
    totals.calls,
    totals.retries,
    totals.failed,
    totals.callMs,
    totals.waits,
    totals.waitMs,
    totals.quotaUsed ?? null,
    totals.lastQuotaUsed ?? null,
    totals.quotaFreeAt === undefined ? null : systemTime(new Date(totals.quotaFreeAt)),
    systemTime(new Date(endedAt)),
  ]);
  return insertSystemRows(database, '_etl_api_calls', COLUMNS, rows, `calls-${pipeline}-${id}-${endedAt}`, options);
}

interface StoredTotals {
  readonly stream: string;
  readonly account: string;
  readonly counts: readonly string[];
  readonly quota: number | null;
  readonly last_quota: number | null;
  readonly free_at: string | null;
}

/** The calls of the newest run of a pipeline that made some. */
export async function readApiCalls(
  database: Database,
  pipeline: string,
  options?: OperationOptions,
): Promise<readonly ApiCallTotals[]> {
  const table = database.table('_etl_api_calls');
  const rows = await database.rows<StoredTotals>(
    'SELECT stream, account, [calls, retries, failed, call_ms, waits, wait_ms] AS counts, ' +
      'quota_used AS quota, last_quota_used AS last_quota, quota_free_at AS free_at ' +
      `FROM ${table} FINAL WHERE pipeline = ${literal(pipeline)} AND run_id = ` +
      `(SELECT max(run_id) FROM ${table} WHERE pipeline = ${literal(pipeline)}) ORDER BY stream, account`,
    options,
    ['_etl_api_calls'],
  );
  return rows.map(({ stream, account, counts, quota, last_quota, free_at }) => {
    const [calls = 0, retries = 0, failed = 0, callMs = 0, waits = 0, waitMs = 0] = counts.map(Number);
    return {
      stream,
      account,
      calls,
      retries,
      failed,
      callMs,
      waits,
      waitMs,
      ...(quota === null ? {} : { quotaUsed: quota }),
      ...(last_quota === null ? {} : { lastQuotaUsed: last_quota }),
      ...(free_at === null ? {} : { quotaFreeAt: isoInstant(free_at) }),
    };
  });
}
