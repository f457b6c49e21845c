import type { LoadSummary, OperationOptions } from '@etl/core';
import { serverCode, UNKNOWN_TABLE } from './clickhouse-error.ts';
import type { Database } from './database.ts';
import { renamed } from './load-number.ts';
import { loadNames, type Manifest, type ManifestTable } from './manifest.ts';
import { takenOver } from './pipeline-lock.ts';
import { refreshViews } from './table-views.ts';
import { addColumn, createRawTable, generations, rawName } from './raw-table.ts';
import { insertSystemRows, systemTime } from './system-tables.ts';

/**
 * Carries out a prepared load. Every step is harmless when repeated, when late, and when done by two
 * processes at once: parts are attached as hard links of rows with fixed versions, a generation is
 * created only if missing, and the bookkeeping rows are keyed by load number.
 */
export async function publishPrepared(
  database: Database,
  manifest: Manifest,
  options?: OperationOptions,
): Promise<LoadSummary> {
  const names = loadNames(manifest.pipeline, BigInt(manifest.number));
  for (const table of manifest.tables) await publishTable(database, table, options);
  const committedAt = new Date();
  await recordLoad(database, manifest, committedAt, options);
  if (!(await renamed(database, names.prepared, names.published, options))) {
    if ((await database.find(names.published, options)) === undefined) throw takenOver();
  }
  await cleanUp(database, manifest, options);
  const rejected = manifest.tables.flatMap((table) =>
    table.rejected === undefined ? [] : [[table.plan.stream, table.rejected] as const],
  );
  return {
    loadId: manifest.loadId,
    rowsWritten: rowsByStream(manifest),
    ...(rejected.length === 0 ? {} : { rowsRejected: Object.fromEntries(rejected) }),
    durationMs: committedAt.getTime() - Date.parse(manifest.startedAt),
  };
}

async function publishTable(database: Database, table: ManifestTable, options?: OperationOptions): Promise<void> {
  const generation = BigInt(table.generation);
  const raw = rawName(table.plan.publicName, generation);
  if (table.replaces) await createRawTable(database, table.plan, generation, options);
  if (table.staging !== undefined) {
    await align(database, raw, table.staging, options);
    try {
      await database.command(
        `ALTER TABLE ${database.table(raw)} ATTACH PARTITION ALL FROM ${database.table(table.staging)}`,
        options,
      );
    } catch (error) {
      // Staging goes only after everything was attached: somebody else has finished this load.
      throw serverCode(error) === UNKNOWN_TABLE ? takenOver() : error;
    }
  }
  await refreshViews(database, table.plan, generation, options);
}

/** Attaching needs equal columns on both sides; another load may have added some meanwhile. */
async function align(database: Database, raw: string, staging: string, options?: OperationOptions): Promise<void> {
  const [rawColumns, stagingColumns] = await Promise.all([
    database.columns(raw, options),
    database.columns(staging, options),
  ]);
  if (stagingColumns.length === 0) throw takenOver();
  for (const column of stagingColumns) {
    if (!rawColumns.some(({ name }) => name === column.name)) await addColumn(database, raw, column, options);
  }
  for (const column of rawColumns) {
    if (!stagingColumns.some(({ name }) => name === column.name)) await addColumn(database, staging, column, options);
  }
}

async function recordLoad(
  database: Database,
  manifest: Manifest,
  committedAt: Date,
  options?: OperationOptions,
): Promise<void> {
  const { pipeline, loadId, number } = manifest;
  const byStream = rowsByStream(manifest);
  const rows = Object.values(byStream).reduce((sum, count) => sum + count, 0);
  const now = systemTime(committedAt);
  await insertSystemRows(
    database,
    '_etl_slices',
    ['pipeline', 'stream', 'slice', 'status', 'rows', 'read_at', 'attempts', 'reason', 'load_number'],
    manifest.ledger.map((entry) => [
      pipeline,
      entry.stream,
      entry.slice,
      entry.status,
      entry.rows,
      systemTime(new Date(entry.readAt)),
      entry.attempts,
      entry.reason ?? '',
      number,
    ]),
    loadId,
    options,
  );
  await insertSystemRows(
    database,
    '_etl_state',
    ['pipeline', 'stream', 'partition', 'value', 'load_number', 'updated_at'],
    manifest.state.map((entry) => [pipeline, entry.stream, entry.partition, JSON.stringify(entry.value), number, now]),
    loadId,
    options,
  );
  await insertSystemRows(
    database,
    '_etl_rejects',
    ['pipeline', 'stream', 'load_number', 'load_id', 'position', 'reason', 'row', 'rejected_at'],
    manifest.tables.flatMap(({ plan, rejects = [] }) =>
      rejects.map(({ reason, row }, position) => [pipeline, plan.stream, number, loadId, position, reason, row, now]),
    ),
    loadId,
    options,
  );
  await insertSystemRows(
    database,
    '_etl_loads',
    ['load_number', 'load_id', 'pipeline', 'started_at', 'committed_at', 'rows', 'rows_by_stream'],
    [[number, loadId, pipeline, systemTime(new Date(manifest.startedAt)), now, rows, byStream]],
    loadId,
    options,
  );
}

/** What a published load leaves behind: its staging, older generations, at last its manifest. */
export async function cleanUp(database: Database, manifest: Manifest, options?: OperationOptions): Promise<void> {
  const names = loadNames(manifest.pipeline, BigInt(manifest.number));
  for (const table of manifest.tables) {
    if (table.staging !== undefined) await database.drop(table.staging, options);
    if (table.replaces) await dropReplaced(database, table, options);
  }
  await database.drop(names.published, options);
}

// A runner that was stopped before switching the view to an older generation may wake up at any
// moment: while that generation exists its switch would succeed, so the view is looked at again
// when it is gone. A newer generation than this load's is the business of the load that made it.
async function dropReplaced(database: Database, table: ManifestTable, options?: OperationOptions): Promise<void> {
  const { publicName } = table.plan;
  const own = BigInt(table.generation);
  const all = await generations(database, publicName, options);
  for (const generation of all) {
    if (generation < own) await database.drop(rawName(publicName, generation), options);
  }
  if (all.at(-1) === own) await refreshViews(database, table.plan, own, options);
}

function rowsByStream(manifest: Manifest): Record<string, number> {
  return Object.fromEntries(manifest.tables.map((table) => [table.plan.stream, table.rows]));
}
