import type { StreamMemory } from '@etl/core';
import { expect, test } from 'vitest';
import { ReportJournal } from '../src/report-journal.ts';

function memory(): StreamMemory {
  const held = new Map<string, Awaited<ReturnType<StreamMemory['get']>>>();
  return {
    get: (key) => Promise.resolve(held.get(key)),
    set: (key, value) => Promise.resolve(void held.set(key, value)),
  };
}

const HOUR_MS = 3_600_000;
const report = (until: string) => ({ level: 'ad', time_range: JSON.stringify({ since: '2026-03-01', until }) });

/** Submits a report at one time, and gives back the id that a run at another time takes up. */
async function takenUp(until: string, submitted: string, restored: string, asked = report(until)) {
  let now = Date.parse(submitted);
  const clock = { now: () => now, after: () => () => undefined };
  const shared = memory();
  await new ReportJournal(shared, '1', clock).add(report(until), '62');
  now = Date.parse(restored);
  const journal = new ReportJournal(shared, '1', clock);
  await journal.restore(6 * HOUR_MS, 'America/Los_Angeles');
  return journal.find(asked)?.id;
}

test('takes up a report with the same parameters, and no other', async () => {
  const [submitted, restored] = ['2026-03-10T12:00:00Z', '2026-03-10T13:00:00Z'];
  expect(await takenUp('2026-03-08', submitted, restored)).toBe('62');
  expect(await takenUp('2026-03-08', submitted, restored, report('2026-03-07'))).toBeUndefined();
  const asked = { ...report('2026-03-08'), fields: 'spend' };
  expect(await takenUp('2026-03-08', submitted, restored, asked)).toBeUndefined();
});

test('takes up none that is too old', async () => {
  expect(await takenUp('2026-03-08', '2026-03-10T12:00:00Z', '2026-03-10T18:00:01Z')).toBeUndefined();
});

test('takes up a report of a day that goes on, but not once that day is over for the account', async () => {
  // Midnight in Los Angeles is 07:00 UTC.
  expect(await takenUp('2026-03-10', '2026-03-11T05:00:00Z', '2026-03-11T06:59:00Z')).toBe('62');
  expect(await takenUp('2026-03-10', '2026-03-11T05:00:00Z', '2026-03-11T07:01:00Z')).toBeUndefined();
  expect(await takenUp('2026-03-09', '2026-03-11T05:00:00Z', '2026-03-11T07:01:00Z')).toBe('62');
});

const NOW = '2026-03-10T12:00:00Z';
const MAX_AGE_MS = 6 * HOUR_MS;

/** A journal with a clock that can be set. */
function journals(shared = memory()) {
  let now = Date.parse(NOW);
  const clock = { now: () => now, after: () => () => undefined };
  return {
    shared,
    advance: (ms: number) => void (now += ms),
    open: async (account = '1', timeZone = 'UTC') => {
      const journal = new ReportJournal(shared, account, clock);
      await journal.restore(MAX_AGE_MS, timeZone);
      return journal;
    },
  };
}

test('a report is noted as soon as it is submitted, before anything else happens', async () => {
  const { open } = journals();
  const journal = await open();
  await journal.add(report('2026-03-08'), '62');
  // Killed here: nothing else was said to it.
  expect((await open()).find(report('2026-03-08'))).toMatchObject({ id: '62', at: Date.parse(NOW) });
});

test('accounts have journals of their own', async () => {
  const { open } = journals();
  await (await open('1')).add(report('2026-03-08'), '62');
  await (await open('2')).add(report('2026-03-08'), '63');
  expect((await open('1')).find(report('2026-03-08'))?.id).toBe('62');
  expect((await open('2')).find(report('2026-03-08'))?.id).toBe('63');
  expect((await open('3')).find(report('2026-03-08'))).toBeUndefined();
});

test('what was read is forgotten, what another window asked for is not', async () => {
  const { open } = journals();
  const first = await open();
  await first.add(report('2026-03-07'), '62');
  const second = await open();
  await second.add(report('2026-03-08'), '63');
  await second.forgetOwn();
  const third = await open();
  expect(third.find(report('2026-03-07'))?.id).toBe('62');
  expect(third.find(report('2026-03-08'))).toBeUndefined();
});

test('a report of an earlier run that is used now is forgotten with the others, once it was read', async () => {
  const { open } = journals();
  await (await open()).add(report('2026-03-08'), '62');
  const next = await open();
  expect(next.find(report('2026-03-08'))?.id).toBe('62');
  await next.forgetOwn();
  expect((await open()).find(report('2026-03-08'))).toBeUndefined();
});

test('a report that is of no use is dropped at once, and a new one takes its place', async () => {
  const { open } = journals();
  const journal = await open();
  await journal.add(report('2026-03-08'), '62');
  await journal.drop(report('2026-03-08'));
  expect((await open()).find(report('2026-03-08'))).toBeUndefined();
  await journal.add(report('2026-03-08'), '63');
  expect((await open()).find(report('2026-03-08'))?.id).toBe('63');
});

test('dropping what is not there, and forgetting nothing, does no harm', async () => {
  const { open } = journals();
  const journal = await open();
  await journal.drop(report('2026-03-08'));
  await journal.forgetOwn();
  expect((await open()).find(report('2026-03-08'))).toBeUndefined();
});

test('reports that are too old leave the journal with the next that is noted', async () => {
  const { open, advance, shared } = journals();
  await (await open()).add(report('2026-03-07'), '62');
  advance(MAX_AGE_MS + 1);
  const journal = await open();
  await journal.add(report('2026-03-08'), '63');
  const held = (await shared.get('reports/1')) as Record<string, { id: string }>;
  expect(Object.values(held).map(({ id }) => id)).toEqual(['63']);
});

test.each([
  [-1, true],
  [0, true],
  [1, false],
])('%i ms beyond the age that is allowed: taken up %s', async (more, isTakenUp) => {
  const { open, advance } = journals();
  await (await open()).add(report('2026-03-08'), '62');
  advance(MAX_AGE_MS + more);
  expect((await open()).find(report('2026-03-08')) !== undefined).toBe(isTakenUp);
});

test.each<[string, unknown]>([
  ['text', 'reports'],
  ['a number', 7],
  ['a list', [{ id: '62' }]],
  ['null', null],
  ['entries without a day', { x: { id: '62', at: 1 } }],
  ['entries without a time', { x: { id: '62', until: '2026-03-08' } }],
  ['ids that are numbers', { x: { id: 62, at: 1, until: '2026-03-08' } }],
])('a journal that holds %s is an empty one', async (_what, stored) => {
  const shared = memory();
  await shared.set('reports/1', stored as never);
  const { open } = journals(shared);
  const journal = await open();
  expect(journal.find(report('2026-03-08'))).toBeUndefined();
  await journal.add(report('2026-03-08'), '63');
  expect((await open()).find(report('2026-03-08'))?.id).toBe('63');
});

test('without memory a reading has its own reports, and leaves none', async () => {
  const clock = { now: () => Date.parse(NOW), after: () => () => undefined };
  const journal = new ReportJournal(undefined, '1', clock);
  await journal.restore(MAX_AGE_MS, 'UTC');
  await journal.add(report('2026-03-08'), '62');
  expect(journal.find(report('2026-03-08'))?.id).toBe('62');
  await journal.forgetOwn();
  expect(journal.find(report('2026-03-08'))).toBeUndefined();
});

test.each([
  // When it is submitted, when it is looked for, and whether the day went on meanwhile.
  ['Pacific/Auckland', '2026-03-10', '2026-03-10T10:00:00Z', '2026-03-10T10:59:59Z', true],
  ['Pacific/Auckland', '2026-03-10', '2026-03-10T10:00:00Z', '2026-03-10T11:00:00Z', false],
  ['America/Los_Angeles', '2026-03-08', '2026-03-09T05:00:00Z', '2026-03-09T06:59:59Z', true],
  ['America/Los_Angeles', '2026-03-08', '2026-03-09T05:00:00Z', '2026-03-09T07:00:00Z', false],
  ['Asia/Kathmandu', '2026-03-10', '2026-03-10T18:00:00Z', '2026-03-10T18:15:00Z', false],
  ['Asia/Kathmandu', '2026-03-09', '2026-03-10T18:00:00Z', '2026-03-10T18:15:00Z', true],
])('in %s, a report up to %s of %s is of use at %s: %s', async (timeZone, until, submitted, restored, isOfUse) => {
  let now = Date.parse(submitted);
  const clock = { now: () => now, after: () => () => undefined };
  const shared = memory();
  await new ReportJournal(shared, '1', clock).add(report(until), '62');
  now = Date.parse(restored);
  const journal = new ReportJournal(shared, '1', clock);
  await journal.restore(MAX_AGE_MS, timeZone);
  expect(journal.find(report(until)) !== undefined).toBe(isOfUse);
});
