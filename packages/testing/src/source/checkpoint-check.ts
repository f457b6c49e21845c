import { deepStrictEqual, equal, ok } from 'node:assert/strict';
import { newestEntries, type Row, type SourceReadRequest, type StateEntry } from '@etl/core';
import { plannedSlices, textOf, type PlannedSlice } from './read-slice.ts';
import type { SourceFixture } from './source-fixture.ts';

/** Rows of an increment, and how many of them each position covers. */
interface IncrementRead {
  readonly rows: readonly Row[];
  readonly points: readonly { readonly rows: number; readonly state: readonly StateEntry[] }[];
}

/** A reader that starts at a checkpoint must miss nothing, and an increment that is added must bring nothing twice. */
export async function checkCheckpoints(fixture: SourceFixture): Promise<void> {
  const increments = (await planIn(fixture)).filter(({ slice }) => slice.scope === undefined);
  for (const planned of increments) {
    const whole = await readFrom(fixture, planned, [], []);
    const { name, primaryKey, writeDisposition } = planned.plan.stream;
    for (const { rows: count, state } of whole.points) {
      const held = whole.rows.slice(0, count);
      const rest = await readFrom(fixture, planned, state, held);
      const all = [...held, ...rest.rows];
      const what = `${name} ${planned.slice.key}: gone on from ${JSON.stringify(state)}`;
      if (writeDisposition === 'append') deepStrictEqual(textOf(all), textOf(whole.rows), what);
      else deepStrictEqual(lastOf(all, primaryKey), lastOf(whole.rows, primaryKey), what);
    }
    const end = whole.points.at(-1);
    if (end === undefined) continue;
    equal(end.rows, whole.rows.length, `${name}: rows came after the last checkpoint of the slice`);
  }
}

async function planIn(fixture: SourceFixture): Promise<readonly PlannedSlice[]> {
  const source = fixture.createSource();
  try {
    return await plannedSlices(source, { now: fixture.now });
  } finally {
    await source[Symbol.asyncDispose]();
  }
}

async function readFrom(
  fixture: SourceFixture,
  { plan, slice }: PlannedSlice,
  state: readonly StateEntry[],
  held: readonly Row[],
): Promise<IncrementRead> {
  const stream = plan.stream.name;
  const rows: Row[] = [];
  const request: SourceReadRequest = {
    now: fixture.now,
    state,
    streams: [stream],
    slices: { [stream]: [slice] },
    // A destination holds what came before the position, and what this reading has brought so far.
    lookup: async (_name, keys) => {
      const byKey = new Map([...held, ...rows].map((row) => [textOf([row], plan.stream.primaryKey)[0], row]));
      return keys.map((key) => byKey.get(textOf([key], plan.stream.primaryKey)[0] ?? ''));
    },
  };
  const points: { rows: number; state: readonly StateEntry[] }[] = [];
  let moved = state;
  const source = fixture.createSource();
  try {
    for await (const message of source.read(request)) {
      if (message.type === 'stream-failed') throw message.error;
      if (message.type === 'records') rows.push(...message.rows);
      if (message.type !== 'checkpoint') continue;
      const { entries } = message.checkpoint;
      deepStrictEqual(JSON.parse(JSON.stringify(entries)), entries, `${stream}: a position does not survive as JSON`);
      ok(
        entries.every((entry) => entry.stream === stream),
        `${stream}: a slice moves the position of another stream`,
      );
      moved = newestEntries([...moved, ...entries]);
      points.push({ rows: rows.length, state: moved });
    }
  } finally {
    await source[Symbol.asyncDispose]();
  }
  return { rows, points };
}

/** Of each key the row that was read last. */
function lastOf(rows: readonly Row[], primaryKey: readonly string[]): readonly string[] {
  const last = new Map(rows.map((row) => [textOf([row], primaryKey)[0], row]));
  return textOf([...last.values()]);
}
