import fc from 'fast-check';
import { expect, it } from 'vitest';
import { overlappingRows, type IndexedPart } from '../src/overlapping-rows.ts';

/** Granules of as many rows as the second number says begin at the first; the last mark has none. */
function part(...marks: readonly (readonly [number, number])[]): IndexedPart {
  return { isUnmerged: false, marks: marks.map(([rank, rows]) => ({ rank, rows })) };
}

it('counts nothing where one part ends before the next begins', () => {
  expect(overlappingRows([part([1, 10], [2, 10], [3, 0]), part([4, 10], [5, 0])])).toBe(0);
});

it('counts the granules on both sides that have keys in common, at their ends too', () => {
  expect(overlappingRows([part([1, 10], [3, 20], [5, 40], [7, 0]), part([4, 1], [5, 0])])).toBe(61);
});

it('counts everything below one small granule that spans it', () => {
  expect(overlappingRows([part([1, 10], [2, 10], [3, 10], [4, 0]), part([1, 2], [4, 0])])).toBe(32);
});

it('counts all rows of a part that may hold a key twice', () => {
  expect(overlappingRows([{ ...part([1, 10], [2, 0]), isUnmerged: true }, part([3, 5], [4, 0])])).toBe(10);
});

it('counts what comparing every two granules counts', () => {
  const mark = fc.record({ rank: fc.nat(30), rows: fc.integer({ min: 1, max: 9 }) });
  const marks = fc.array(mark, { maxLength: 8 }).map((given) => given.toSorted((a, b) => a.rank - b.rank));
  const parts = fc.array(fc.record({ isUnmerged: fc.boolean(), marks }), { maxLength: 6 });
  fc.assert(
    fc.property(parts, (given) => {
      expect(overlappingRows(given)).toBe(pairwise(given));
    }),
    { numRuns: 2000 },
  );
});

function pairwise(parts: readonly IndexedPart[]): number {
  const granules = parts.flatMap((owner) =>
    owner.marks.slice(1).map(({ rank: high }, index) => {
      const { rank: low = high, rows = 0 } = owner.marks[index] ?? {};
      return { owner, low, high, rows };
    }),
  );
  return granules
    .filter(
      (one) =>
        one.owner.isUnmerged ||
        granules.some((other) => other.owner !== one.owner && one.low <= other.high && other.low <= one.high),
    )
    .reduce((sum, { rows }) => sum + rows, 0);
}
