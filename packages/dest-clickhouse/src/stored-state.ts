import type { JsonValue, OperationOptions, StateEntry } from '@etl/core';
import type { Database } from './database.ts';
import { literal } from './identifier.ts';
import { insertSystemRows, systemTime } from './system-tables.ts';

/** Keeps positions of a pipeline; of one place that with the highest load number counts. */
export function writeState(
  database: Database,
  by: { readonly pipeline: string; readonly number: string; readonly token: string; readonly at: Date },
  entries: readonly StateEntry[],
  options?: OperationOptions,
): Promise<void> {
  const at = systemTime(by.at);
  return insertSystemRows(
    database,
    '_etl_state',
    ['pipeline', 'stream', 'partition', 'value', 'load_number', 'updated_at'],
    entries.map(({ stream, partition, value }) => [
      by.pipeline,
      stream,
      partition,
      JSON.stringify(value),
      by.number,
      at,
    ]),
    by.token,
    options,
  );
}

/** Positions of a pipeline that were not forgotten. */
export async function readState(
  database: Database,
  pipeline: string,
  options?: OperationOptions,
): Promise<readonly StateEntry[]> {
  const rows = await database.rows<{ stream: string; partition: string; value: string }>(
    `SELECT stream, partition, value FROM ${database.table('_etl_state')} FINAL WHERE pipeline = ${literal(pipeline)}`,
    options,
    ['_etl_state'],
  );
  return rows
    .map(({ stream, partition, value }) => ({ stream, partition, value: JSON.parse(value) as JsonValue }))
    .filter(({ value }) => value !== null);
}
