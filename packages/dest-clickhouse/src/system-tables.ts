import type { OperationOptions } from '@etl/core';
import type { Database } from './database.ts';

const DURABLE = 'SETTINGS fsync_after_insert = 1, fsync_part_directory = 1';

/** The tables of the loader itself: one set per database, keyed by pipeline; a public schema. */
const SYSTEM_TABLES: Readonly<Record<string, string>> = {
  _etl_loads: `(
    load_number UInt64, load_id String, pipeline LowCardinality(String),
    started_at DateTime64(3, 'UTC'), committed_at DateTime64(3, 'UTC'),
    rows UInt64, rows_by_stream Map(String, UInt64)
  ) ENGINE = ReplacingMergeTree ORDER BY load_number TTL toDateTime(committed_at) + INTERVAL 2 YEAR`,
  _etl_slices: `(
    pipeline LowCardinality(String), stream LowCardinality(String), slice String,
    status LowCardinality(String), rows UInt64, read_at DateTime64(3, 'UTC'),
    loaded_at Nullable(DateTime64(3, 'UTC')), flags Array(LowCardinality(String)), attempts UInt32,
    reason String, load_number UInt64
  ) ENGINE = ReplacingMergeTree(load_number) ORDER BY (pipeline, stream, slice)`,
  _etl_state: `(
    pipeline LowCardinality(String), stream String, partition String,
    value String, load_number UInt64, updated_at DateTime64(3, 'UTC')
  ) ENGINE = ReplacingMergeTree(load_number) ORDER BY (pipeline, stream, partition)`,
  _etl_memory: `(
    pipeline LowCardinality(String), stream String, key String,
    value String, version UInt128, updated_at DateTime64(3, 'UTC')
  ) ENGINE = ReplacingMergeTree(version) ORDER BY (pipeline, stream, key)`,
  _etl_scopes: `(
    table_name LowCardinality(String), scope String, pipeline LowCardinality(String),
    released UInt8, version UInt64, claimed_at DateTime64(3, 'UTC')
  ) ENGINE = ReplacingMergeTree(version) ORDER BY (table_name, scope, pipeline)`,
  _etl_schema_changes: `(
    pipeline LowCardinality(String), stream LowCardinality(String), table_name LowCardinality(String),
    change LowCardinality(String), detail String, load_number UInt64, changed_at DateTime64(3, 'UTC')
  ) ENGINE = ReplacingMergeTree ORDER BY (pipeline, stream, load_number, change, detail)
    TTL toDateTime(changed_at) + INTERVAL 2 YEAR`,
  _etl_rejects: `(
    pipeline LowCardinality(String), stream LowCardinality(String), load_number UInt64, load_id String,
    position UInt32, reason String, row String, rejected_at DateTime64(3, 'UTC')
  ) ENGINE = ReplacingMergeTree ORDER BY (pipeline, stream, load_number, position)
    TTL toDateTime(rejected_at) + INTERVAL 90 DAY`,
};

export async function ensureSystemTables(database: Database, options?: OperationOptions): Promise<void> {
  const present = new Set((await database.tables(Object.keys(SYSTEM_TABLES), options)).map(({ name }) => name));
  for (const [name, definition] of Object.entries(SYSTEM_TABLES)) {
    if (present.has(name)) continue;
    await database.command(`CREATE TABLE IF NOT EXISTS ${database.table(name)} ${definition} ${DURABLE}`, options);
  }
}

/** Adds rows to a system table; each value is already JSON-ready, in the order of `columns`. */
export async function insertSystemRows(
  database: Database,
  table: keyof typeof SYSTEM_TABLES,
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
  token: string,
  options?: OperationOptions,
): Promise<void> {
  if (rows.length === 0) return;
  const body = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  await database.connection.insert({ table: database.table(table), columns, token }, body, options);
}

/** A moment as the system tables store it. */
export function systemTime(moment: Date): string {
  return moment.toISOString().replace('T', ' ').replace('Z', '');
}
