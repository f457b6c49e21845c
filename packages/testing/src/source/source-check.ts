import type { Row, Source, SourceReadRequest } from '@etl/core';
import { plannedSlices, readSliceAndSchema, type PlannedSlice } from './read-slice.ts';
import type { SourceFixture } from './source-fixture.ts';

/** One promise of a sliced source; `run` rejects when the source of the fixture breaks it. */
export interface SourceCheck {
  readonly name: string;
  run(fixture: SourceFixture): Promise<void>;
}

type Work = (source: Source, request: SourceReadRequest, fixture: SourceFixture) => Promise<void>;

/** A promise that is looked at through one source of the fixture. */
export function check(name: string, work: Work): SourceCheck {
  return {
    name,
    async run(fixture) {
      const source = fixture.createSource();
      try {
        await work(source, { now: fixture.now }, fixture);
      } finally {
        await source[Symbol.asyncDispose]();
      }
    },
  };
}

/** A promise that the rows of every planned slice keep. */
export const each = (name: string, look: (planned: PlannedSlice, rows: readonly Row[]) => void): SourceCheck =>
  check(name, async (source, request) => {
    for (const planned of await plannedSlices(source, request)) {
      const { rows, stream } = await readSliceAndSchema(source, planned, request);
      look({ ...planned, plan: { ...planned.plan, stream } }, rows);
    }
  });
