import type { LedgerEntry, OperationOptions } from '@etl/core';
import type { Database } from './database.ts';
import { literal } from './identifier.ts';
import { insertSystemRows, isoInstant, systemTime } from './system-tables.ts';

const COLUMNS = [
  'pipeline',
  'stream',
  'slice',
  'status',
  'rows',
  'read_at',
  'loaded_at',
  'flags',
  'fingerprint',
  'attempts',
  'reason',
  'load_number',
] as const;

/** Writes what is known of slices; of one slice the entry with the highest load number counts. */
export function writeSliceLedger(
  database: Database,
  by: { readonly pipeline: string; readonly number: string; readonly token: string },
  entries: readonly LedgerEntry[],
  options?: OperationOptions,
): Promise<void> {
  const rows = entries.map((entry) => [
    by.pipeline,
    entry.stream,
    entry.slice,
    entry.status,
    entry.rows,
    systemTime(new Date(entry.readAt)),
    entry.loadedAt === undefined ? null : systemTime(new Date(entry.loadedAt)),
    entry.flags ?? [],
    entry.fingerprint ?? '',
    entry.attempts,
    entry.reason ?? '',
    by.number,
  ]);
  return insertSystemRows(database, '_etl_slices', COLUMNS, rows, by.token, options);
}

/** Who only looks adds no columns: those that may be absent came in later versions of the package. */
interface StoredEntry {
  readonly slice: string;
  readonly stream: string;
  readonly status: string;
  readonly rows: string;
  readonly read_at: string;
  readonly loaded_at?: string | null;
  readonly flags?: readonly string[];
  readonly fingerprint?: string;
  readonly attempts: string;
  readonly reason: string;
}

export async function readSliceLedger(
  database: Database,
  pipeline: string,
  stream: string | undefined,
  options?: OperationOptions,
): Promise<readonly LedgerEntry[]> {
  const rows = await database.rows<StoredEntry>(
    `SELECT * FROM ${database.table('_etl_slices')} FINAL ` +
      `WHERE pipeline = ${literal(pipeline)} ${stream === undefined ? '' : `AND stream = ${literal(stream)}`}`,
    options,
    ['_etl_slices'],
  );
  return rows.map(({ flags = [], fingerprint = '', loaded_at = null, ...row }) => ({
    stream: row.stream,
    slice: row.slice,
    status: row.status === 'good' ? 'good' : 'failed',
    rows: Number(row.rows),
    readAt: isoInstant(row.read_at),
    ...(loaded_at === null ? {} : { loadedAt: isoInstant(loaded_at) }),
    ...(flags.length === 0 ? {} : { flags }),
    ...(fingerprint === '' ? {} : { fingerprint }),
    attempts: Number(row.attempts),
    ...(row.reason === '' ? {} : { reason: row.reason }),
  }));
}
