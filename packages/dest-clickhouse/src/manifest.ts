import { EtlError, type LedgerEntry, type OperationOptions, type StateEntry } from '@etl/core';
import { serverCode, UNKNOWN_TABLE } from './clickhouse-error.ts';
import type { Database } from './database.ts';
import { pipelineToken } from './identifier.ts';
import type { Reject } from './schema-contract.ts';
import type { TablePlan } from './table-plan.ts';

/** One table of a load. */
export interface ManifestTable {
  readonly plan: TablePlan;
  /** Generation that the rows go into, as decimal text. */
  readonly generation: string;
  /** Whether the load replaces the whole table, which makes earlier generations obsolete. */
  readonly replaces: boolean;
  /** Staging table; absent when the load has no rows for it. */
  readonly staging?: string;
  readonly rows: number;
  /** Rows that the schema contract kept out; absent when there were none. */
  readonly rejected?: number;
  /** The first of them. */
  readonly rejects?: readonly Reject[];
}

/** Everything needed to finish a load without its process: it is the commit point. */
export interface Manifest {
  readonly formatVersion: 1;
  readonly pipeline: string;
  /** Load number, as decimal text. */
  readonly number: string;
  readonly loadId: string;
  readonly startedAt: string;
  readonly tables: readonly ManifestTable[];
  readonly ledger: readonly LedgerEntry[];
  readonly state: readonly StateEntry[];
}

/** Names of a load's own tables. Each holds a number that no other load ever has. */
export function loadNames(pipeline: string, number: bigint) {
  const token = pipelineToken(pipeline);
  return {
    manifest: `_etl_manifest_${token}_${number}`,
    prepared: `_etl_prepared_${token}_${number}`,
    published: `_etl_published_${token}_${number}`,
    staging: (index: number) => `_etl_staging_${token}_${number}_${index}`,
  };
}

/** Prefixes under which the tables of a pipeline's loads are found again. */
export function loadPrefixes(pipeline: string) {
  const token = pipelineToken(pipeline);
  return {
    manifest: `_etl_manifest_${token}_`,
    prepared: `_etl_prepared_${token}_`,
    published: `_etl_published_${token}_`,
    staging: `_etl_staging_${token}_`,
  };
}

export async function createManifestTable(database: Database, name: string, options?: OperationOptions): Promise<void> {
  await database.command(
    `CREATE TABLE IF NOT EXISTS ${database.table(name)} (manifest String) ` +
      `ENGINE = ${database.flavour.engine('MergeTree')} ORDER BY tuple() SETTINGS ${database.flavour.tableSettings('manifest')}`,
    options,
  );
}

export async function writeManifest(
  database: Database,
  name: string,
  manifest: Manifest,
  options?: OperationOptions,
): Promise<void> {
  const body = Buffer.from(`${JSON.stringify([JSON.stringify(manifest)])}\n`);
  await database.insert({ table: name, columns: ['manifest'], token: manifest.loadId }, body, options);
}

export async function readManifest(
  database: Database,
  name: string,
  options?: OperationOptions,
): Promise<Manifest | undefined> {
  const rows = await database
    .rows<{ manifest: string }>(`SELECT manifest FROM ${database.table(name)} LIMIT 1`, options, [name])
    .catch((error: unknown) => {
      if (serverCode(error) === UNKNOWN_TABLE) return undefined;
      throw error;
    });
  if (rows === undefined) return undefined;
  const [row] = rows;
  const manifest = JSON.parse(row?.manifest ?? 'null') as Manifest | null;
  if (manifest?.formatVersion === 1) return manifest;
  throw new EtlError({
    code: 'LOAD_MANIFEST_UNKNOWN',
    kind: 'state',
    message: `The manifest ${name} was written by another version of this package.`,
    hint: 'Run with the newest version of @etl/dest-clickhouse.',
  });
}
