import { runPipeline, type PipelineReport, type Row } from '@etl/core';
import { startSandbox } from '@etl/sandbox';
import { memoryDestination, type MemoryStore } from '@etl/testing';
import { describe, expect, it, vi } from 'vitest';
import { esim, type EsimOptions } from '../src/index.ts';

interface Rig extends AsyncDisposable {
  readonly store: MemoryStore;
  /** What was asked of the dataset, in order. */
  queries(): readonly Readonly<Record<string, string>>[];
  /** Serves these pages, loads them and gives back the ids and values that the table has. */
  load(pages: readonly (readonly string[])[], now?: string): Promise<readonly string[]>;
}

async function rig(entry: Record<string, unknown> = {}, options: Partial<EsimOptions> = {}): Promise<Rig> {
  const sandbox = await startSandbox({ seed: 'watermark', platforms: ['esim'] });
  const { control } = sandbox;
  const source = esim({ ...sandbox.esim.describe(), overlapSeconds: 600, ...options });
  const destination = memoryDestination();
  const { store } = destination;
  const run = (now: string): Promise<PipelineReport> =>
    runPipeline({ name: 'things', source, destination, streams: ['things'], now: () => new Date(now) });
  return {
    store,
    queries: () => control.requests({ path: '*/things/' }).map(({ parameters }) => parameters),
    async load(pages, now = '2026-10-02T00:00:00Z') {
      control.changeExport({ kind: 'serve', entry: { name: 'things', watermark_field: 'at', ...entry }, pages });
      for (const { error } of (await run(now)).failures) throw error;
      return store
        .rows('things')
        .map((row: Row) => `${String(row['id'])}=${String(row['v'])}`)
        .toSorted();
    },
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
}

const row = (id: number, at: string, v = 'x'): string => `{"id":${id},"at":"2026-10-01T${at}","v":"${v}"}`;

describe('a watermark', () => {
  it('is read again from the overlap before it, and nothing before', async () => {
    await using things = await rig();
    await things.load([[row(1, '10:00:00Z')]]);
    await things.load([]);
    expect(things.queries().map((query) => query['updated_after'])).toEqual([undefined, '2026-10-01T09:50:00.000000Z']);
  });

  it('loses no row that is committed late, dated before what was read', async () => {
    await using things = await rig();
    await things.load([[row(1, '10:00:00Z')]]);
    expect(await things.load([[row(2, '09:55:00Z'), row(1, '10:00:00Z')]])).toEqual(['1=x', '2=x']);
  });

  it('loses no tie, on one page, over the end of a page, or in the next run', async () => {
    await using things = await rig();
    const at = '10:00:00.000001Z';
    expect(await things.load([[row(1, at), row(2, at)], [row(3, at)]])).toEqual(['1=x', '2=x', '3=x']);
    expect(await things.load([[row(1, at), row(2, at), row(3, at)], [row(4, at)]])).toHaveLength(4);
  });

  it('is compared as a moment, whatever its offset, its digits and its form', async () => {
    await using things = await rig();
    // As text the first would be the newest, as a moment it is the oldest.
    const page = [row(1, '23:59:59+23:00'), row(2, '10:00:00.5Z'), row(3, '12:00:00.123456+0200'), row(4, '09:00:00')];
    await things.load([page]);
    await things.load([]);
    expect(things.queries().at(-1)?.['updated_after']).toBe('2026-10-01T09:50:00.500000Z');
  });

  it('keeps the newest of a row that comes twice, also when the older one comes last', async () => {
    await using things = await rig();
    expect(await things.load([[row(1, '10:00:01Z', 'new')], [row(1, '10:00:00Z', 'old')]])).toEqual(['1=new']);
  });

  it('is never later than now, so that a row dated into the future hides none', async () => {
    await using things = await rig();
    await things.load([[row(1, '23:00:00Z')]], '2026-10-01T12:00:00Z');
    expect(await things.load([[row(2, '12:01:00Z'), row(1, '23:00:00Z')]], '2026-10-01T12:05:00Z')).toHaveLength(2);
    expect(things.queries().at(-1)?.['updated_after']).toBe('2026-10-01T11:50:00.000000Z');
  });

  it('is never later than the beginning of the reading, also where nobody says when that was', async () => {
    const started = Date.parse('2026-10-01T12:00:00Z');
    vi.useFakeTimers({ toFake: ['Date'], now: started });
    try {
      const answer = (body: unknown): Response => Response.json(body);
      const dataset = {
        name: 'things',
        endpoint: 'things/',
        strategy: 'incremental',
        watermark_field: 'at',
        default_limit: 10,
      };
      const source = esim({
        baseUrl: 'https://api.test',
        apiKey: 'key',
        fetch: async (url) => {
          if (new Request(url).url.endsWith('/manifest/'))
            return answer({ datasets: [{ ...dataset, primary_key: 'id', available: true }] });
          vi.setSystemTime(started + 3_600_000);
          return answer({ items: [{ id: 1, at: '2026-10-01T12:30:00Z' }], has_more: false });
        },
      });
      const states: unknown[] = [];
      for await (const message of source.read())
        if (message.type === 'checkpoint') states.push(...message.checkpoint.entries.map(({ value }) => value));
      expect(states).toMatchObject([{ through: String(BigInt(started) * 1000n) }]);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each(['"soon"', '7', 'null', '"2026-02-30T00:00:00Z"', '"2026-10-01T25:00:00Z"'])(
    'that is %s fails the dataset',
    async (at) => {
      await using things = await rig();
      await things.load([[row(1, '10:00:00Z')]]);
      await expect(things.load([[`{"id":1,"at":${at},"v":"x"}`]])).rejects.toMatchObject({
        code: 'ESIM_WATERMARK_INVALID',
      });
    },
  );

  it('of another field is read from the start', async () => {
    await using things = await rig();
    await things.load([[row(1, '10:00:00Z')]]);
    const entry = things.store.state.get('things')?.[0];
    things.store.state.set('things', [
      { ...entry!, value: { ...(entry!.value as Record<string, string>), field: 'other' } },
    ]);
    await things.load([]);
    expect(things.queries().at(-1)).toEqual({ limit: '500' });
  });
});

describe.each([
  ['held', 20_000],
  ['read twice', 2],
])('rows of a dataset that is only appended to, %s', (_, bufferRows) => {
  const appended = { strategy: 'append-only' };

  it('are there once, however often the overlap and the pages give them', async () => {
    await using things = await rig(appended, { bufferRows });
    const rows = [1, 2, 3, 4, 5].map((id) => row(id, `10:00:0${id}Z`));
    const pages = [rows.slice(0, 2), rows.slice(1, 4), rows.slice(3)];
    const once = ['1=x', '2=x', '3=x', '4=x', '5=x'];
    expect(await things.load(pages)).toEqual(once);
    expect(await things.load(pages)).toEqual(once);
    expect(await things.load([...pages, [row(6, '09:59:00Z')], [row(7, '11:00:00Z')]])).toEqual([
      ...once,
      '6=x',
      '7=x',
    ]);
  });

  it('are there once also when they came while the run went on, or are dated into the future', async () => {
    await using things = await rig(appended, { bufferRows });
    const rows = [row(1, '11:59:00Z'), row(2, '12:00:05Z'), row(3, '23:00:00Z')];
    const once = ['1=x', '2=x', '3=x'];
    expect(await things.load([rows], '2026-10-01T12:00:00Z')).toEqual(once);
    expect(await things.load([rows], '2026-10-01T12:05:00Z')).toEqual(once);
    expect(await things.load([rows], '2026-10-01T13:00:00Z')).toEqual(once);
  });

  it('are those of the key, be it of several columns or hashed', async () => {
    const options = { bufferRows, hashKey: 'a key of the tests', datasets: { things: { hash: ['id'] } } };
    await using things = await rig({ ...appended, primary_key: ['id', 'v'] }, options);
    const rows = [row(1, '10:00:00Z', 'a'), row(1, '10:00:00Z', 'b'), row(2, '10:00:00Z', 'a')];
    expect(await things.load([rows])).toHaveLength(3);
    expect(await things.load([rows, [row(2, '10:00:00Z', 'b')]])).toHaveLength(4);
  });

  it('must have their key', async () => {
    await using things = await rig(appended, { bufferRows });
    await expect(things.load([[`{"id":null,"at":"2026-10-01T10:00:00Z"}`]])).rejects.toMatchObject({
      code: 'ESIM_KEY_MISSING',
    });
  });
});

describe('a dataset that is refreshed as a whole', () => {
  it('has exactly the rows of the last reading, read from the start each time', async () => {
    await using things = await rig({ strategy: 'full-refresh', watermark_field: null, primary_key: null });
    expect(await things.load([[row(1, '10:00:00Z')], [row(2, '10:00:00Z')]])).toHaveLength(2);
    expect(await things.load([[row(2, '10:00:00Z', 'other')]])).toEqual(['2=other']);
    expect(things.queries().every((query) => query['updated_after'] === undefined)).toBe(true);
  });

  it.each([
    ['held', 20_000],
    ['read twice', 1],
  ])(
    'keeps a key that it is given: a row that comes twice is there once, another row of its key fails it, %s',
    async (_, bufferRows) => {
      await using things = await rig(
        { strategy: 'full-refresh', watermark_field: null, primary_key: 'id' },
        { bufferRows },
      );
      const [one, two] = [row(1, '10:00:00Z'), row(2, '10:00:00Z')];
      expect(await things.load([[one, two], [two]])).toEqual(['1=x', '2=x']);
      expect(things.store.specs.get('things')?.primaryKey).toEqual(['id']);
      const other = row(2, '10:00:00Z', 'other');
      const refused = { code: expect.stringMatching(/^(ESIM_KEY|PRIMARY_KEY)_NOT_UNIQUE$/) };
      await expect(things.load([[one, two], [other]])).rejects.toMatchObject(refused);
      await expect(things.load([[two, other], [one]])).rejects.toMatchObject(refused);
      await expect(things.load([[two], [one], [other]])).rejects.toMatchObject(refused);
      expect(await things.load([[one, two]])).toEqual(['1=x', '2=x']);
    },
  );
});
