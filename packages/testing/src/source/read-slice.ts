import { deepStrictEqual, equal, ok } from 'node:assert/strict';
import type { Row, Slice, Source, SourceReadRequest, StreamSlices, StreamSpec } from '@etl/core';

/** One slice of a plan. */
export interface PlannedSlice {
  readonly plan: StreamSlices;
  readonly slice: Slice;
}

/** Every slice that the source expects. */
export async function plannedSlices(source: Source, request: SourceReadRequest): Promise<readonly PlannedSlice[]> {
  const plans = (await source.plan?.(request)) ?? [];
  return plans.flatMap((plan) => plan.slices.map((slice) => ({ plan, slice })));
}

export async function readSlice(
  source: Source,
  planned: PlannedSlice,
  request: SourceReadRequest,
): Promise<readonly Row[]> {
  const { rows } = await readSliceAndSchema(source, planned, request);
  return rows;
}

/**
 * Reads one slice as the engine does, with the schema that its rows have. Fails when the source says
 * anything that the contract does not allow.
 */
export async function readSliceAndSchema(
  source: Source,
  { plan, slice }: PlannedSlice,
  request: SourceReadRequest,
): Promise<{ readonly rows: readonly Row[]; readonly stream: StreamSpec }> {
  const stream = plan.stream.name;
  const rows: Row[] = [];
  let schema: StreamSpec | undefined;
  let isCompleted = false;
  for await (const message of source.read({ ...request, streams: [stream], slices: { [stream]: [slice] } })) {
    if (message.type === 'progress' || message.type === 'checkpoint' || message.type === 'drift-found') continue;
    ok(!isCompleted, `${stream} ${slice.key}: ${message.type} came after slice-completed`);
    if (message.type === 'stream-failed') throw message.error;
    if (message.type === 'schema') {
      requireSameTable(plan.stream, message.stream);
      schema = message.stream;
    } else if (message.type === 'records') {
      ok(schema !== undefined, `${stream}: rows came before the schema`);
      equal(message.stream, stream);
      equal(message.slice, slice.key, `${stream} ${slice.key}: rows of another slice came`);
      rows.push(...message.rows);
    } else if (message.type === 'slice-completed') {
      equal(message.slice.key, slice.key, `${stream} ${slice.key}: another slice was completed`);
      isCompleted = true;
      if (message.expected?.rows !== undefined) equal(rows.length, message.expected.rows, 'rows the platform promised');
    } else {
      ok(false, `${stream} ${slice.key}: ${message.type} is no message of a slice`);
    }
  }
  ok(isCompleted, `${stream} ${slice.key}: the read ended without slice-completed`);
  return { rows, stream: schema ?? plan.stream };
}

/** What a source learns of a stream while it reads may add columns or widen them, and nothing else. */
function requireSameTable(planned: StreamSpec, read: StreamSpec): void {
  const { name } = planned;
  deepStrictEqual(
    { ...read, columns: [] },
    { ...planned, columns: [] },
    `${name}: the schema is not the one of the plan`,
  );
  const names = new Set(read.columns.map((column) => column.name));
  for (const column of planned.columns) ok(names.has(column.name), `${name}: the column ${column.name} is gone`);
}

/** Rows as text that can be compared, in an order of their own. */
export function textOf(rows: readonly Row[], columns?: readonly string[]): readonly string[] {
  return rows
    .map((row) => {
      const names = columns ?? Object.keys(row).toSorted();
      return JSON.stringify(names.map((name) => [name, cellOf(row[name])]));
    })
    .toSorted();
}

function cellOf(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  const isScalar = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean';
  return isScalar ? value.toString() : value;
}
