import { deepStrictEqual, equal } from 'node:assert/strict';
import type { ColumnSpec, Row, StreamSpec } from '@etl/core';
import fc from 'fast-check';
import { canonicalRow } from '../rows/canonical-value.ts';
import { rowsFor } from '../rows/rows-for.ts';
import { suiteSeed } from '../seed.ts';
import { destinationCheck as check } from './destination-check.ts';
import type { DestinationScene } from './destination-scene.ts';

/** Bytes and nested rows are left to the destination's own tests: readers show them in too many ways. */
const COLUMNS: readonly Omit<ColumnSpec, 'name' | 'nullable'>[] = [
  { type: 'boolean' },
  { type: 'int16' },
  { type: 'int32' },
  { type: 'int64' },
  { type: 'uint32' },
  { type: 'uint64' },
  { type: 'float32' },
  { type: 'float64' },
  { type: 'decimal', precision: 18, scale: 6 },
  { type: 'decimal', precision: 38, scale: 0 },
  { type: 'decimal', precision: 76, scale: 20 },
  { type: 'string' },
  { type: 'string', lowCardinality: true },
  { type: 'uuid' },
  { type: 'date' },
  { type: 'time' },
  { type: 'timestamp' },
  { type: 'json' },
  { type: 'array', items: { type: 'int64', nullable: true } },
  { type: 'array', items: { type: 'string', nullable: true } },
];
const ALL: StreamSpec = {
  name: 'every_type',
  columns: [
    { name: 'id', type: 'int64', nullable: false },
    ...COLUMNS.map((column, index) => ({
      ...column,
      name: `c${index}_${column.type}`,
      nullable: column.type !== 'array',
    })),
  ],
  primaryKey: ['id'],
  writeDisposition: 'merge',
};

async function requireSame(scene: DestinationScene, rows: readonly Row[], hint: string): Promise<void> {
  const read = (await scene.rows(ALL.name)).map((row) => canonicalRow(ALL, row));
  const byId = new Map(read.map((row) => [String(row['id']), row]));
  equal(read.length, rows.length, `rows, ${hint}`);
  for (const row of rows) {
    const written = canonicalRow(ALL, row);
    const got = byId.get(String(written['id']));
    for (const { name } of ALL.columns)
      deepStrictEqual(got?.[name], written[name], `${name} of the row ${String(written['id'])}, ${hint}`);
  }
}

/** That no value becomes another one. */
export const valueChecks = [
  check('gives back the values of every type as they were written', async (scene) => {
    const seed = suiteSeed();
    const [rows = []] = fc.sample(rowsFor(ALL, { minLength: 200, maxLength: 250 }), { seed, numRuns: 1 });
    const hint = `ETL_SEED=${seed}`;
    await scene.load(ALL, rows);
    await requireSame(scene, rows, hint);
    await scene.load(ALL, rows);
    await requireSame(scene, rows, `loaded again, ${hint}`);
  }),
];
