import { EtlError } from '@etl/core';
import type { PreparedTable } from './prepare-table.ts';
import { nullableType } from './type-fit.ts';

/** Where the values of a stream's columns go. */
type Columns = Pick<PreparedTable, 'plan' | 'targets' | 'absent'>;

/**
 * For a stream that changes in the middle of a load: column that from now on takes the values of a declared
 * one, or their absence, to the column that has taken them so far.
 *
 * @throws `CLICKHOUSE_TYPE_CONFLICT` (schema) where the new column is not a cast of the old one.
 */
export function movedColumns(
  before: Columns,
  after: Columns & Pick<PreparedTable, 'additions'>,
): ReadonlyMap<string, string> {
  const moved = new Map<string, string>();
  const now = columnsOf(after);
  const types = new Map([...before.plan.columns, ...after.plan.columns].map(({ name, type }) => [name, type]));
  for (const [declared, old] of columnsOf(before)) {
    const column = now.get(declared);
    const type = types.get(old) ?? '';
    if (column === old) continue;
    if (column === undefined) {
      // Rows without it would have 0 or empty text.
      if (nullableType(type) !== undefined && !type.startsWith('Array('))
        throw changedInLoad(after.plan.stream, declared, type, 'nothing');
      continue;
    }
    // Variants are casts of older ones, the declared column itself being the oldest.
    const isYounger = old === declared || after.additions.some(({ name }) => name === column);
    if (!isYounger) throw changedInLoad(after.plan.stream, declared, type, types.get(column) ?? '');
    moved.set(column, old);
  }
  return moved;
}

function columnsOf({ plan, targets, absent }: Columns): ReadonlyMap<string, string> {
  const declared = new Map([...targets].map(([name, target]) => [target, name]));
  for (const [name, target] of absent) declared.set(target, name);
  return new Map(
    plan.columns
      .filter(({ name }) => !name.startsWith('_etl_'))
      .map(({ name }) => [declared.get(name) ?? name, name] as const),
  );
}

// Rows of the old type are staged already; only another truncation or another load can help.
export function changedInLoad(stream: string, column: string, staged: string, declared: string): EtlError {
  return new EtlError({
    code: 'CLICKHOUSE_TYPE_CONFLICT',
    kind: 'schema',
    message: `Column ${column} of ${stream} changed from ${staged} to ${declared} in the middle of a load.`,
    hint: 'Run again: the load was given up, and the next one begins with the new type.',
    context: { stream, column },
  });
}
