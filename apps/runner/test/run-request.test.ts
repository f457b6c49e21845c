import { expect, test } from 'vitest';
import { runRequest, type RunRequestOptions } from '../src/run-request.ts';

const NOW = new Date('2026-11-29T12:00:00Z');

function requested(options: RunRequestOptions, env: Readonly<Record<string, string>> = {}): unknown {
  return runRequest('facebook', options, { env, now: NOW }).options;
}

function refused(options: RunRequestOptions, env: Readonly<Record<string, string>> = {}): unknown {
  try {
    requested(options, env);
  } catch (error) {
    return error;
  }
  throw new Error('it was taken');
}

test('what is only missing is asked of days, and not of a full refresh', () => {
  expect(refused({ onlyMissing: true })).toMatchObject({ code: 'DAYS_MISSING' });
  const days = { from: '2026-11-01', to: '2026-11-03' };
  expect(refused({ onlyMissing: true, fullRefresh: true }, { FB_BACKFILL_DAYS: '3' })).toMatchObject({
    code: 'OPTIONS_CONTRADICT',
    message: expect.stringContaining('--only-missing') as string,
  });
  expect(requested({ ...days, onlyMissing: true })).toMatchObject({
    onlyMissing: true,
    days: { start: '2026-11-01', end: '2026-11-04' },
  });
});

test('some days and a full refresh are not asked for at once; a variable that is always set is no such wish', () => {
  for (const days of [{ from: '2026-11-01', to: '2026-11-03' }, { from: '2026-11-01' }, { backfillDays: '3' }])
    expect(refused({ ...days, fullRefresh: true })).toMatchObject({ code: 'OPTIONS_CONTRADICT' });
  expect(requested({ fullRefresh: true }, { FB_BACKFILL_DAYS: '3' })).toMatchObject({ fullRefresh: true });
});

test('days that a variable asks for can be only those that are missing', () => {
  expect(requested({ onlyMissing: true }, { FB_BACKFILL_DAYS: '3' })).toMatchObject({ onlyMissing: true });
});

test('a deadline is a moment', () => {
  expect(requested({ deadline: '45m' })).toMatchObject({ deadline: new Date('2026-11-29T12:45:00Z') });
  expect(refused({ deadline: 'soon' })).toMatchObject({ code: 'DURATION_INVALID' });
});
