import { findState, type StateEntry } from '@etl/core';
import { z } from 'zod';
import type { DatasetColumns } from './dataset-columns.ts';
import { datasetError } from './dataset-error.ts';
import type { Dataset } from './manifest.ts';

const stateSchema = z.object({
  version: z.literal(1),
  /** Field that `through` is of, and the newest moment that was read. */
  field: z.string().nullable(),
  through: z.string().regex(/^\d+$/).nullable(),
  types: z.record(z.string(), z.enum(['boolean', 'int64', 'decimal', 'wide-decimal', 'timestamp', 'json', 'string'])),
  fields: z.array(z.string()),
  /** The fields when a reviewed version was last read; null before. */
  reviewedFields: z.array(z.string()).nullable(),
  /** Schema version of the last reading; null where the manifest names none. */
  schemaVersion: z.string().nullable().default(null),
  /** Fields whose keys some rows left out, and whether NULL was ever written. */
  absences: z
    .object({ fields: z.array(z.string()), writesNull: z.boolean() })
    .default({ fields: [], writesNull: false }),
  /** Places inside of columns that are dropped or hashed, and were found in some row. */
  paths: z.array(z.string()).default([]),
});

/** What of a dataset is remembered with its rows: where it stands and what its columns are. */
export type DatasetState = z.output<typeof stateSchema>;

const NOTHING: DatasetState = {
  version: 1,
  field: null,
  through: null,
  types: {},
  fields: [],
  reviewedFields: null,
  schemaVersion: null,
  absences: { fields: [], writesNull: false },
  paths: [],
};

/** @throws `ESIM_STATE_INVALID` (state). */
export function readState(entries: readonly StateEntry[] | undefined, dataset: string): DatasetState {
  const value = findState(entries ?? [], dataset, '');
  if (value === undefined || value === null) return NOTHING;
  const parsed = stateSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw datasetError(
    'ESIM_STATE_INVALID',
    'state',
    dataset,
    'has a stored position that cannot be read',
    'Load it with --full-refresh.',
  );
}

export function stateEntry(dataset: string, state: DatasetState): StateEntry {
  return { stream: dataset, partition: '', value: state };
}

/** What is remembered after a reading; `through` is the newest moment that was read. */
export function nextState(
  dataset: Dataset,
  columns: DatasetColumns,
  before: DatasetState,
  through: string | null,
): DatasetState {
  const fields = [...columns.fields];
  return {
    version: 1,
    field: dataset.watermark ?? null,
    through,
    types: { ...columns.types },
    fields,
    reviewedFields: dataset.drift === undefined ? fields : before.reviewedFields,
    schemaVersion: dataset.version ?? null,
    ...columns.learned,
  };
}
