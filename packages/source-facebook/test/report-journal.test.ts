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
