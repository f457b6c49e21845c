import { deepStrictEqual, equal, fail, ok, strictEqual } from 'node:assert/strict';
import { addDays, type Row, type Source, type SourceReadRequest } from '@etl/core';
import { checkAbort, drain } from './abort-check.ts';
import { checkFaults } from './fault-check.ts';
import { checkRestatement } from './restate-check.ts';
import { plannedSlices, readSlice, readSliceAndSchema, textOf, type PlannedSlice } from './read-slice.ts';
import { requireTruth } from './require-truth.ts';
import { checkSecrets } from './secret-check.ts';
import { checkMemory } from './memory-check.ts';
import type { SourceFixture } from './source-fixture.ts';
import { valueProblem } from './value-problem.ts';

/** One promise of a sliced source; `run` rejects when the source of the fixture breaks it. */
export interface SourceCheck {
  readonly name: string;
  run(fixture: SourceFixture): Promise<void>;
}

const DAY_MS = 86_400_000;
/** No time zone is further ahead of UTC. */
const FURTHEST_AHEAD_MS = 14 * 3_600_000;

type Work = (source: Source, request: SourceReadRequest, fixture: SourceFixture) => Promise<void>;

function check(name: string, work: Work): SourceCheck {
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

const each = (name: string, look: (planned: PlannedSlice, rows: readonly Row[]) => void): SourceCheck =>
  check(name, async (source, request) => {
    for (const planned of await plannedSlices(source, request)) {
      const { rows, stream } = await readSliceAndSchema(source, planned, request);
      look({ ...planned, plan: { ...planned.plan, stream } }, rows);
    }
  });

/** The promises of a sliced source, each by itself: for `describeSource`, and for programs that look whether a bug is seen. */
export const sourceChecks: readonly SourceCheck[] = [
  check('proves access', async (source, request) => {
    await source.check(request);
  }),
  check('discovers the same plain data twice', async (source) => {
    const first = await source.discover();
    ok(first.length > 0, 'there is no stream');
    deepStrictEqual(JSON.parse(JSON.stringify(first)), first, 'a stream is no plain data');
    deepStrictEqual(await source.discover(), first);
    equal(new Set(first.map(({ name }) => name)).size, first.length, 'two streams have one name');
  }),
  check('plans the same plain data twice', async (source, request, fixture) => {
    const first = (await source.plan?.(request)) ?? fail('the source has no plan');
    ok(
      first.some(({ slices }) => slices.length > 0),
      'no slice is planned: the world of the fixture is empty',
    );
    deepStrictEqual(JSON.parse(JSON.stringify(first)), first, 'a plan is no plain data');
    deepStrictEqual(await source.plan?.(request), first);
    const other = fixture.createSource();
    try {
      deepStrictEqual(await other.plan?.(request), first, 'a new source plans something else');
    } finally {
      await other[Symbol.asyncDispose]();
    }
  }),
  check('plans slices that own rows of their own', async (source, request) => {
    for (const { stream, slices } of (await source.plan?.(request)) ?? []) {
      const owned = new Set<string>();
      for (const { key, scope } of slices) {
        for (const part of [key, ...(scope === undefined ? [] : [JSON.stringify(scope)])]) {
          ok(!owned.has(part), `${stream.name}: two slices are or own ${part}`);
          owned.add(part);
        }
        for (const name of Object.keys(scope?.equals ?? {}))
          ok(stream.scope?.keys.includes(name), `${stream.name} ${key}: ${name} is no scope column`);
      }
    }
  }),
  check('plans by the clock of the request', async (source, request, { now }) => {
    const newest = async (at: Date): Promise<string> => {
      const planned = await plannedSlices(source, { ...request, now: at });
      return (
        planned
          .map(({ slice }) => slice.scope?.days?.start ?? '')
          .toSorted()
          .at(-1) ?? ''
      );
    };
    const today = await newest(now);
    if (today === '') return;
    ok(Date.parse(today) <= now.getTime() + FURTHEST_AHEAD_MS, 'a day is planned that has begun nowhere');
    equal(
      await newest(new Date(now.getTime() + 40 * DAY_MS)),
      addDays(today, 40),
      'the plan does not move with the clock',
    );
  }),
  each('reads every planned slice alone and to its end', () => undefined),
  check('reads what the platform holds', async (source, request, fixture) => {
    for (const planned of await plannedSlices(source, request)) {
      const { plan, slice } = planned;
      requireTruth(fixture, plan.stream.name, slice, await readSlice(source, planned, request));
    }
  }),
  check('reads the same rows twice', async (source, request) => {
    for (const planned of await plannedSlices(source, request)) {
      const first = await readSlice(source, planned, request);
      deepStrictEqual(textOf(await readSlice(source, planned, request)), textOf(first), planned.slice.key);
    }
  }),
  each('gives rows that fit their columns', ({ plan, slice }, rows) => {
    const { name, columns } = plan.stream;
    for (const row of rows) {
      for (const column of columns) {
        const problem = valueProblem(column, row[column.name]);
        strictEqual(problem, undefined, `${name} ${slice.key}: ${column.name} ${problem}`);
      }
    }
  }),
  each('gives rows that lie in their slice', ({ plan, slice }, rows) => {
    const { days, equals = {} } = slice.scope ?? {};
    const day = plan.stream.scope?.day;
    for (const row of rows) {
      for (const [name, value] of Object.entries(equals)) equal(row[name], value, `${slice.key}: ${name}`);
      if (days === undefined || day === undefined) continue;
      const at = String(row[day]);
      ok(at >= days.start && at < days.end, `${plan.stream.name} ${slice.key}: a row of another day`);
    }
  }),
  each('gives every key of a slice once', ({ plan, slice }, rows) => {
    const { name, primaryKey } = plan.stream;
    if (primaryKey.length === 0) return;
    const keys = textOf(rows, primaryKey);
    equal(new Set(keys).size, keys.length, `${name} ${slice.key}: a key came twice`);
  }),
  check('reads a window as the union of its days', async (source, request) => {
    for (const window of windowsIn(await plannedSlices(source, request))) {
      const apart: Row[] = [];
      for (const planned of window.members) apart.push(...(await readSlice(source, planned, request)));
      const whole = await readSlice(source, window.whole, request);
      deepStrictEqual(textOf(whole), textOf(apart), window.whole.slice.key);
    }
  }),
  check('does not read on while nobody pulls', async (source, request, fixture) => {
    const before = fixture.requests();
    await drain(source, request);
    const all = fixture.requests() - before;
    // With fewer requests, reading one ahead is reading to the end.
    if (all < 8) return;
    const other = fixture.createSource();
    try {
      const start = fixture.requests();
      for await (const message of other.read(request)) {
        if (message.type !== 'records') continue;
        await new Promise((resolve) => {
          setTimeout(resolve, 30);
        });
        ok(
          fixture.requests() - start < all / 2 + 1,
          `${fixture.requests() - start} of ${all} requests came before the second pull`,
        );
        break;
      }
    } finally {
      await other[Symbol.asyncDispose]();
    }
  }),
  { name: 'stops with the reason of the signal, and leaves nothing open', run: checkAbort },
  { name: 'reads again what the platform restated, and nothing that is settled', run: checkRestatement },
  { name: 'ends right or loud whatever meets any request', run: (fixture) => checkFaults(fixture) },
  { name: 'keeps secrets out of errors, logs, events and records', run: checkSecrets },
  { name: 'gives the same rows with a memory as without', run: checkMemory },
];

function windowsIn(
  planned: readonly PlannedSlice[],
): readonly { whole: PlannedSlice; members: readonly PlannedSlice[] }[] {
  const byPlace = new Map<string, PlannedSlice[]>();
  for (const one of planned) {
    const { scope } = one.slice;
    if ((one.plan.windowDays ?? 1) < 2 || scope?.days === undefined) continue;
    const place = JSON.stringify([one.plan.stream.name, scope.equals]);
    byPlace.set(place, [...(byPlace.get(place) ?? []), one]);
  }
  return [...byPlace.values()].flatMap((place) => {
    const inOrder = place.toSorted((a, b) => (startOf(a) < startOf(b) ? -1 : 1));
    const most = inOrder[0]?.plan.windowDays ?? 1;
    const members = inOrder
      .slice(0, most)
      .filter((one, index, all) => startOf(one) === addDays(startOf(all[0]), index));
    const [first] = members;
    if (first === undefined || members.length < 2) return [];
    const days = { start: startOf(first), end: addDays(startOf(first), members.length) };
    const scope = { equals: first.slice.scope?.equals ?? {}, days };
    return [{ members, whole: { ...first, slice: { ...first.slice, key: `${first.slice.key}…`, scope } } }];
  });
}

function startOf(planned: PlannedSlice | undefined): string {
  return planned?.slice.scope?.days?.start ?? '';
}
