import { createHash } from 'node:crypto';
import { EtlError, type OperationOptions } from '@etl/core';
import type { Database } from './database.ts';
import { identifier, literal } from './identifier.ts';
import { rawName } from './raw-table.ts';
import type { TablePlan } from './table-plan.ts';

const MARK = 'etl view ';

/** Throws when something that is not ours stands where the view has to be. */
export async function requireOwnName(database: Database, plan: TablePlan, options?: OperationOptions): Promise<void> {
  const present = await database.find(plan.publicName, options);
  if (present === undefined || present.comment.startsWith(MARK)) return;
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
export async function refreshView(database: Database, plan: TablePlan, generation: bigint, options?: OperationOptions): Promise<void> {
  const raw = rawName(plan.publicName, generation);
  const actual = await database.columns(raw, options);
  const visible = actual.filter(({ name }) => !name.startsWith('_etl_')).map(({ name }) => identifier(name));
  const select =
    `SELECT ${[...visible, `_etl_load_id AS ${identifier(`${plan.systemPrefix}_load_id`)}`].join(', ')} ` +
    `FROM ${database.table(raw)} FINAL`;
  const comment = MARK + createHash('sha256').update(select).digest('hex').slice(0, 32);
  const present = await database.find(plan.publicName, options);
  if (present?.comment === comment) return;
  await database.command(
    `CREATE OR REPLACE VIEW ${database.table(plan.publicName)} SQL SECURITY DEFINER AS ${select} COMMENT ${literal(comment)}`,
    options,
  );
}
