import { EtlError, type OperationOptions, type Scope } from '@etl/core';
import type { Database } from './database.ts';
import { literal } from './identifier.ts';
import { insertSystemRows, systemTime } from './system-tables.ts';

/**
 * What a pipeline does to the rows of a table: it replaces the whole `table`, it replaces a `scope`
 * of it, or it only adds and upserts `rows`.
 */
export interface ScopeClaim {
  readonly publicName: string;
  readonly kind: 'table' | 'scope' | 'rows';
  /** Of a `scope`. Its days do not count: one account's days have one owner. */
  readonly scope?: Scope | undefined;
}

const WHOLE_TABLE = '{}';
const ROWS = 'rows';

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
  const scope = scopeText(claim);
  const claims = await overlappingClaims(database, claim.publicName, scope, by.pipeline, options);
  requireNoOther(claims, claim, by.pipeline);
  if (claims.some(({ pipeline, scope: claimed }) => pipeline === by.pipeline && claimed === scope)) return;
  await writeClaim(database, claim.publicName, scope, by, false, options);
  try {
    const seen = await overlappingClaims(database, claim.publicName, scope, by.pipeline, options);
    requireNoOther(seen, claim, by.pipeline);
  } catch (error) {
    await writeClaim(database, claim.publicName, scope, by, true, options);
    throw error;
  }
}

interface StoredClaim {
  readonly pipeline: string;
  readonly scope: string;
}

/** With the pipeline's own claim, which has not to be made again. */
function overlappingClaims(
  database: Database,
  publicName: string,
  scope: string,
  pipeline: string,
  options: OperationOptions,
): Promise<readonly StoredClaim[]> {
  const own = `(pipeline = ${literal(pipeline)} AND scope = ${literal(scope)})`;
  const overlaps = `(${overlapCondition(scope)} OR ${own})`;
  return database.rows<StoredClaim>(
    `SELECT pipeline, scope FROM ${database.table('_etl_scopes')} FINAL ` +
      `WHERE table_name = ${literal(publicName)} AND released = 0 AND ${overlaps} ORDER BY pipeline`,
    options,
    ['_etl_scopes'],
  );
}

/** The whole table overlaps with everything; rows go with rows, and with no scope of another's. */
function overlapCondition(scope: string): string {
  if (scope === WHOLE_TABLE) return '1';
  if (scope === ROWS) return `scope != ${literal(ROWS)}`;
  return `scope IN (${[scope, WHOLE_TABLE, ROWS].map(literal).join(', ')})`;
}

function requireNoOther(claims: readonly StoredClaim[], claim: ScopeClaim, pipeline: string): void {
  const other = claims.find((found) => found.pipeline !== pipeline);
  if (other === undefined) return;
  const what = describeScope(other.scope);
  throw new EtlError({
    code: 'SCOPE_OWNED',
    kind: 'config',
    message: `The pipeline ${pipeline} would ${claim.kind === 'rows' ? 'add' : 'replace'} rows of ${claim.publicName}, where ${what} belong to the pipeline ${other.pipeline}.`,
    hint: 'Give one of them another dataset or other accounts; the README of @etl/dest-clickhouse says how to release an owner that is gone.',
  });
}

function describeScope(scope: string): string {
  if (scope === WHOLE_TABLE) return 'all rows';
  if (scope === ROWS) return 'rows';
  const columns = Object.entries(JSON.parse(scope) as Record<string, unknown>)
    .map(([column, value]) => `${column} ${String(value)}`)
    .join(', ');
  return `the rows of ${columns}`;
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

function scopeText({ kind, scope }: ScopeClaim): string {
  if (kind === 'rows') return ROWS;
  if (kind === 'table') return WHOLE_TABLE;
  const columns = Object.entries(scope?.equals ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(columns.map(([name, value]) => [name, String(value)])));
}
