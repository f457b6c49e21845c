import { deepStrictEqual, equal } from 'node:assert/strict';
import type { Row, Slice } from '@etl/core';
import { textOf } from './read-slice.ts';
import type { SourceFixture } from './source-fixture.ts';

/** Fails unless the rows are those that the platform holds. */
export function requireTruth(fixture: SourceFixture, stream: string, slice: Slice, rows: readonly Row[]): void {
  const truth = fixture.truth(stream, slice);
  const columns = Object.keys(truth[0] ?? {}).toSorted();
  equal(rows.length, truth.length, `${stream} ${slice.key}: rows`);
  deepStrictEqual(textOf(rows, columns), textOf(truth, columns), `${stream} ${slice.key}: not what the platform holds`);
}
