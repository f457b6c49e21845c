import {
  defineSource,
  defineStream,
  EtlError,
  runPipeline,
  type PipelineOptions,
  type RunRecord,
  type Source,
} from '@etl/core';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { memoryDestination } from '../src/index.ts';

type RunChanges = Partial<PipelineOptions> & { readonly isDown?: boolean };

/** Three streams of one slice each; those that are broken fail. */
function world() {
  const broken = new Set<string>();
  const schema = z.object({ id: z.string() });
  const streamOf = (name: string) =>
    defineStream({
      name,
      schema,
      primaryKey: ['id'],
      writeDisposition: 'replace',
      slices: () => [{ key: 'all' }],
      async *read() {
        if (broken.has(name)) throw new EtlError({ code: 'TEST_BROKEN', kind: 'data', message: `${name} is broken.` });
        yield { rows: [{ id: '1' }] };
      },
    });
  const destination = memoryDestination();
  let clock = Date.parse('2026-11-01T00:00:00Z');
  const run = async (
    streams?: readonly string[],
    { isDown = false, ...given }: RunChanges = {},
  ): Promise<RunRecord | undefined> => {
    clock += 3_600_000;
    const now = (): Date => new Date(clock);
    const source = defineSource({
      name: 'test',
      streams: { one: streamOf('one'), two: streamOf('two'), three: streamOf('three') },
      check: async () => undefined,
    });
    const down: Source = {
      ...source,
      plan: () => Promise.reject(new EtlError({ code: 'TEST_DOWN', kind: 'auth', message: 'The platform is down.' })),
    };
    const options = { name: 'p', source: isDown ? down : source, destination, streams, now };
    await runPipeline({ ...options, ...given }).catch(() => undefined);
    return (await (await destination.inspect()).readRuns('p', 1))[0];
  };
  return { broken, destination, run };
}

const broken = (stream: string): unknown => expect.objectContaining({ stream, code: 'TEST_BROKEN' });

it('a run of some streams leaves the others as bad as they were', async () => {
  const { broken: bad, run } = world();
  bad.add('one').add('two');
  expect(await run()).toMatchObject({ status: 'partial', failures: [broken('one'), broken('two')] });
  // What it was not asked for is not good because of it.
  expect(await run(['three'])).toMatchObject({ status: 'partial', failures: [broken('one'), broken('two')] });
  bad.delete('one');
  expect(await run(['one', 'three'])).toMatchObject({ status: 'partial', failures: [broken('two')] });
  bad.add('three');
  const both = await run(['three']);
  expect(both?.failures).toEqual([broken('three'), broken('two')]);
});

it('a run of all streams says how all of them are', async () => {
  const { broken: bad, run } = world();
  bad.add('one');
  await run();
  await run(['three']);
  bad.clear();
  expect(await run()).toMatchObject({ status: 'ok', failures: [] });
  expect(await run(['three'])).toMatchObject({ status: 'ok', failures: [] });
});

it('a run that gets to no stream says so, and what they had before', async () => {
  const { broken: bad, run } = world();
  bad.add('one');
  await run();
  const down = await run(undefined, { isDown: true });
  expect(down).toMatchObject({ status: 'failed' });
  expect(down?.failures).toEqual([expect.objectContaining({ stream: '', code: 'TEST_DOWN' }), broken('one')]);
  // That of the run is over with it.
  expect(await run(['two'])).toMatchObject({ status: 'partial', failures: [broken('one')] });
});

it('a run whose destination does not say what was before is recorded without it', async () => {
  const { broken: bad, destination, run } = world();
  bad.add('one');
  await run();
  const inspect = (): Promise<never> => Promise.reject(new Error('blind'));
  expect(await run(['two'], { destination: { ...destination, inspect } })).toMatchObject({
    status: 'ok',
    failures: [],
  });
});

it('a run that is stopped, or ends unfinished, leaves what it does not fail itself as it was', async () => {
  const { broken: bad, run } = world();
  bad.add('two');
  await run();
  const stop = new AbortController();
  const onEvent = (): void => stop.abort(new Error('stopped'));
  const stopped = await run(['one'], { signal: stop.signal, onEvent });
  expect(stopped).toMatchObject({ status: 'failed' });
  expect(stopped?.failures).toEqual([expect.objectContaining({ code: 'RUN_STOPPED' }), broken('two')]);
  // It was about to read all of them.
  expect((await run(undefined, { deadline: new Date(0) }))?.failures).toEqual([broken('two')]);
  expect(await run(['one'])).toMatchObject({ status: 'partial', failures: [broken('two')] });
  bad.clear();
  expect(await run()).toMatchObject({ status: 'ok', failures: [] });
});

it('what others had left is kept however much a run has itself', async () => {
  const { destination, run } = world();
  const own = Array.from({ length: 100 }, (_, index) => ({ stream: `old ${index % 50}`, code: 'X', message: 'x' }));
  const times = { startedAt: '2026-10-01T00:00:00Z', endedAt: '2026-10-01T00:00:00Z' };
  destination.store.runs.push({
    pipeline: 'p',
    id: '0',
    ...times,
    status: 'partial',
    rows: 0,
    loads: [],
    streams: [],
    failures: own,
  });
  const record = await run(['one']);
  expect(new Set(record?.failures.map(({ stream }) => stream)).size).toBe(50);
  expect(record?.failures).toHaveLength(50);
});
