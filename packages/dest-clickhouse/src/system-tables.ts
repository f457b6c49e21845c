import type { OperationOptions } from '@etl/core';
import type { Database } from './database.ts';
import { literal } from './identifier.ts';
import { addColumn } from './raw-table.ts';
import type { RowEngine } from './server-flavour.ts';

interface SystemTable {
  /** Name to type. */
  readonly columns: Readonly<Record<string, string>>;
  readonly engine: RowEngine;
  /** Sorting key and, where rows expire, TTL. */
  readonly rest: string;
}

/** The tables of the loader itself: one set per database, keyed by pipeline; a public schema. */
const SYSTEM_TABLES: Readonly<Record<string, SystemTable>> = {
  _etl_loads: {
    columns: {
      load_number: 'UInt64',
      load_id: 'String',
      pipeline: 'LowCardinality(String)',
      started_at: "DateTime64(3, 'UTC')",
      committed_at: "DateTime64(3, 'UTC')",
      rows: 'UInt64',
      rows_by_stream: 'Map(String, UInt64)',
    },
    engine: 'ReplacingMergeTree',
    rest: 'ORDER BY load_number TTL toDateTime(committed_at) + INTERVAL 2 YEAR',
  },
  _etl_slices: {
    columns: {
      pipeline: 'LowCardinality(String)',
      stream: 'LowCardinality(String)',
      slice: 'String',
      status: 'LowCardinality(String)',
      rows: 'UInt64',
      read_at: "DateTime64(3, 'UTC')",
      loaded_at: "Nullable(DateTime64(3, 'UTC'))",
      flags: 'Array(LowCardinality(String))',
      fingerprint: 'String',
      attempts: 'UInt32',
      reason: 'String',
      load_number: 'UInt64',
    },
    engine: 'ReplacingMergeTree(load_number)',
    rest: 'ORDER BY (pipeline, stream, slice)',
  },
  _etl_state: {
    columns: {
      pipeline: 'LowCardinality(String)',
      stream: 'String',
      partition: 'String',
      value: 'String',
      load_number: 'UInt64',
      updated_at: "DateTime64(3, 'UTC')",
    },
    engine: 'ReplacingMergeTree(load_number)',
    rest: 'ORDER BY (pipeline, stream, partition)',
  },
  _etl_memory: {
    columns: {
      pipeline: 'LowCardinality(String)',
      stream: 'String',
      key: 'String',
      value: 'String',
      version: 'UInt128',
      updated_at: "DateTime64(3, 'UTC')",
    },
    engine: 'ReplacingMergeTree(version)',
    rest: 'ORDER BY (pipeline, stream, key)',
  },
  _etl_scopes: {
    columns: {
      table_name: 'LowCardinality(String)',
      scope: 'String',
      pipeline: 'LowCardinality(String)',
      released: 'UInt8',
      version: 'UInt64',
      claimed_at: "DateTime64(3, 'UTC')",
    },
    engine: 'ReplacingMergeTree(version)',
    rest: 'ORDER BY (table_name, scope, pipeline)',
  },
  _etl_runs: {
    columns: {
      pipeline: 'LowCardinality(String)',
      run_id: 'String',
      started_at: "DateTime64(3, 'UTC')",
      ended_at: "DateTime64(3, 'UTC')",
      status: 'LowCardinality(String)',
      rows: 'UInt64',
      loads: 'Array(String)',
      streams: 'String',
      failures: 'String',
    },
    engine: 'ReplacingMergeTree',
    rest: 'ORDER BY (pipeline, started_at, run_id) TTL toDateTime(ended_at) + INTERVAL 2 YEAR',
  },
  _etl_api_calls: {
    columns: {
      pipeline: 'LowCardinality(String)',
      run_id: 'String',
      stream: 'LowCardinality(String)',
      account: 'String',
      calls: 'UInt64',
      retries: 'UInt64',
      failed: 'UInt64',
      call_ms: 'UInt64',
      waits: 'UInt64',
      wait_ms: 'UInt64',
      quota_used: 'Nullable(Float32)',
      last_quota_used: 'Nullable(Float32)',
      quota_free_at: "Nullable(DateTime64(3, 'UTC'))",
      ended_at: "DateTime64(3, 'UTC')",
    },
    engine: 'ReplacingMergeTree',
    rest: 'ORDER BY (pipeline, run_id, stream, account) TTL toDateTime(ended_at) + INTERVAL 2 YEAR',
  },
  _etl_schema_changes: {
    columns: {
      pipeline: 'LowCardinality(String)',
      stream: 'LowCardinality(String)',
      table_name: 'LowCardinality(String)',
      change: 'LowCardinality(String)',
      detail: 'String',
      load_number: 'UInt64',
      changed_at: "DateTime64(3, 'UTC')",
    },
    engine: 'ReplacingMergeTree',
    rest: 'ORDER BY (pipeline, stream, load_number, change, detail) TTL toDateTime(changed_at) + INTERVAL 2 YEAR',
  },
  _etl_rejects: {
    columns: {
      pipeline: 'LowCardinality(String)',
      stream: 'LowCardinality(String)',
      load_number: 'UInt64',
      load_id: 'String',
      position: 'UInt32',
      reason: 'String',
      row: 'String',
      rejected_at: "DateTime64(3, 'UTC')",
    },
    engine: 'ReplacingMergeTree',
    rest: 'ORDER BY (pipeline, stream, load_number, position) TTL toDateTime(rejected_at) + INTERVAL 90 DAY',
  },
};

/** Creates what is missing, tables and columns: an older version of this package may have made them. */
export async function ensureSystemTables(database: Database, options?: OperationOptions): Promise<void> {
  await database.commands(await missingSystemTables(database, options), options);
}

/** What creates the system tables and columns that the database has not; changes nothing. */
export async function missingSystemTables(database: Database, options?: OperationOptions): Promise<readonly string[]> {
  const present = await presentColumns(database, options);
  return Object.entries(SYSTEM_TABLES).flatMap(([name, table]) => {
    const known = present.get(name);
    if (known === undefined) return [createSystemTable(database, name, table)];
    const missing = Object.entries(table.columns).filter(([column]) => !known.has(column));
    return missing.map(([column, type]) => addColumn(database, name, { name: column, type }));
  });
}

async function presentColumns(
  database: Database,
  options?: OperationOptions,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const rows = await database.look<{ table: string; columns: readonly string[] }>(
    `SELECT table, groupArray(name) AS columns FROM system.columns WHERE database = ${literal(database.name)} ` +
      `AND table IN (${Object.keys(SYSTEM_TABLES).map(literal).join(', ')}) GROUP BY table`,
    options,
  );
  return new Map(rows.map(({ table, columns }) => [table, new Set(columns)]));
}

function createSystemTable(database: Database, name: string, { columns, engine, rest }: SystemTable): string {
  const { flavour } = database;
  const definitions = Object.entries(columns).map(([column, type]) => `${column} ${type}`);
  return (
    `CREATE TABLE IF NOT EXISTS ${database.table(name)} (${definitions.join(', ')}) ENGINE = ${flavour.engine(engine)} ${rest} ` +
    `SETTINGS ${flavour.tableSettings('system')}`
  );
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
  const body = Buffer.from(rows.map((row) => `${JSON.stringify(row, wellFormed)}\n`).join(''));
  await database.insert({ table, columns, token }, body, options);
}

// The words of a platform may have been cut in the middle of a character, which the server would refuse: a run
// must not end because of how a failure is described.
function wellFormed(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed() : value;
}

/** A moment as the system tables store it. */
export function systemTime(moment: Date): string {
  return moment.toISOString().replace('T', ' ').replace('Z', '');
}

/** A moment of a system table as an ISO instant. */
export function isoInstant(stored: string): string {
  return `${stored.replace(' ', 'T')}Z`;
}
