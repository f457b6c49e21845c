import type { DestinationSession, OperationOptions, Row, StreamSpec, TextBatch } from '@etl/core';
import { textBatchOf, type ChooseFault } from '@etl/testing';
import { describe, expect, it, vi } from 'vitest';
import { clickhouse } from '../src/index.ts';
import { httpFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';
import { startStatementFront } from './statement-front.ts';

const ORDERS: StreamSpec = {
  name: 'orders',
  columns: [
    { name: 'id', type: 'int64', nullable: false },
    { name: 'note', type: 'string', nullable: true },
    { name: 'paid', type: 'boolean', nullable: true },
    { name: 'score', type: 'float64', nullable: true },
  ],
  primaryKey: ['id'],
  writeDisposition: 'merge',
  versionColumn: 'version',
  deletedColumn: 'gone',
};

const order = (id: number, more: Row = {}): Row => ({
  id,
  note: `\t${id}\\N\n`,
  paid: id % 2 === 0,
  score: id / 4,
  version: BigInt(id + 1),
  gone: false,
  ...more,
});
const text = (rows: readonly Row[], isPlain = true): TextBatch => ({ ...textBatchOf(ORDERS, rows), isPlain });
const orders = (from: number, to: number): Row[] =>
  Array.from({ length: to - from }, (_, index) => order(from + index));

async function load(
  destination: ClickHouseFixture['destination'],
  batches: readonly (readonly Row[] | TextBatch)[],
): Promise<void> {
  await using session = await destination.open('p');
  await loadIn(session, batches);
}

async function loadIn(
  session: DestinationSession,
  batches: readonly (readonly Row[] | TextBatch)[],
  options: OperationOptions = {},
): Promise<void> {
  await using opened = await session.beginLoad(options);
  await opened.prepare(ORDERS);
  for (const batch of batches) {
    if ('bytes' in batch) await opened.writeText?.('orders', batch);
    else await opened.write('orders', batch);
  }
  await opened.commit([]);
}

const inserts = (queries: readonly string[], format: string): readonly string[] =>
  queries.filter((query) => query.includes('_staging_') && query.trimEnd().endsWith(`FORMAT ${format}`));
const probes = (queries: readonly string[]): readonly string[] =>
  queries.filter((query) => query.includes('format(TabSeparated'));
const stored = (fixture: ClickHouseFixture): Promise<readonly Row[]> =>
  fixture.query(`SELECT id, note, paid, score FROM ${fixture.options.database}.shop___orders ORDER BY id`);
const expected = (rows: readonly Row[]): readonly Row[] =>
  rows.map(({ id, note, paid, score }) => ({ id, note, paid, score }));

describe('plain text on its way to a server', () => {
  it('is sent as it is, by one insert for many batches, and the server is asked once a session how it reads it', async () => {
    await using fixture = await httpFixture();
    {
      await using session = await fixture.destination.open('p');
      await loadIn(session, [text(orders(0, 20)), text(orders(20, 60)), text(orders(60, 61))]);
      await loadIn(session, [text(orders(61, 70))]);
    }
    expect(probes(fixture.queries)).toHaveLength(1);
    // It may be another server by now.
    await load(fixture.destination, [text(orders(70, 71))]);
    expect(probes(fixture.queries)).toHaveLength(2);
    expect(await stored(fixture)).toEqual(expected(orders(0, 71)));
    expect(inserts(fixture.queries, 'TabSeparated')).toHaveLength(3);
    expect(inserts(fixture.queries, 'JSONCompactEachRow')).toEqual([]);
  });

  it('is cut into inserts of the size that is asked for', async () => {
    await using fixture = await httpFixture({ chunkRows: 20 });
    await load(
      fixture.destination,
      Array.from({ length: 10 }, (_, index) => text(orders(index * 10, index * 10 + 10))),
    );
    expect(await stored(fixture)).toEqual(expected(orders(0, 100)));
    expect(inserts(fixture.queries, 'TabSeparated')).toHaveLength(10);
  });

  it.each(['zstd', 'none'] as const)('arrives with the compression "%s"', async (compression) => {
    await using fixture = await httpFixture({ compression });
    await load(fixture.destination, [text(orders(0, 20_000))]);
    expect(await stored(fixture)).toEqual(expected(orders(0, 20_000)));
    expect(inserts(fixture.queries, 'TabSeparated')).toHaveLength(1);
  });

  it('takes turns with lines that are not plain', async () => {
    await using fixture = await httpFixture();
    const rows = orders(0, 30).map((row, index) => (index % 7 === 3 ? { ...row, score: Number.NaN } : row));
    await load(fixture.destination, [text(rows, false)]);
    expect(await stored(fixture)).toEqual(
      expected(rows).map((row) => (Number.isNaN(row['score']) ? { ...row, score: null } : row)),
    );
    expect(inserts(fixture.queries, 'TabSeparated')).toHaveLength(1);
    expect(inserts(fixture.queries, 'JSONCompactEachRow')).toHaveLength(1);
  });

  it.each(['lose-answer', 'refuse', 'unavailable'] as const)(
    'is stored once when every insert meets "%s" before it succeeds',
    async (fault) => {
      const met = new Set<string>();
      const choose: ChooseFault = (query) => {
        if (!/FORMAT TabSeparated\s*$|format\(TabSeparated/.test(query) || met.has(query)) return undefined;
        met.add(query);
        return fault;
      };
      await using fixture = await httpFixture({ chunkRows: 20 }, choose);
      await load(
        fixture.destination,
        Array.from({ length: 12 }, (_, index) => text(orders(index * 10, index * 10 + 10))),
      );
      expect(await stored(fixture)).toEqual(expected(orders(0, 120)));
      // The question, and twelve inserts.
      expect(met.size).toBe(13);
    },
  );

  it('is not sent where rows have made the staging table that asks less', async () => {
    await using fixture = await httpFixture({ chunkRows: 4 });
    await load(fixture.destination, [orders(0, 4), text(orders(4, 8))]);
    expect(await stored(fixture)).toEqual(expected(orders(0, 8)));
    expect(inserts(fixture.queries, 'TabSeparated')).toEqual([]);
    // The next load has a staging table of its own.
    await load(fixture.destination, [text(orders(8, 12)), orders(12, 16)]);
    expect(await stored(fixture)).toEqual(expected(orders(0, 16)));
    expect(inserts(fixture.queries, 'TabSeparated')).toHaveLength(1);
  });

  it('asks for one load what another waits for too, and is not given up with it', async () => {
    const held = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    await using fixture = await httpFixture({}, async (query) => {
      if (!query.includes('format(TabSeparated')) return undefined;
      asked.resolve();
      await held.promise;
      return undefined;
    });
    await using session = await fixture.destination.open('p');
    const abort = new AbortController();
    const given = loadIn(session, [text(orders(0, 5))], { signal: abort.signal });
    await asked.promise;
    const other = loadIn(session, [text(orders(5, 9))]);
    abort.abort(new Error('no time left'));
    await expect(given).rejects.toThrow('no time left');
    held.resolve();
    await other;
    expect(await stored(fixture)).toEqual(expected(orders(5, 9)));
    expect(probes(fixture.queries)).toHaveLength(1);
  });

  it('asks again when no answer was to be had', async () => {
    let isDown = true;
    await using fixture = await httpFixture({}, (query) =>
      isDown && query.includes('format(TabSeparated') ? 'refuse' : undefined,
    );
    await using session = await fixture.destination.open('p');
    await expect(loadIn(session, [text(orders(0, 5))])).rejects.toMatchObject({ code: 'CLICKHOUSE_UNREACHABLE' });
    isDown = false;
    await loadIn(session, [text(orders(0, 5))]);
    expect(await stored(fixture)).toEqual(expected(orders(0, 5)));
    expect(inserts(fixture.queries, 'TabSeparated')).toHaveLength(1);
  });

  it('keeps four inserts of a table under way and reads on no further, until it is aborted', async () => {
    const held = Promise.withResolvers<void>();
    await using fixture = await httpFixture({ chunkRows: 2 }, async (query) => {
      if (/FORMAT TabSeparated\s*$/.test(query)) await held.promise;
      return undefined;
    });
    await using session = await fixture.destination.open('p');
    const abort = new AbortController();
    const opened = await session.beginLoad({ signal: abort.signal });
    await opened.prepare(ORDERS);
    const write = (id: number): Promise<void> => opened.writeText?.('orders', text([order(id)])) ?? Promise.resolve();
    for (let id = 0; id < 4; id += 1) await write(id);
    const fifth = write(4);
    await vi.waitFor(() => expect(inserts(fixture.queries, 'TabSeparated')).toHaveLength(4));
    abort.abort(new Error('no time left'));
    await expect(fifth).rejects.toThrow('no time left');
    expect(inserts(fixture.queries, 'TabSeparated')).toHaveLength(4);
    held.resolve();
    await opened[Symbol.asyncDispose]();
    const left = `SELECT name FROM system.tables WHERE database = '${fixture.options.database}' AND startsWith(name, '_etl_staging_')`;
    expect(await fixture.query(left)).toEqual([]);
  });

  it('asks nothing of a server that gets text that has another form there', async () => {
    await using fixture = await httpFixture();
    const bytes: StreamSpec = {
      ...ORDERS,
      columns: [...ORDERS.columns, { name: 'raw', type: 'binary', nullable: true }],
    };
    await using session = await fixture.destination.open('p');
    await using opened = await session.beginLoad();
    await opened.prepare(bytes);
    await opened.writeText?.('orders', textBatchOf(bytes, [order(1, { raw: null })]));
    await opened.commit([]);
    expect(probes(fixture.queries)).toEqual([]);
    expect(fixture.queries.filter((query) => query.includes('_etl_is_deleted'))).toEqual([]);
  });

  it('asks nothing of a server that only rows go to', async () => {
    await using fixture = await httpFixture();
    await load(fixture.destination, [orders(0, 3)]);
    expect(probes(fixture.queries)).toEqual([]);
    expect(fixture.queries.filter((query) => query.includes(' Bool EPHEMERAL'))).toEqual([]);
  });

  it.each([
    ['reads a value of it as another', (query: string) => query.replace('2024-02-29\t', '2024-03-01\t')],
    ['refuses to say', () => 'SELECT throwIf(1)'],
    ['has no such function', (query: string) => query.replace('format(TabSeparated', 'formatted(TabSeparated')],
  ])('is not sent to a server that %s', async (_, rewrite) => {
    await using fixture = await httpFixture();
    await using front = await startStatementFront(fixture.options.url ?? '', {
      rewrite: (query) => (query.includes('format(TabSeparated') ? rewrite(query) : query),
    });
    await using destination = clickhouse({ ...fixture.options, url: front.url });
    for (const from of [0, 10]) await load(destination, [text(orders(from, from + 10))]);
    expect(await stored(fixture)).toEqual(expected(orders(0, 20)));
    expect(inserts(fixture.queries, 'TabSeparated')).toEqual([]);
    expect(inserts(fixture.queries, 'JSONCompactEachRow')).toHaveLength(2);
    expect(probes(front.sent.map(({ query }) => query))).toHaveLength(2);
  });
});
