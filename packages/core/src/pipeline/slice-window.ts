import type { Scope, Slice } from '../slice.ts';
import type { DueSlice } from './due-slices.ts';

/** Slices that are read together: one slice, or consecutive days of one scope. */
export interface SliceWindow {
  /** What the source is asked for: the slice itself, or one that covers all days of the window. */
  readonly slice: Slice;
  readonly members: readonly DueSlice[];
}

/**
 * Joins slices of consecutive days of one scope to windows of at most `windowDays` days. Where the
 * slices come newest first, so do the windows.
 */
export function windowsOf(due: readonly DueSlice[], windowDays = 1): readonly SliceWindow[] {
  if (windowDays <= 1) return due.map((member) => ({ slice: member.slice, members: [member] }));
  const byPlace = new Map<string, DueSlice[]>();
  for (const member of due) {
    const place = placeOf(member.slice);
    byPlace.set(place, [...(byPlace.get(place) ?? []), member]);
  }
  return [...byPlace.values()].flatMap((members) => runsOf(members, windowDays).map(windowOf));
}

/** The window's members, each as a window of its own. */
export function apart({ members }: SliceWindow): readonly SliceWindow[] {
  return members.map((member) => ({ slice: member.slice, members: [member] }));
}

function runsOf(members: readonly DueSlice[], windowDays: number): readonly (readonly DueSlice[])[] {
  const isNewestFirst = members.length > 1 && dayOf(members[0]) > dayOf(members.at(-1));
  const inOrder = members.toSorted((a, b) => (dayOf(a) < dayOf(b) === isNewestFirst ? 1 : -1));
  const runs: DueSlice[][] = [];
  for (const member of inOrder) {
    const run = runs.at(-1);
    if (run !== undefined && isConsecutive([...run, member], windowDays)) run.push(member);
    else runs.push([member]);
  }
  return runs.map((run) => (isNewestFirst ? run.toReversed() : run));
}

/** Whether days follow each other, in one direction or the other, and are few enough for one window. */
function isConsecutive(members: readonly DueSlice[], windowDays: number): boolean {
  const ranges = members
    .flatMap(({ slice }) => slice.scope?.days ?? [])
    .toSorted((a, b) => (a.start < b.start ? -1 : 1));
  const [first] = ranges;
  const last = ranges.at(-1);
  if (first === undefined || last === undefined || daysBetween(first.start, last.end) > windowDays) return false;
  return ranges.every(({ start }, index) => index === 0 || ranges[index - 1]?.end === start);
}

function windowOf(members: readonly DueSlice[]): SliceWindow {
  const first = members[0];
  const last = members.at(-1);
  if (first === undefined || last === undefined) throw new Error('a window without slices');
  const start = first.slice.scope?.days?.start;
  const end = last.slice.scope?.days?.end;
  if (members.length === 1 || start === undefined || end === undefined) return { slice: first.slice, members };
  const scope: Scope = { equals: first.slice.scope?.equals ?? {}, days: { start, end } };
  return { slice: { ...first.slice, key: `${first.slice.key}…${last.slice.key}`, scope }, members };
}

function dayOf(member: DueSlice | undefined): string {
  return member?.slice.scope?.days?.start ?? '';
}

function daysBetween(start: string, end: string): number {
  return (Date.parse(end) - Date.parse(start)) / 86_400_000;
}

/** Days can only be joined within one scope and one lane; a slice without days is never joined. */
function placeOf(slice: Slice): string {
  if (slice.scope?.days === undefined) return `slice ${slice.key}`;
  const equals = Object.entries(slice.scope.equals).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([slice.lane ?? null, equals]);
}
