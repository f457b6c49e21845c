import { type DayRange, type Source } from '@etl/core';
import { describe, expect, it } from 'vitest';
import { error, world } from './daily-reports.ts';

describe('a pause between accounts', () => {
  const paused = (waits: number[]) => ({
    accountDelayMs: 600_000,
    pause: async (durationMs: number) => void waits.push(durationMs),
  });

  it('lets one account end before the next begins, in the backfill too', async () => {
    const { calls, run, most, events } = world({ accounts: ['1', '2', '3'], windowDays: 4 });
    const waits: number[] = [];
    const days = { start: '2026-10-01', end: '2026-10-03' };
    const report = await run('2026-11-10', { ...paused(waits), days });
    expect(report.status).toBe('ok');
    expect(most.reading).toBe(1);
    const accounts = calls.map((call) => call.split(' ')[0]);
    expect(accounts).toEqual(['1', '1', '2', '2', '3', '3', '1', '2', '3']);
    // The last account of what is due is not the first of the backfill.
    expect(waits).toEqual([600_000, 600_000, 600_000, 600_000, 600_000]);
    expect(events.filter(({ type }) => type === 'call-waiting')).toHaveLength(5);
    expect(report.calls.reduce((sum, { waitMs }) => sum + waitMs, 0)).toBe(3_000_000);
  });

  it('is not waited for when the deadline would come first', async () => {
    const { calls, run } = world({ accounts: ['1', '2'] });
    const waits: number[] = [];
    const deadline = new Date('2026-11-10T12:05:00Z');
    const report = await run('2026-11-10', { ...paused(waits), deadline });
    expect(waits).toEqual([]);
    expect(calls.every((call) => call.startsWith('1 '))).toBe(true);
    expect(report).toMatchObject({ status: 'partial', isUnfinished: true, streams: [{ slicesLeft: 6 }] });
  });

  it('ends with the run', async () => {
    const { run } = world({ accounts: ['1', '2'] });
    const stop = new AbortController();
    const reason = new Error('stopped');
    const running = run('2026-11-10', {
      accountDelayMs: 3_600_000,
      signal: stop.signal,
      onEvent: ({ type }) => type === 'call-waiting' && setImmediate(() => stop.abort(reason)),
    });
    await expect(running).rejects.toBe(reason);
  });
});

describe('a backfill', () => {
  const october: DayRange = { start: '2026-10-01', end: '2026-10-05' };

  it('comes after what is due, and reads its days again', async () => {
    const { calls, run } = world();
    await run('2026-11-10', { days: october });
    expect(calls).toEqual(['1 2026-11-06…2026-11-09', '1 2026-11-04…2026-11-05', '1 2026-10-01…2026-10-04']);
    await run('2026-11-10', { days: october });
    expect(calls.at(-1)).toBe('1 2026-10-01…2026-10-04');
  });

  it('goes on where a failed one ended', async () => {
    const { calls, failing, run } = world({ windowDays: 1 });
    failing.set('1 2026-10-02', error('data'));
    await run('2026-11-10', { days: october });
    failing.clear();
    await run('2026-11-10', { days: october });
    expect(calls.filter((call) => call.includes('2026-10'))).toEqual(['1 2026-10-02…2026-10-02']);
    await run('2026-11-10', { days: october });
    expect(calls.filter((call) => call.includes('2026-10'))).toHaveLength(4);
  });

  it('reads what a run whose clock was ahead has read, and once only', async () => {
    const { calls, failing, run } = world({ windowDays: 1 });
    await run('2027-11-10', { days: october });
    failing.set('1 2026-10-02', error('data'));
    await run('2026-11-10', { days: october });
    expect(calls.filter((call) => call.includes('2026-10'))).toHaveLength(4);
    failing.clear();
    await run('2026-11-10', { days: october });
    expect(calls.filter((call) => call.includes('2026-10'))).toEqual(['1 2026-10-02…2026-10-02']);
  });

  it('reads only what is missing when asked', async () => {
    const { calls, failing, run } = world({ windowDays: 1 });
    failing.set('1 2026-10-03', error('data'));
    await run('2026-11-10', { days: october, onlyMissing: true });
    failing.clear();
    await run('2026-11-12', { days: october, onlyMissing: true });
    expect(calls.filter((call) => call.includes('2026-10'))).toEqual(['1 2026-10-03…2026-10-03']);
  });

  it('is over when its days are good, whatever else of the stream failed', async () => {
    const { calls, failing, run } = world({ windowDays: 1 });
    failing.set('1 2026-11-05', error('data'));
    await run('2026-11-10', { days: october });
    await run('2026-11-10', { days: october });
    expect(calls.filter((call) => call.includes('2026-10'))).toHaveLength(4);
  });

  it('does not ask an account again that the same run had to leave', async () => {
    const { calls, failing, run } = world({ windowDays: 1 });
    failing.set('1', error('rate-limit'));
    await run('2026-11-10', { days: october });
    expect(calls).toHaveLength(1);
  });

  it('moves no position, whatever the stream says of it', async () => {
    const { run, source, destination } = world();
    const moving: Source = {
      ...source,
      async *read(request) {
        yield* source.read(request);
        const at = Object.values(request?.slices ?? {})[0]?.[0]?.scope?.days?.start ?? '';
        yield { type: 'checkpoint', checkpoint: { entries: [{ stream: 'report', partition: '', value: at }] } };
      },
    };
    await run('2026-11-10', { source: moving, days: october });
    // The two days that the platform may still restate were due and moved it; October did not.
    expect(destination.store.state.get('p')).toMatchObject([{ value: '2026-11-04' }]);
    expect(destination.store.rows('report')).toHaveLength(10);
  });

  it('does not read a day twice that was due anyway', async () => {
    const { calls, run } = world({ windowDays: 1 });
    await run('2026-11-10', { days: { start: '2026-11-08', end: '2026-11-10' } });
    expect(calls).toHaveLength(6);
  });
});
