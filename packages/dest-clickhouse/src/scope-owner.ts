import { EtlError, type OperationOptions, type Scope } from '@etl/core';
import type { Database } from './database.ts';
import { literal } from './identifier.ts';
import { insertSystemRows, systemTime } from './system-tables.ts';

/** What a pipeline replaces: a scope of a table, or the whole of it. */
export interface ScopeClaim {
  readonly publicName: string;
  /** Absent for the whole table. Days do not count: one account's days have one owner. */
  readonly scope?: Scope | undefined;
}

const WHOLE_TABLE = '{}';

/**
 * Registers a pipeline as the owner of the rows that it replaces. Without an owner, two pipelines
 * that replace the same rows would take turns in deleting each other's.
 *
 * "Claim, then look": whoever finds another claim beside its own takes its own back, so two that
 * claim at the same moment may both be refused but are never both admitted.
 *
 * @throws `SCOPE_OWNED` (config) naming the owner.
 */
export async function claimScope(
  database: Database,
  claim: ScopeClaim,
  by: { readonly pipeline: string; readonly number: bigint },
  options: OperationOptions,
): Promise<void> {
  const scope = scopeText(claim.scope);
  const claims = await overlappingClaims(database, claim.publicName, scope, options);
  requireNoOther(claims, claim, by.pipeline);
  if (claims.some(({ pipeline, scope: claimed }) => pipeline === by.pipeline && claimed === scope)) return;
  await writeClaim(database, claim.publicName, scope, by, false, options);
  try {
    requireNoOther(await overlappingClaims(database, claim.publicName, scope, options), claim, by.pipeline);
  } catch (error) {
    await writeClaim(database, claim.publicName, scope, by, true, options);
    throw error;
  }
}

interface StoredClaim {
  readonly pipeline: string;
  readonly scope: string;
}

function overlappingClaims(
  database: Database,
  publicName: string,
  scope: string,
  options: OperationOptions,
): Promise<readonly StoredClaim[]> {
  const overlaps = scope === WHOLE_TABLE ? '1' : `scope IN (${literal(scope)}, ${literal(WHOLE_TABLE)})`;
  return database.rows<StoredClaim>(
    `SELECT pipeline, scope FROM ${database.table('_etl_scopes')} FINAL ` +
      `WHERE table_name = ${literal(publicName)} AND released = 0 AND ${overlaps} ORDER BY pipeline`,
    options,
  );
}

function requireNoOther(claims: readonly StoredClaim[], claim: ScopeClaim, pipeline: string): void {
  const other = claims.find((found) => found.pipeline !== pipeline);
  if (other === undefined) return;
  const what = other.scope === WHOLE_TABLE ? 'all rows' : `the rows of ${describeScope(other.scope)}`;
  throw new EtlError({
    code: 'SCOPE_OWNED',
    kind: 'config',
    message: `The pipeline ${pipeline} would replace rows of ${claim.publicName}, where ${what} belong to the pipeline ${other.pipeline}.`,
    hint: 'Give one of them another dataset or other accounts; the README of @etl/dest-clickhouse says how to release an owner that is gone.',
  });
}

function describeScope(scope: string): string {
  return Object.entries(JSON.parse(scope) as Record<string, unknown>)
    .map(([column, value]) => `${column} ${String(value)}`)
    .join(', ');
}

async function writeClaim(
  database: Database,
  publicName: string,
  scope: string,
  by: { readonly pipeline: string; readonly number: bigint },
  isReleased: boolean,
  options: OperationOptions,
): Promise<void> {
  const version = String(by.number * 2n + (isReleased ? 1n : 0n));
  await insertSystemRows(
    database,
    '_etl_scopes',
    ['table_name', 'scope', 'pipeline', 'released', 'version', 'claimed_at'],
    [[publicName, scope, by.pipeline, isReleased ? 1 : 0, version, systemTime(new Date())]],
    `scope-${version}`,
    options,
  );
}

function scopeText(scope: Scope | undefined): string {
  const columns = Object.entries(scope?.equals ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(columns));
}
