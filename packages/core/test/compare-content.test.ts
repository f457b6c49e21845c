import { expect, it } from 'vitest';
import type { ContentReader, ContentRow, StreamSpec } from '../src/index.ts';
import { compareContent } from '../src/pipeline/compare-content.ts';

const stream: StreamSpec = {
  name: 'messages',
  columns: [{ name: 'id', type: 'int64', nullable: false }],
  primaryKey: ['id'],
  writeDisposition: 'merge',
};

/** Rows with these keys, whose values are digests of themselves. */
class Keys implements ContentReader {
  readonly keys: readonly number[];
  mostRead = 0;

  constructor(keys: readonly number[]) {
    this.keys = keys;
  }

  async estimateRows(): Promise<number> {
    return this.keys.length;
  }

  async readBuckets(_: StreamSpec, bits: number): ReturnType<ContentReader['readBuckets']> {
    const buckets = new Map<number, { rows: number; digest: string }>();
    for (const key of this.keys) {
      const bucket = key % 2 ** bits;
      const { rows, digest } = buckets.get(bucket) ?? { rows: 0, digest: '0' };
      buckets.set(bucket, { rows: rows + 1, digest: String(BigInt(digest) ^ BigInt(key + 1)) });
    }
    return buckets;
  }

  async readColumns(): Promise<ReadonlyMap<string, string>> {
    return new Map([['id', String(this.keys.reduce((sum, key) => sum + key, 0))]]);
  }

  async readRows(_: StreamSpec, buckets: readonly number[], bits: number): Promise<readonly ContentRow[]> {
    const chosen = new Set(buckets);
    const keys = this.keys.filter((key) => chosen.has(key % 2 ** bits));
    this.mostRead = Math.max(this.mostRead, keys.length);
    return keys.map((key) => ({ key: [String(key)], digests: [String(key)] }));
  }
}

it('names the rows that differ', async () => {
  const keys = Array.from({ length: 5000 }, (_, index) => index);
  const compared = await compareContent(new Keys(keys), new Keys(keys.slice(2)), stream, { maxDifferences: 1 });
  expect(compared).toMatchObject({
    isEqual: false,
    sourceRows: 5000,
    destinationRows: 4998,
    differences: [{ key: { id: '0' }, kind: 'missing' }],
    moreDifferences: 1,
    isIncomplete: false,
  });
});

it('does not read a whole table whose keys are all in one bucket, and says that it did not', async () => {
  // As of ids that begin with a time and end in a number of their own millisecond, mostly zero.
  const keys = Array.from({ length: 120_000 }, (_, index) => (index + 1) * 65_536);
  const [source, destination] = [new Keys([...keys, 1]), new Keys(keys.slice(1))];
  const compared = await compareContent(source, destination, stream, { maxDifferences: 5 });
  expect(compared).toMatchObject({ isEqual: false, sourceRows: 120_001, isIncomplete: true });
  expect(compared.differences).toEqual([{ key: { id: '1' }, kind: 'missing', columns: [] }]);
  expect(source.mostRead).toBe(1);
});
