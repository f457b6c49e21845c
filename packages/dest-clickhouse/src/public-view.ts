import { createHash } from 'node:crypto';
import { EtlError, type OperationOptions } from '@etl/core';
import type { ColumnInfo, Database } from './database.ts';
import { identifier, literal } from './identifier.ts';
import { rawName } from './raw-table.ts';
import type { TablePlan } from './table-plan.ts';

const MARK = 'etl view ';

/**
 * The comment of the view as it stands, which changes with what the view reads; `undefined` when
 * there is none.
 *
 * @throws `CLICKHOUSE_NAME_TAKEN` (schema) when something that is not ours stands in its place.
 */
export async function presentView(
  database: Database,
  plan: TablePlan,
  options?: OperationOptions,
): Promise<string | undefined> {
  const present = await database.find(plan.publicName, options);
  if (present === undefined || present.comment.startsWith(MARK)) return present?.comment;
  throw new EtlError({
    code: 'CLICKHOUSE_NAME_TAKEN',
    kind: 'schema',
    message: `${database.name}.${plan.publicName} exists already and was not made by this loader (${present.engine}).`,
    hint: 'Choose another dataset (--dataset), or move the old table away; it is never touched.',
  });
}

/**
 * Makes the public name read the newest generation with all its columns. Compares first, so it
 * costs one look-up when nothing changed; replacing is atomic for readers.
 */
export async function refreshView(
  database: Database,
  plan: TablePlan,
  generation: bigint,
  options?: OperationOptions,
): Promise<void> {
  const { select, comment } = viewOf(
    database,
    plan,
    generation,
    await database.columns(rawName(plan.publicName, generation), options),
  );
  if ((await database.find(plan.publicName, options))?.comment === comment) return;
  await database.command(
    `CREATE OR REPLACE VIEW ${database.table(plan.publicName)} SQL SECURITY DEFINER AS ${select} COMMENT ${literal(comment)}`,
    options,
  );
}

/** The view that reads a generation with the given columns, and the comment that identifies it. */
export function viewOf(
  database: Database,
  plan: TablePlan,
  generation: bigint,
  columns: readonly ColumnInfo[],
): { readonly select: string; readonly comment: string } {
  const visible = columns.filter(({ name }) => !name.startsWith('_etl_')).map(({ name }) => identifier(name));
  const select =
    `SELECT ${[...visible, `_etl_load_id AS ${identifier(`${plan.systemPrefix}_load_id`)}`].join(', ')} ` +
    `FROM ${database.table(rawName(plan.publicName, generation))} FINAL`;
  return { select, comment: MARK + createHash('sha256').update(select).digest('hex').slice(0, 32) };
}
