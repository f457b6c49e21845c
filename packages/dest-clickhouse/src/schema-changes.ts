import type { OperationOptions, SchemaChange } from '@etl/core';
import type { Database } from './database.ts';
import { literal } from './identifier.ts';
import { insertSystemRows, systemTime } from './system-tables.ts';

/**
 * Keeps what a load changed of tables, or found changed. Durable at once: it is so, whatever becomes of the
 * load. A drift that is found again and again is kept when it is new, and when it has become another one.
 */
export async function recordSchemaChanges(
  database: Database,
  /** The token is one of its own for each lot of changes. */
  by: { readonly pipeline: string; readonly number: bigint; readonly token: string },
  changes: readonly SchemaChange[],
  options: OperationOptions,
): Promise<void> {
  const known = changes.some(isDrift) ? await knownDrifts(database, by.pipeline, options) : new Set();
  const at = systemTime(new Date());
  await insertSystemRows(
    database,
    '_etl_schema_changes',
    ['pipeline', 'stream', 'table_name', 'change', 'detail', 'load_number', 'changed_at'],
    changes
      .filter((change) => !isDrift(change) || !known.has(factOf(change.stream, change.table, detailOf(change))))
      .map((change) => [
        by.pipeline,
        change.stream,
        change.table,
        change.type,
        detailOf(change),
        String(by.number),
        at,
      ]),
    by.token,
    options,
  );
}

/** Of every property that drifted, the drift that was kept last. */
async function knownDrifts(
  database: Database,
  pipeline: string,
  options: OperationOptions,
): Promise<ReadonlySet<string>> {
  const rows = await database.rows<{ stream: string; table_name: string; last: string }>(
    'SELECT stream, table_name, argMax(detail, (changed_at, load_number)) AS last ' +
      `FROM ${database.table('_etl_schema_changes')} WHERE pipeline = ${literal(pipeline)} AND change = 'drift-found' ` +
      "GROUP BY stream, table_name, JSONExtractString(detail, 'property')",
    options,
    ['_etl_schema_changes'],
  );
  return new Set(rows.map(({ stream, table_name: table, last }) => factOf(stream, table, last)));
}

function isDrift({ type }: SchemaChange): boolean {
  return type === 'drift-found';
}

function factOf(stream: string, table: string, detail: string): string {
  return JSON.stringify([stream, table, detail]);
}

function detailOf({ type: _type, stream: _stream, table: _table, ...detail }: SchemaChange): string {
  return JSON.stringify(detail);
}
