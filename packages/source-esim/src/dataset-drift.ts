import type { SourceDrift } from '@etl/core';
import type { DatasetColumns } from './dataset-columns.ts';
import type { DatasetState } from './dataset-state.ts';
import type { Dataset } from './manifest.ts';

/** How the dataset differs from what was reviewed, or from what it was. */
export function driftsOf(dataset: Dataset, columns: DatasetColumns, before: DatasetState): readonly SourceDrift[] {
  const drifts: SourceDrift[] = [];
  if (dataset.drift !== undefined) {
    const { declared, actual } = dataset.drift;
    drifts.push({
      property: 'schema version',
      declared,
      actual: `${actual} (${newFields(columns, before.reviewedFields)})`,
    });
  }
  const gone = columns.gone;
  if (gone.length > 0) drifts.push({ property: 'columns', declared: gone.join(', '), actual: 'in no row any more' });
  return drifts;
}

function newFields({ fields }: DatasetColumns, reviewed: readonly string[] | null): string {
  if (reviewed === null) return 'no reviewed version was loaded to compare it with';
  const known = new Set(reviewed);
  const added = [...fields].filter((field) => !known.has(field));
  return added.length === 0 ? 'no new fields so far' : `new fields: ${added.join(', ')}`;
}
