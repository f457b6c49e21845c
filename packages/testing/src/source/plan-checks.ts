import { deepStrictEqual, equal, fail, ok } from 'node:assert/strict';
import { addDays, daysOf, type Slice, type StreamSpec } from '@etl/core';
import { check } from './source-check.ts';
import { plannedSlices } from './read-slice.ts';
import { streamProblem } from './stream-problem.ts';

const DAY_MS = 86_400_000;
/** No time zone is further ahead of UTC. */
const FURTHEST_AHEAD_MS = 14 * 3_600_000;

/** What a source says that there is. */
export const planChecks = [
  check('discovers the same plain data twice', async (source) => {
    const first = await source.discover();
    ok(first.length > 0, 'there is no stream');
    deepStrictEqual(JSON.parse(JSON.stringify(first)), first, 'a stream is no plain data');
    deepStrictEqual(await source.discover(), first);
    equal(new Set(first.map(({ name }) => name)).size, first.length, 'two streams have one name');
  }),
  check('describes streams that a destination can load', async (source, request) => {
    const discovered = await source.discover();
    const planned = ((await source.plan?.(request)) ?? []).map(({ stream }) => stream);
    for (const stream of [...discovered, ...planned]) {
      const problem = streamProblem(stream);
      ok(problem === undefined, `${stream.name}: ${problem}`);
    }
    for (const stream of planned) {
      const known = discovered.find(({ name }) => name === stream.name);
      ok(known !== undefined, `${stream.name} is planned, but not discovered`);
      deepStrictEqual(keysOf(stream), keysOf(known), `${stream.name} is planned with other keys than discovered`);
    }
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
  check('plans exactly the days of a backfill, the last one left out', async (source, request) => {
    const usual = daysByPlace(await plannedSlices(source, request));
    for (const days of usual.values()) {
      const [start] = [...days].toSorted();
      const middle = [...days].toSorted().at(-1);
      if (start === undefined || middle === undefined || start === middle) continue;
      // The first day of the range is older than what the source plans by itself.
      const range = { start: addDays(start, -2), end: middle };
      const asked = await plannedSlices(source, { ...request, days: range });
      for (const [place, got] of daysByPlace(asked)) {
        const wanted = usual.get(place);
        if (wanted === undefined) continue;
        for (const day of got)
          ok(day >= range.start && day < range.end, `${place}: ${day} is not in ${range.start} … ${range.end}`);
        for (const day of daysOf(range))
          ok(!wanted.has(day) || got.has(day), `${place}: ${day} was asked for and is not planned`);
      }
      ok(daysByPlace(asked).size > 0, 'a backfill plans nothing');
      return;
    }
  }),
];

/** Days of slices of one day, by what else they are of. */
function daysByPlace(
  planned: readonly { readonly plan: { readonly stream: StreamSpec }; readonly slice: Slice }[],
): ReadonlyMap<string, Set<string>> {
  const places = new Map<string, Set<string>>();
  for (const { plan, slice } of planned) {
    const { days, equals } = slice.scope ?? {};
    if (days === undefined || addDays(days.start, 1) !== days.end) continue;
    const place = `${plan.stream.name} ${JSON.stringify(equals)}`;
    places.set(place, (places.get(place) ?? new Set<string>()).add(days.start));
  }
  return places;
}

function keysOf({ name, primaryKey, writeDisposition, scope }: StreamSpec): object {
  return { name, primaryKey, writeDisposition, scope };
}
