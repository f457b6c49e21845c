import { expect, it } from 'vitest';
import { ApiCallTally } from '../src/pipeline/api-call-tally.ts';

it('adds up what it can count whatever clocks and platforms say', () => {
  const tally = new ApiCallTally(() => new Date('2026-11-01T00:00:00Z'));
  // A clock was set back while the platform answered.
  tally.add('insights', '42', { type: 'call-ended', status: 200, attempt: 1, durationMs: -1500 });
  tally.add('insights', '42', { type: 'call-waiting', reason: 'quota', waitMs: Number.NaN });
  const ended = { type: 'call-ended', status: 200, attempt: 1, durationMs: 10 } as const;
  tally.add('insights', '42', { ...ended, quotaUsed: 1, quotaRegainMs: Infinity });
  expect(tally.totals).toMatchObject([{ calls: 2, callMs: 10, waits: 1, waitMs: 0, quotaUsed: 1 }]);
  expect(tally.totals[0]).not.toHaveProperty('quotaFreeAt');
});
