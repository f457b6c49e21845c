import type { SchemaChange } from '@etl/core';
import type { TableInfo } from './database.ts';
import type { TablePlan } from './table-plan.ts';

/** What of the table is not as the stream declares it and no column can mend. */
export function driftOf(plan: TablePlan, raw: TableInfo | undefined): readonly SchemaChange[] {
  if (raw === undefined) return [];
  const found: SchemaChange[] = [];
  const compare = (property: string, declared: string, actual: string): void => {
    if (plain(declared) === plain(actual)) return;
    found.push({
      type: 'drift-found',
      stream: plan.stream,
      table: plan.publicName,
      property,
      declared: plain(declared),
      actual: plain(actual),
    });
  };
  compare('engine', 'ReplacingMergeTree', raw.engine.replace(/^(?:Replicated|Shared)/, ''));
  compare('sorting key', plan.orderBy.join(', '), raw.sorting_key);
  compare('partition key', plan.partitionBy ?? '', raw.partition_key);
  return found;
}

function plain(expression: string): string {
  return expression.replaceAll(/[`\s]/g, '').replace(/^\((.*)\)$/, '$1');
}
