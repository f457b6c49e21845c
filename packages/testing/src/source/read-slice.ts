import { deepStrictEqual, equal, ok } from 'node:assert/strict';
import type { Row, Slice, Source, SourceReadRequest, StreamSlices } from '@etl/core';

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

/** Reads one slice as the engine does. Fails when the source says anything that the contract does not allow. */
export async function readSlice(
  source: Source,
  { plan, slice }: PlannedSlice,
  request: SourceReadRequest,
): Promise<readonly Row[]> {
  const stream = plan.stream.name;
  const rows: Row[] = [];
  let hasSchema = false;
  let isCompleted = false;
  for await (const message of source.read({ ...request, streams: [stream], slices: { [stream]: [slice] } })) {
    if (message.type === 'progress' || message.type === 'checkpoint') continue;
    ok(!isCompleted, `${stream} ${slice.key}: ${message.type} came after slice-completed`);
    if (message.type === 'stream-failed') throw message.error;
    if (message.type === 'schema') {
      deepStrictEqual(message.stream, plan.stream, `${stream}: the schema is not the one of the plan`);
      hasSchema = true;
    } else if (message.type === 'records') {
      ok(hasSchema, `${stream}: rows came before the schema`);
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
  return rows;
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
