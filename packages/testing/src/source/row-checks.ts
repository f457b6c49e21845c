import { deepStrictEqual, equal, ok, strictEqual } from 'node:assert/strict';
import { addDays, type Row } from '@etl/core';
import { plannedSlices, readSlice, textOf, type PlannedSlice } from './read-slice.ts';
import { requireTruth } from './require-truth.ts';
import { check, each } from './source-check.ts';
import { valueProblem } from './value-problem.ts';

/** Which rows a source gives, and what they are. */
export const rowChecks = [
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
  each('gives rows that have nothing but their columns', ({ plan, slice }, rows) => {
    const { name, columns, versionColumn, deletedColumn } = plan.stream;
    const known = new Set([...columns.map((column) => column.name), versionColumn, deletedColumn]);
    const unknown = rows.flatMap((row) => Object.keys(row)).find((key) => !known.has(key));
    strictEqual(unknown, undefined, `${name} ${slice.key}: ${unknown} is no column`);
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
  check('reads nothing, and says so, where nothing happened', async (source, request, fixture) => {
    if (fixture.empty === undefined) return;
    fixture.empty();
    for (const planned of await plannedSlices(source, request)) {
      const { plan, slice } = planned;
      const rows = await readSlice(source, planned, request);
      equal(rows.length, 0, `${plan.stream.name} ${slice.key}: rows came from an empty account`);
    }
  }),
  check('does not mind fields that it does not know', async (source, request, fixture) => {
    if (fixture.addUnknownFields === undefined) return;
    fixture.addUnknownFields();
    for (const planned of await plannedSlices(source, request)) {
      const { plan, slice } = planned;
      const rows = await readSlice(source, planned, request);
      requireTruth(fixture, plan.stream.name, slice, rows);
    }
  }),
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
