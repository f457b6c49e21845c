import { describe, expect, it } from 'vitest';
import { addDays, type LedgerEntry, type Slice } from '../src/index.ts';
import { dueSlices } from '../src/pipeline/due-slices.ts';
import { planProblem } from '../src/pipeline/plan-problem.ts';
import { windowsOf } from '../src/pipeline/slice-window.ts';

function slice(account: string, day: string): Slice {
  return {
    key: `${account}/${day}`,
    lane: account,
    scope: { equals: { account }, days: { start: day, end: addDays(day, 1) } },
    settledAt: `${addDays(day, 8)}T00:00:00Z`,
  };
}

const slices = (account: string, ...days: readonly number[]): readonly Slice[] =>
  days.map((day) => slice(account, `2026-11-${String(day).padStart(2, '0')}`));

function good(key: string, readAt: string): LedgerEntry {
  return { stream: 's', slice: key, status: 'good', rows: 1, readAt, loadedAt: readAt, attempts: 1 };
}

const NOW = new Date('2026-12-22T00:00:00Z');

describe('due slices', () => {
  it('say why they are due', () => {
    const expected = slices('a', 1, 2, 3, 4, 20, 21);
    const ledger: readonly LedgerEntry[] = [
      good('a/2026-11-01', '2026-11-09T00:00:00Z'),
      good('a/2026-11-02', '2026-11-09T00:00:00Z'),
      { ...good('a/2026-11-04', '2026-11-05T00:00:00Z'), status: 'failed', reason: 'X: y' },
      good('a/2026-11-20', '2026-11-21T00:00:00Z'),
    ];
    expect(dueSlices(expected, ledger, NOW).map(({ slice: { key }, reason }) => `${key} ${reason}`)).toEqual([
      'a/2026-11-02 unsettled',
      'a/2026-11-03 gap',
      'a/2026-11-04 failed',
      'a/2026-11-20 unsettled',
      'a/2026-11-21 new',
    ]);
  });

  it('are those that a clock which was ahead has called settled', () => {
    const ledger = [good('a/2026-11-01', '2027-01-01T00:00:00Z'), good('a/2026-11-02', '2026-12-22T00:00:00Z')];
    const due = dueSlices(slices('a', 1, 2), ledger, NOW);
    expect(due.map(({ slice: { key }, reason }) => `${key} ${reason}`)).toEqual(['a/2026-11-01 unsettled']);
  });

  it('of a new account are new, whatever other accounts have', () => {
    const ledger = [good('a/2026-11-20', '2026-12-21T00:00:00Z')];
    const due = dueSlices([...slices('a', 20), ...slices('b', 19)], ledger, NOW);
    expect(due.map(({ slice: { key }, reason }) => `${key} ${reason}`)).toEqual(['b/2026-11-19 new']);
  });
});

describe('windows', () => {
  const windows = (given: readonly Slice[], days: number): readonly string[] =>
    windowsOf(dueSlices(given, [], NOW), days).map(
      ({ slice: { scope }, members }) => `${scope?.days?.start}…${scope?.days?.end} ${members.length}`,
    );

  it('join consecutive days of one account, whatever their order', () => {
    expect(windows(slices('a', 5, 4, 3, 1), 8)).toEqual(['2026-11-03…2026-11-06 3', '2026-11-01…2026-11-02 1']);
  });

  it('are never longer than the stream allows', () => {
    expect(windows(slices('a', 1, 2, 3, 4, 5), 2)).toEqual([
      '2026-11-01…2026-11-03 2',
      '2026-11-03…2026-11-05 2',
      '2026-11-05…2026-11-06 1',
    ]);
  });

  it('begin with the newest days when the slices do', () => {
    expect(windows(slices('a', 5, 4, 3, 2, 1), 2)).toEqual([
      '2026-11-04…2026-11-06 2',
      '2026-11-02…2026-11-04 2',
      '2026-11-01…2026-11-02 1',
    ]);
  });

  it('never join accounts', () => {
    expect(windows([...slices('a', 1, 2), ...slices('b', 3)], 8)).toEqual([
      '2026-11-01…2026-11-03 2',
      '2026-11-03…2026-11-04 1',
    ]);
  });

  it('leave slices without days alone', () => {
    expect(windowsOf(dueSlices([{ key: 'x' }, { key: 'y' }], [], NOW), 8)).toHaveLength(2);
  });
});

describe('a plan', () => {
  const stream = {
    name: 's',
    columns: [],
    primaryKey: [],
    writeDisposition: 'replace',
    scope: { keys: ['account'], day: 'day' },
  } as const;

  it('is refused when two slices own the same rows', () => {
    const whole: Slice = { key: 'a/all', scope: { equals: { account: 'a' } } };
    expect(planProblem(stream, [...slices('a', 1), whole])).toMatchObject({ code: 'STREAM_SLICES_INVALID' });
    const wide: Slice = {
      key: 'a/wide',
      scope: { equals: { account: 'a' }, days: { start: '2026-10-30', end: '2026-11-02' } },
    };
    expect(planProblem(stream, [...slices('a', 1), wide])).toMatchObject({ code: 'STREAM_SLICES_INVALID' });
  });

  it('is refused when two slices have one key', () => {
    expect(planProblem(stream, [...slices('a', 1), ...slices('a', 1)])?.message).toContain('a/2026-11-01');
  });

  it('is fine when accounts share days and days touch', () => {
    expect(planProblem(stream, [...slices('a', 1, 2), ...slices('b', 1, 2)])).toBeUndefined();
  });
});
