import { EtlError, type OperationOptions, type SchemaChange } from '@etl/core';
import type { Database } from './database.ts';
import { literal } from './identifier.ts';

import { addColumn, createRawTable, generations, rawName } from './raw-table.ts';
import type { TablePlan } from './table-plan.ts';
import { areCurrent, presentViews, requireOwnNames, viewsOf } from './table-views.ts';

/** Parts of one partition beyond which publishing waits for merges: attaching itself has no limit. */
const MAX_PARTS = 1000;

export interface PreparedTable {
  readonly changes: readonly SchemaChange[];
  /** Newest generation; 0 when the table is new. */
  readonly generation: bigint;
  /** Set when a column has another type than the stream now declares. */
  readonly conflict: EtlError | undefined;
  /** Whether the public view reads that generation with all its columns. */
  readonly isViewCurrent: boolean;
}

/**
 * Makes the newest generation of a stream's table ready for its columns, before the load's first
 * row, so that after the commit point nothing can fail because of the schema.
 *
 * @throws `CLICKHOUSE_NAME_TAKEN` (schema), `CLICKHOUSE_TOO_MANY_PARTS` (transient).
 */
export async function prepareTable(
  database: Database,
  plan: TablePlan,
  options: OperationOptions,
): Promise<PreparedTable> {
  const present = await presentViews(database, plan, options);
  requireOwnNames(database, viewsOf(database, plan, 0n, plan.columns), present);
  const generation = (await generations(database, plan.publicName, options)).at(-1);
  if (generation === undefined) {
    await createRawTable(database, plan, 0n, options);
    const created: SchemaChange = { type: 'table-created', stream: plan.stream, table: plan.publicName };
    return { changes: [created], generation: 0n, conflict: undefined, isViewCurrent: false };
  }
  const raw = rawName(plan.publicName, generation);
  await requireFewParts(database, plan, raw, options);
  const actual = await database.columns(raw, options);
  const types = new Map(actual.map(({ name, type }) => [name, type]));
  const changes: SchemaChange[] = [];
  let conflict: EtlError | undefined;
  for (const column of plan.columns) {
    const type = types.get(column.name);
    if (type === undefined) {
      await addColumn(database, raw, column, options);
      changes.push({
        type: 'column-added',
        stream: plan.stream,
        table: plan.publicName,
        column: column.name,
        dataType: column.type,
      });
    } else if (type !== column.type) {
      conflict ??= typeConflict(plan, column.name, type, column.type);
    }
  }
  const isViewCurrent = changes.length === 0 && areCurrent(viewsOf(database, plan, generation, actual), present);
  return { changes, generation, conflict, isViewCurrent };
}

function typeConflict(plan: TablePlan, column: string, actual: string, declared: string): EtlError {
  return new EtlError({
    code: 'CLICKHOUSE_TYPE_CONFLICT',
    kind: 'schema',
    message: `Column ${column} of ${plan.publicName} is ${actual}, but the source now declares ${declared}.`,
    hint: 'Load the stream anew with --full-refresh: it gets a new table with the new type.',
    context: { stream: plan.stream, column },
  });
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
