import type { OperationOptions, SchemaChange } from '@etl/core';
import type { Database } from './database.ts';
import { insertSystemRows, systemTime } from './system-tables.ts';

/** Keeps what a load changed of tables, or found changed. Durable at once: it is so, whatever becomes of the load. */
export function recordSchemaChanges(
  database: Database,
  /** The token is one of its own for each lot of changes. */
  by: { readonly pipeline: string; readonly number: bigint; readonly token: string },
  changes: readonly SchemaChange[],
  options: OperationOptions,
): Promise<void> {
  const at = systemTime(new Date());
  return insertSystemRows(
    database,
    '_etl_schema_changes',
    ['pipeline', 'stream', 'table_name', 'change', 'detail', 'load_number', 'changed_at'],
    changes.map(({ type, stream, table, ...detail }) => [
      by.pipeline,
      stream,
      table,
      type,
      JSON.stringify(detail),
      String(by.number),
      at,
    ]),
    by.token,
    options,
  );
}
