import type { OperationOptions } from '@etl/core';
import type { Database } from './database.ts';
import { identifier, literal } from './identifier.ts';
import { layout } from './raw-table.ts';
import type { TablePlan } from './table-plan.ts';

/** Creates a staging table with the columns that its raw table will have at the moment of attaching. */
export async function createStagingTable(
  database: Database,
  name: string,
  plan: TablePlan,
  encoded: ReadonlyMap<string, string>,
  options?: OperationOptions,
): Promise<void> {
  const columns = plan.columns.map((column) => {
    const source = encoded.get(column.name);
    return source === undefined ? `${identifier(column.name)} ${column.type}` : binaryColumn(column, source);
  });
  await database.command(
    `CREATE TABLE IF NOT EXISTS ${database.table(name)} (${columns.join(', ')}) ENGINE = MergeTree${layout(plan)} ` +
      'SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000 ' +
      `COMMENT ${literal(`rows on their way into ${plan.publicName}`)}`,
    options,
  );
}

// Bytes have no place in JSON: they arrive as base64 in a column that is never stored.
function binaryColumn(column: { readonly name: string; readonly type: string }, source: string): string {
  const decoded = column.type.startsWith('Array')
    ? `arrayMap(item -> base64Decode(item), ${identifier(source)})`
    : `base64Decode(${identifier(source)})`;
  return `${identifier(column.name)} ${column.type} DEFAULT ${decoded}, ${identifier(source)} ${column.type} EPHEMERAL`;
}
