import { describe, expect, it } from 'vitest';
import { compareDecimals, sumDecimals } from '../src/decimal-text.ts';
import type { LedgerEntry } from '../src/index.ts';
import { addExpectations, reconcile, requirePlausible } from '../src/slice-gate.ts';

describe('decimal text', () => {
  it.each([
    [['0.1', '0.2'], '0.3'],
    [['-0.5', '0.25'], '-0.25'],
    [['99999999999999999999.99', '0.01'], '100000000000000000000'],
    [['1.50', '-1.5'], '0'],
    [[], '0'],
  ])('adds %j exactly', (texts, sum) => {
    expect(sumDecimals(texts)).toBe(sum);
  });

  it('compares', () => {
    expect(compareDecimals('0.10', '0.1')).toBe(0);
    expect(compareDecimals('-1', '0.5')).toBeLessThan(0);
    expect(compareDecimals('10', '9.99')).toBeGreaterThan(0);
  });
});

describe('a platform’s own totals', () => {
  const gate = { reconcile: ['spend'], tolerance: { spend: '0.05' } };

  it('let a slice pass that adds up within the tolerance', () => {
    const content = { rows: 2, sums: { spend: '10.05' } };
    expect(() => reconcile('insights x', content, { rows: 2, sums: { spend: '10.00' } }, gate)).not.toThrow();
  });

  it('stop a slice whose sum differs, with both numbers', () => {
    const content = { rows: 2, sums: { spend: '9.94' } };
    expect(() => reconcile('insights x', content, { sums: { spend: '10.00' } }, gate)).toThrow(
      expect.objectContaining({
        code: 'SLICE_SUM_DIFFERS',
        message: 'The spend of insights x adds up to 9.94 where the platform says 10.00.',
      }),
    );
  });

  it('stop a slice that lacks rows', () => {
    expect(() => reconcile('insights x', { rows: 99, sums: {} }, { rows: 100 })).toThrow(
      expect.objectContaining({ code: 'SLICE_ROWS_MISSING' }),
    );
  });

  it('stop a slice for which a promised total did not come', () => {
    expect(() => reconcile('insights x', { rows: 1, sums: { spend: '1' } }, {}, gate)).toThrow(
      expect.objectContaining({ code: 'SLICE_TOTAL_MISSING' }),
    );
  });

  it('add up over several answers', () => {
    expect(addExpectations({ rows: 1, sums: { a: '0.1' } }, { rows: 2, sums: { a: '0.2', b: '1' } })).toEqual({
      rows: 3,
      sums: { a: '0.3', b: '1' },
    });
    expect(addExpectations({ sums: { a: '1' } }, {})).toEqual({ sums: { a: '1' } });
  });
});

describe('an earlier version', () => {
  const previous: LedgerEntry = {
    stream: 's',
    slice: 'x',
    status: 'good',
    rows: 100,
    readAt: '2026-11-01T00:00:00Z',
    loadedAt: '2026-11-01T00:00:00Z',
    attempts: 1,
  };

  it.each([
    [10, true],
    [9, false],
    [0, false],
    [500, true],
  ])('lets %i rows take the place of 100: %j', (rows, passes) => {
    const check = (): void => requirePlausible('s x', rows, previous);
    if (passes) expect(check).not.toThrow();
    else
      expect(check).toThrow(
        expect.objectContaining({ code: 'SLICE_SHRANK', message: `s x has ${rows} rows where it had 100.` }),
      );
  });

  it('does not matter when it was small, never good, or the stream says so', () => {
    expect(() => requirePlausible('s x', 0, { ...previous, rows: 9 })).not.toThrow();
    const never: LedgerEntry = { stream: 's', slice: 'x', status: 'failed', rows: 100, readAt: '', attempts: 1 };
    expect(() => requirePlausible('s x', 0, never)).not.toThrow();
    expect(() => requirePlausible('s x', 0, previous, { maxShrink: 1 })).not.toThrow();
  });

  it('is not needed to miss rows that must be there', () => {
    expect(() => requirePlausible('s x', 0, undefined, { minRows: 1 })).toThrow(
      expect.objectContaining({ code: 'SLICE_ROWS_MISSING' }),
    );
  });
});
