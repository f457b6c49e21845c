import { expect, it } from 'vitest';
import { retryAfterMs } from '../../src/http/retry-after.ts';
import { RetryBudget } from '../../src/http/index.ts';

const now = Date.UTC(2026, 10, 24, 12, 0, 0);

it.each([
  ['120', 120_000],
  [' 0 ', 0],
  ['1.5', 1500],
  ['Tue, 24 Nov 2026 12:00:30 GMT', 30_000],
  ['Tuesday, 24-Nov-26 12:00:30 GMT', 30_000],
  ['Tue Nov 24 12:00:30 2026', 30_000],
  ['Tue, 24 Nov 2026 11:00:00 GMT', 0],
  ['-1', undefined],
  ['soon', undefined],
  ['2026', 2_026_000],
  ['', undefined],
  [null, undefined],
])('reads Retry-After %j as %j ms', (header, expected) => {
  expect(retryAfterMs(header, now)).toBe(expected);
});

it('stops retries when too many fail, and allows them again after successes', () => {
  const budget = new RetryBudget(2, 0.5);
  expect([budget.take(), budget.take(), budget.take()]).toEqual([true, true, false]);
  budget.recordSuccess();
  expect(budget.take()).toBe(false);
  budget.recordSuccess();
  expect([budget.left, budget.take()]).toEqual([1, true]);
});
