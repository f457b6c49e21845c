import { EtlError, type OperationOptions, type SchemaChange, type SchemaContract } from '@etl/core';
import type { Database } from './database.ts';
import { literal } from './identifier.ts';
import type { ResolvedOptions } from './options.ts';
import { addColumn, createRawTable, dropSuperseded, generations, rawName } from './raw-table.ts';
import { frozen, frozenWithout, type Discard } from './schema-contract.ts';
import type { PlannedColumn, TablePlan } from './table-plan.ts';
import { areCurrent, presentViews, requireOwnNames, viewsOf } from './table-views.ts';
import { definingTable } from './table-definition.ts';
import { keyConflict, layoutConflict, nameConflict, nestingConflict, storageConflict } from './table-conflict.ts';
import { driftOf } from './table-drift.ts';
import { isTaken, resolveColumn, vanishedColumns, type AddedColumn } from './variant-columns.ts';

/** Parts of one partition beyond which publishing waits for merges: attaching itself has no limit. */
const MAX_PARTS = 1000;

export interface PreparedTable {
  readonly changes: readonly SchemaChange[];
  /** Columns that the table has to gain. */
  readonly additions: readonly AddedColumn[];
  /** Newest generation; `undefined` while there is none. */
  readonly generation: bigint | undefined;
  /** Whether older generations stand beside it: what a replacement is about to drop, or nobody will. */
  readonly hasOlder: boolean;
  /** The plan with the columns that the values really go into. */
  readonly plan: TablePlan;
  /** Declared column to the column that takes its values, where they differ. */
  readonly targets: ReadonlyMap<string, string>;
  /** Column of the table that the source no longer has to the column that takes its NULLs. */
  readonly absent: ReadonlyMap<string, string>;
  /** Declared columns that the schema contract keeps out of the table. */
  readonly discarded: ReadonlyMap<string, Discard>;
  /** Set when the key is not what the stream now declares; a replacement of the table makes it moot. */
  readonly conflict: EtlError | undefined;
  /** Whether the public views read that generation with all its columns. */
  readonly isViewCurrent: boolean;
}

/**
 * Makes the newest generation of a stream's table ready for its columns, before the load's first
 * row, so that after the commit point nothing can fail because of the schema. A table that is missing
 * stays so until `defineTable`: the rows may make one of their own.
 *
 * @throws `CLICKHOUSE_NAME_TAKEN`, `SCHEMA_FROZEN` (schema), `CLICKHOUSE_TOO_MANY_PARTS` (transient).
 */
export async function prepareTable(
  database: Database,
  plan: TablePlan,
  contract: SchemaContract,
  settings: ResolvedOptions,
  options: OperationOptions,
): Promise<PreparedTable> {
  const seen = await lookAtTable(database, plan, contract, options);
  if (seen.additions.length === 0 && !seen.hasOlder) return seen;
  return defineTable(database, plan, contract, settings, options);
}

/** As `prepareTable`; a table that is missing is created. */
export function defineTable(
  database: Database,
  plan: TablePlan,
  contract: SchemaContract,
  settings: ResolvedOptions,
  options: OperationOptions,
): Promise<PreparedTable> {
  // Looked at while nobody else defines the table: what is added must fit what is there.
  return definingTable(database, plan.publicName, settings, options, async () => {
    const table = await lookAtTable(database, plan, contract, options);
    for (const statement of definingStatements(database, plan, table)) await database.command(statement, options);
    if (table.hasOlder) await dropSuperseded(database, plan.publicName, options);
    return { ...table, generation: table.generation ?? 0n };
  });
}

/** What makes a table ready for the columns of a stream. */
export function definingStatements(database: Database, plan: TablePlan, table: PreparedTable): readonly string[] {
  const raw = rawName(plan.publicName, table.generation ?? 0n);
  return [
    ...(table.generation === undefined ? [createRawTable(database, plan, 0n)] : []),
    ...table.additions.map((column) => addColumn(database, raw, column)),
  ];
}

/** What preparing would find and change; changes nothing. */
export async function lookAtTable(
  database: Database,
  plan: TablePlan,
  contract: SchemaContract,
  options: OperationOptions,
): Promise<PreparedTable> {
  const planned = viewsOf(database, plan, 0n, plan.columns);
  const present = await presentViews(database, plan, planned, options);
  requireOwnNames(database, planned, present);
  const all = await generations(database, plan.publicName, options);
  const generation = all.at(-1);
  const hasOlder = all.length > 1;
  if (generation === undefined) {
    if (contract.tables === 'freeze') throw frozen(plan.stream, `the new table ${plan.publicName}`);
    return { ...newTable(plan), changes: [tableCreated(plan)] };
  }
  const raw = rawName(plan.publicName, generation);
  await requireFewParts(database, plan, raw, options);
  const actual = await database.columns(raw, options);
  const drift = driftOf(plan, present.get(raw));
  const columns: PlannedColumn[] = [];
  const additions: AddedColumn[] = [];
  const targets = new Map<string, string>();
  const discarded = new Map<string, Discard>();
  let conflict = layoutConflict(plan, drift) ?? storageConflict(plan, actual, present) ?? nestingConflict(plan, actual);
  const own = new Set(plan.columns.map(({ name }) => name));
  const names = new Set([...own, ...actual.map(({ name }) => name)]);
  for (const declared of plan.columns) {
    if (isTaken(declared.name, actual)) conflict ??= nameConflict(plan, declared);
    const resolution = resolveColumn(declared, actual, { isKey: plan.orderBy.includes(declared.name), names });
    if (resolution === undefined) {
      columns.push(declared);
      conflict ??= keyConflict(plan, declared, actual);
      continue;
    }
    const discard = discardOf(plan, contract, declared, resolution.added);
    if (discard !== undefined) {
      discarded.set(declared.name, discard);
      continue;
    }
    columns.push(resolution.column);
    if (resolution.column.name !== declared.name) targets.set(declared.name, resolution.column.name);
    if (resolution.added !== undefined) additions.push(resolution.added);
  }
  const absent = new Map<string, string>();
  const brought = new Set([...own].filter((name) => !discarded.has(name)));
  for (const { declared, column, added } of vanishedColumns(brought, actual, names)) {
    if (added !== undefined && contract.columns === 'freeze' && !own.has(declared))
      throw frozenWithout(plan.stream, declared);
    columns.push(column);
    absent.set(declared, column.name);
    if (added !== undefined) additions.push(added);
  }
  const added = additions.map(({ name, type }): SchemaChange => ({
    type: 'column-added',
    stream: plan.stream,
    table: plan.publicName,
    column: name,
    dataType: type,
  }));
  const isViewCurrent = additions.length === 0 && areCurrent(viewsOf(database, plan, generation, actual), present);
  const changes = [...drift, ...added];
  return {
    changes,
    additions,
    generation,
    hasOlder,
    plan: { ...plan, columns },
    targets,
    absent,
    discarded,
    conflict,
    isViewCurrent,
  };
}

export function tableCreated({ stream, publicName }: TablePlan): SchemaChange {
  return { type: 'table-created', stream, table: publicName };
}

/** A table that is made as it is declared. */
export function newTable(plan: TablePlan): PreparedTable {
  return {
    changes: [],
    additions: [],
    generation: undefined,
    hasOlder: false,
    plan,
    targets: new Map(),
    absent: new Map(),
    discarded: new Map(),
    conflict: undefined,
    isViewCurrent: false,
  };
}

/** What the contract makes of a column that the table would have to gain; `undefined`: it gains it. */
function discardOf(
  plan: TablePlan,
  contract: SchemaContract,
  declared: PlannedColumn,
  added: AddedColumn | undefined,
): Discard | undefined {
  if (added === undefined || declared.name.startsWith('_etl_')) return undefined;
  const isNew = added.name === declared.name;
  const mode = isNew ? contract.columns : contract.dataType;
  if (mode === 'freeze') {
    throw frozen(
      plan.stream,
      isNew ? `the new column ${declared.name}` : `column ${declared.name} as ${declared.type}`,
    );
  }
  return mode === 'evolve' ? undefined : mode;
}

async function requireFewParts(
  database: Database,
  plan: TablePlan,
  raw: string,
  options: OperationOptions,
): Promise<void> {
  const [row] = await database.rows<{ parts: string }>(
    'SELECT toString(max(parts)) AS parts FROM (SELECT count() AS parts FROM system.parts ' +
      `WHERE database = ${literal(database.name)} AND table = ${literal(raw)} AND active GROUP BY partition_id)`,
    options,
  );
  if (Number(row?.parts ?? 0) < MAX_PARTS) return;
  throw new EtlError({
    code: 'CLICKHOUSE_TOO_MANY_PARTS',
    kind: 'transient',
    message: `${plan.publicName} has ${MAX_PARTS} or more unmerged parts in one partition.`,
    hint: 'Wait for background merges, or load less often.',
    context: { stream: plan.stream },
  });
}
