import { EtlError, type LoadSummary, type OperationOptions } from '@etl/core';
import { INCOMPATIBLE_COLUMNS, serverCode, UNKNOWN_TABLE } from './clickhouse-error.ts';
import type { Database } from './database.ts';
import { renamed } from './load-number.ts';
import { loadNames, type Manifest, type ManifestTable } from './manifest.ts';
import type { ResolvedOptions } from './options.ts';
import { takenOver } from './pipeline-lock.ts';
import { definingTable } from './table-definition.ts';
import { areViewsCurrent, refreshViews } from './table-views.ts';
import { addColumn, createRawTable, dropSuperseded, generations, rawName } from './raw-table.ts';
import { writeSliceLedger } from './slice-ledger.ts';
import { writeState } from './stored-state.ts';
import { insertSystemRows, systemTime } from './system-tables.ts';

/**
 * Carries out a prepared load. Every step is harmless when repeated, when late, and when done by two
 * processes at once: parts are attached as hard links of rows with fixed versions, a generation is
 * created only if missing, and the bookkeeping rows are keyed by load number.
 */
export async function publishPrepared(
  database: Database,
  settings: ResolvedOptions,
  manifest: Manifest,
  options: OperationOptions = {},
): Promise<LoadSummary> {
  const names = loadNames(manifest.pipeline, BigInt(manifest.number));
  const first = new Set<ManifestTable>();
  for (const table of manifest.tables) {
    if (table.replaces) {
      const publish = (): Promise<boolean> => publishGeneration(database, names.prepared, table, options);
      const isFirst = await definingTable(database, table.plan.publicName, settings, options, publish);
      if (isFirst) first.add(table);
    } else {
      await publishRows(database, settings, names.prepared, table, options);
    }
  }
  const committedAt = new Date();
  await recordLoad(database, manifest, committedAt, options);
  if (!(await renamed(database, names.prepared, names.published, options))) {
    if ((await database.find(names.published, options)) === undefined) throw takenOver();
  }
  await cleanUp(database, settings, manifest, options, first);
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

/**
 * A replacement of the table: rows first, then the views. They are switched to the newest generation
 * there is, never simply to this one: a runner that wakes up late must not bring an old one back, nor
 * leave one behind that has been replaced itself meanwhile.
 *
 * @returns whether it is the table's first one: nothing is left of others, nor can a view be switched to one.
 */
async function publishGeneration(
  database: Database,
  prepared: string,
  table: ManifestTable,
  options: OperationOptions,
): Promise<boolean> {
  const generation = BigInt(table.generation);
  await database.command(createRawTable(database, table.plan, generation), options);
  const all = await generations(database, table.plan.publicName, options);
  if ((all.at(-1) ?? generation) > generation) {
    await dropSuperseded(database, table.plan.publicName, options);
    if ((await database.find(prepared, options)) === undefined) throw takenOver();
    return false;
  }
  await attach(database, prepared, table, generation, options);
  await refreshViews(database, table.plan, await newestGeneration(database, table, options), options);
  return all.length === 1;
}

/** Rows into the table as it stands: the views first, because old rows read right through new views. */
async function publishRows(
  database: Database,
  settings: ResolvedOptions,
  prepared: string,
  table: ManifestTable,
  options: OperationOptions,
): Promise<void> {
  if (!(await areViewsCurrent(database, table.plan, await newestGeneration(database, table, options), options))) {
    await definingTable(database, table.plan.publicName, settings, options, async () => {
      await refreshViews(database, table.plan, await newestGeneration(database, table, options), options);
    });
  }
  await attach(database, prepared, table, await newestGeneration(database, table, options), options);
}

async function newestGeneration(database: Database, table: ManifestTable, options: OperationOptions): Promise<bigint> {
  return (await generations(database, table.plan.publicName, options)).at(-1) ?? BigInt(table.generation);
}

const ATTACH_ATTEMPTS = 5;

/** Attaching needs equal columns on both sides, and another load may add some at any moment. */
async function attach(
  database: Database,
  prepared: string,
  table: ManifestTable,
  generation: bigint,
  options: OperationOptions,
): Promise<void> {
  const { staging } = table;
  if (staging === undefined) return;
  const raw = rawName(table.plan.publicName, generation);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await align(database, raw, staging, options);
      await database.command(
        `ALTER TABLE ${database.table(raw)} ATTACH PARTITION ALL FROM ${database.table(staging)}`,
        options,
        // Only what the replica that carries it out has of staging is attached.
        [staging],
      );
      return;
    } catch (error) {
      const code = serverCode(error);
      if (code === INCOMPATIBLE_COLUMNS && attempt < ATTACH_ATTEMPTS) continue;
      if (code !== UNKNOWN_TABLE) throw error;
      // Staging goes only after everything was attached, so somebody else has finished this load.
      throw (await database.find(prepared, options)) === undefined ? takenOver() : stagingLost(table);
    }
  }
}

function stagingLost(table: ManifestTable): EtlError {
  return new EtlError({
    code: 'LOAD_STAGING_LOST',
    kind: 'state',
    message: `The staged rows of a committed load of ${table.plan.publicName} are gone.`,
    hint: 'Somebody dropped a table _etl_staging_…: drop the table _etl_prepared_… of that load and load the stream anew with --full-refresh.',
    context: { stream: table.plan.stream },
  });
}

async function align(database: Database, raw: string, staging: string, options: OperationOptions): Promise<void> {
  const [rawColumns, stagingColumns] = await Promise.all([
    database.columns(raw, options),
    database.columns(staging, options),
  ]);
  for (const column of stagingColumns) {
    if (!rawColumns.some(({ name }) => name === column.name)) {
      await database.command(addColumn(database, raw, column), options);
    }
  }
  for (const column of rawColumns) {
    if (stagingColumns.some(({ name }) => name === column.name)) continue;
    // Should the server merge staging before it is attached, a variant must not become NULL by that.
    const definition = column.default_expression ? `DEFAULT ${column.default_expression}` : '';
    await database.command(addColumn(database, staging, { ...column, definition }), options);
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
  await writeSliceLedger(database, { pipeline, number, token: loadId }, manifest.ledger, options);
  await writeState(database, { pipeline, number, token: loadId, at: committedAt }, manifest.state, options);
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

/**
 * What a published load leaves behind: its staging, older generations, at last its manifest.
 *
 * @param first Tables that had no older generation when theirs was published.
 */
export async function cleanUp(
  database: Database,
  settings: ResolvedOptions,
  manifest: Manifest,
  options: OperationOptions = {},
  first: ReadonlySet<ManifestTable> = new Set(),
): Promise<void> {
  const names = loadNames(manifest.pipeline, BigInt(manifest.number));
  for (const table of manifest.tables) {
    if (table.staging !== undefined) await database.drop(table.staging, options);
    if (table.replaces && !first.has(table)) {
      const drop = (): Promise<void> => dropReplaced(database, table, options);
      await definingTable(database, table.plan.publicName, settings, options, drop);
    }
  }
  await database.drop(names.published, options);
}

async function dropReplaced(database: Database, table: ManifestTable, options: OperationOptions): Promise<void> {
  const { publicName } = table.plan;
  const all = await generations(database, publicName, options);
  const own = BigInt(table.generation);
  for (const generation of all) {
    if (generation < own) await database.drop(rawName(publicName, generation), options);
  }
  // A run that was taken over may have switched the views back before that. From here on it cannot any more.
  if (all.at(-1) === own) await refreshViews(database, table.plan, own, options);
}

function rowsByStream(manifest: Manifest): Record<string, number> {
  return Object.fromEntries(manifest.tables.map((table) => [table.plan.stream, table.rows]));
}
