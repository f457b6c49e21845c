import { verifyPipeline, type ContentReader, type ContentRow, type SourceContent, type StreamSpec } from '@etl/core';
import { memoryDestination, MemoryStore } from '@etl/testing';
import { describe, expect, test } from 'vitest';

const SPEC: StreamSpec = {
  name: 'items',
  columns: [
    { name: 'id', type: 'int32', nullable: false },
    { name: 'name', type: 'string', nullable: true },
    { name: 'price', type: 'int32', nullable: true },
  ],
  primaryKey: ['id'],
  writeDisposition: 'merge',
};

type Item = readonly [id: number, name: string, price: number];

/** A side of which everything is known: its digests are the values themselves. */
function sideOf(items: readonly Item[], read: { rows: number } = { rows: 0 }): ContentReader {
  const bucketOf = (id: number, bits: number): number => id % 2 ** bits;
  return {
    estimateRows: async () => items.length,
    async readBuckets(_, bits) {
      const buckets = new Map<number, { rows: number; digest: string }>();
      for (const item of items) {
        const at = bucketOf(item[0], bits);
        const { rows = 0, digest = '' } = buckets.get(at) ?? {};
        buckets.set(at, { rows: rows + 1, digest: digest + JSON.stringify(item) });
      }
      return buckets;
    },
    readColumns: async () =>
      new Map(SPEC.columns.map(({ name }, index) => [name, items.map((item) => String(item[index])).join()])),
    async readRows(_, wanted, bits) {
      const found = items.filter(([id]) => wanted.includes(bucketOf(id, bits)));
      read.rows += found.length;
      return found.map((item): ContentRow => ({ key: [String(item[0])], digests: item.map(String) }));
    },
  };
}

/** Both sides stand still; `reached` says at which attempt the destination stands at the position. */
async function compare(
  there: readonly Item[],
  here: readonly Item[],
  options: { reachedAt?: number; limit?: number } = {},
) {
  let attempts = 0;
  let closed = 0;
  const read = { rows: 0 };
  const destination = memoryDestination(new MemoryStore());
  const report = await verifyPipeline({
    name: 'test',
    maxDifferences: options.limit,
    destination: {
      ...destination,
      check: async () => undefined,
      open: async (...given) =>
        Object.assign(await destination.open(...given), { readContent: () => sideOf(here, read) }),
    },
    source: {
      specificationVersion: 'v1',
      name: 'still',
      check: async () => undefined,
      discover: async () => [SPEC],
      async *read() {},
      async openContent(): Promise<SourceContent> {
        attempts += 1;
        const attempt = attempts;
        return {
          ...sideOf(there),
          position: `look ${attempt}`,
          streams: [SPEC],
          source: {
            specificationVersion: 'v1',
            name: 'still',
            check: async () => undefined,
            discover: async () => [SPEC],
            async *read() {
              yield { type: 'checkpoint', checkpoint: { entries: [{ stream: '', partition: '', value: attempt }] } };
            },
            [Symbol.asyncDispose]: async () => undefined,
          },
          isReached: (state) => state[0]?.value === attempt && attempt >= (options.reachedAt ?? 1),
          [Symbol.asyncDispose]: async () => void (closed += 1),
        };
      },
      [Symbol.asyncDispose]: async () => undefined,
    },
  });
  return { report, attempts, closed, rowsRead: read.rows };
}

const many: readonly Item[] = Array.from({ length: 200_000 }, (_, id) => [id, `n${id}`, id]);

describe('a comparison', () => {
  test('of equal sides reads no row', async () => {
    const { report, rowsRead } = await compare(many, many);
    expect(report).toMatchObject({
      isEqual: true,
      position: 'look 1',
      streams: [{ sourceRows: 200_000, destinationRows: 200_000, columns: [], differences: [] }],
    });
    expect(rowsRead).toBe(0);
  });

  test('looks at the rows of those buckets alone that differ', async () => {
    const here = many.filter(([id]) => id !== 7).map((item): Item => (item[0] === 99 ? [99, 'other', 99] : item));
    const { report, rowsRead } = await compare(many, [...here, [300_000, 'new', 1]]);
    expect(report.isEqual).toBe(false);
    expect(report.streams[0]?.differences).toEqual([
      { key: { id: '7' }, kind: 'missing', columns: [] },
      { key: { id: '99' }, kind: 'changed', columns: ['name'] },
      { key: { id: '300000' }, kind: 'surplus', columns: [] },
    ]);
    expect(report.streams[0]).toMatchObject({ sourceRows: 200_000, destinationRows: 200_000, columns: ['name'] });
    expect(rowsRead).toBeLessThan(2000);
  });

  test('names so many rows and counts the others; where all differ it looks at some, and sums up every column', async () => {
    const here = many.map(([id, name, price]): Item => [id, name, price + 1]);
    const { report, rowsRead } = await compare(many, here, { limit: 5 });
    const [stream] = report.streams;
    expect(stream).toMatchObject({ columns: ['price'], isIncomplete: true });
    expect(stream?.differences).toHaveLength(5);
    expect(stream?.moreDifferences).toBe(rowsRead - 5);
    expect(rowsRead).toBeLessThanOrEqual(50_000);
  });

  test('finds a key that is shown twice, and one side that is empty', async () => {
    const twice = await compare(
      [[1, 'a', 1]],
      [
        [1, 'a', 1],
        [1, 'a', 1],
      ],
    );
    expect(twice.report.streams[0]?.differences).toEqual([{ key: { id: '1' }, kind: 'surplus', columns: [] }]);
    const empty = await compare([[1, 'a', 1]], []);
    expect(empty.report.streams[0]?.differences).toEqual([{ key: { id: '1' }, kind: 'missing', columns: [] }]);
    expect((await compare([], [])).report.isEqual).toBe(true);
  });

  test('takes another look where the destination does not stand at the position, and says so when it never does', async () => {
    const second = await compare(many.slice(0, 10), many.slice(0, 10), { reachedAt: 3 });
    expect(second).toMatchObject({ attempts: 3, closed: 3, report: { isEqual: true, position: 'look 3' } });
    const never = await compare([], [], { reachedAt: 9 });
    expect(never).toMatchObject({ attempts: 3, closed: 3, report: { isEqual: false, streams: [] } });
    expect(never.report.failures).toMatchObject([{ stream: 'items', error: { code: 'VERIFY_OVERTAKEN' } }]);
  });

  test('is refused where there is nothing to compare', async () => {
    const destination = memoryDestination();
    const comparable = {
      ...destination,
      check: async () => undefined,
      open: async (...given: Parameters<typeof destination.open>) =>
        Object.assign(await destination.open(...given), { readContent: () => sideOf([]) }),
    };
    await expect(
      verifyPipeline({ name: 'test', source: emptySource(), destination: comparable }),
    ).rejects.toMatchObject({ code: 'VERIFY_EMPTY', kind: 'config' });
  });

  test('is refused where the destination cannot be compared', async () => {
    const source = emptySource();
    await expect(verifyPipeline({ name: 'test', source, destination: memoryDestination() })).rejects.toMatchObject({
      code: 'VERIFY_UNSUPPORTED',
    });
  });
});

/** There is not a single stream in it. */
function emptySource() {
  return {
    openContent: async () => ({
      ...sideOf([]),
      position: '',
      streams: [],
      source: noSource(),
      isReached: () => true,
      [Symbol.asyncDispose]: async () => undefined,
    }),
    ...noSource(),
  };
}

function noSource() {
  return {
    specificationVersion: 'v1' as const,
    name: 'still',
    check: async () => undefined,
    discover: async () => [],
    async *read() {},
    [Symbol.asyncDispose]: async () => undefined,
  };
}
