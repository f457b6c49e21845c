import {
  EtlError,
  followPipeline,
  type FollowOptions,
  type Source,
  type SourceMessage,
  type SourceReadRequest,
} from '@etl/core';
import { memoryDestination, MemoryStore } from '@etl/testing';
import { describe, expect, test } from 'vitest';

const SPEC = {
  name: 'items',
  columns: [{ name: 'id', type: 'int32', nullable: false }],
  primaryKey: ['id'],
  writeDisposition: 'merge',
} as const;

type Reading = (request: SourceReadRequest, round: number) => AsyncIterable<SourceMessage>;

/** A log that is read as the test says, round after round. */
function logOf(read: Reading): Source & { readonly requests: SourceReadRequest[]; readonly prepared: number } {
  const requests: SourceReadRequest[] = [];
  let prepared = 0;
  return {
    specificationVersion: 'v1',
    name: 'log',
    requests,
    get prepared() {
      return prepared;
    },
    check: async () => undefined,
    discover: async () => [SPEC],
    prepare: async () => void (prepared += 1),
    health: async () => ({ status: 'ok', summary: 'well', figures: {}, warnings: [] }),
    read(request = {}) {
      requests.push(request);
      return read(request, requests.length);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function* load(id: number): AsyncIterable<SourceMessage> {
  yield { type: 'schema', stream: SPEC };
  yield { type: 'records', stream: 'items', rows: [{ id }] };
  yield { type: 'checkpoint', checkpoint: { entries: [{ stream: '', partition: 'at', value: id }] } };
}

function down(retryAfterMs?: number): EtlError {
  return new EtlError({
    code: 'DOWN',
    kind: 'transient',
    message: 'It is down.',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function following(source: Source, options: Partial<FollowOptions> = {}) {
  const store = new MemoryStore();
  const stop = new AbortController();
  const waits: number[] = [];
  const ended = followPipeline({
    name: 'log',
    source,
    destination: memoryDestination(store),
    stop: stop.signal,
    random: () => 0.5,
    pause: async (ms) => void waits.push(ms),
    ...options,
  });
  return { ended, store, stop, waits };
}

describe('a log that is followed', () => {
  test('is read again from where the last run has committed, until it is stopped', async () => {
    const source = logOf(async function* (request, round) {
      yield* load(round);
      if (round === 3) run.stop.abort();
    });
    const run = following(source);
    const report = await run.ended;
    expect(report).toMatchObject({ status: 'ok', rows: 1, sourceHealth: { summary: 'well' } });
    expect(run.store.rows('items')).toHaveLength(3);
    expect(source.requests.map(({ state }) => state?.[0]?.value)).toEqual([undefined, 1, 2]);
    expect(source.requests[0]?.follow).toMatchObject({ flushRows: 100_000, flushAgeMs: 5000, roundMs: 900_000 });
    expect(source.prepared).toBe(3);
    // Runs that end by themselves at once do not follow each other at once.
    expect(run.waits).toEqual([1000, 1000]);
  });

  test('makes a load of every checkpoint', async () => {
    const source = logOf(async function* () {
      for (let id = 1; id <= 4; id += 1) yield* load(id);
      run.stop.abort();
    });
    const loads: number[] = [];
    const run = following(source, {
      onEvent: (event) => {
        if (event.type === 'load-committed') loads.push(event.summary.rowsWritten['items'] ?? 0);
      },
    });
    await run.ended;
    expect(loads).toEqual([1, 1, 1, 1]);
  });

  test('moves a position without a load, and makes one again when there are rows', async () => {
    const at = (value: number): SourceMessage => ({
      type: 'checkpoint',
      checkpoint: { entries: [{ stream: '', partition: 'at', value }] },
    });
    const acknowledged: unknown[] = [];
    const source = logOf(async function* (_, round) {
      if (round === 2) {
        yield* load(7);
        yield at(8);
        run.stop.abort();
        return;
      }
      for (let value = 1; value <= 3; value += 1) yield at(value);
      throw down();
    });
    source.acknowledge = async ({ entries }) =>
      void acknowledged.push(entries[0]?.value, run.store.state.get('log')?.[0]?.value);
    const loads: number[] = [];
    const run = following(source, {
      onEvent: (event) => {
        if (event.type === 'load-committed') loads.push(event.summary.rowsWritten['items'] ?? 0);
      },
    });
    const report = await run.ended;
    // Each position is stored before the source is told, and proves enough to wait for a source that goes down.
    expect(acknowledged).toEqual([1, 1, 2, 2, 3, 3, 7, 7, 8, 8]);
    expect(loads).toEqual([1]);
    expect(report.loads).toHaveLength(1);
    expect(source.requests[1]?.state?.[0]?.value).toBe(3);
  });

  test('reads everything anew only once', async () => {
    const source = logOf(async function* (_, round) {
      yield* load(round);
      if (round === 2) run.stop.abort();
    });
    const run = following(source, { fullRefresh: true });
    await run.ended;
    expect(source.requests.map(({ fullRefresh }) => fullRefresh)).toEqual([true, undefined]);
  });
});

describe('what is down', () => {
  test('is waited for longer and longer, up to a limit, and from the start again after a load', async () => {
    const source = logOf(async function* (_, round) {
      if (round === 1) yield* load(1);
      if (round === 12) yield* load(12);
      if (round === 14) {
        yield* load(14);
        run.stop.abort();
        return;
      }
      throw down();
    });
    const attempts: number[] = [];
    const run = following(source, { onRetry: ({ attempt }) => void attempts.push(attempt) });
    await run.ended;
    expect(run.waits.slice(0, 9)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect(attempts.slice(10)).toEqual([11, 1, 2]);
    expect(run.store.rows('items')).toHaveLength(3);
  });

  test('may say itself how long to wait', async () => {
    const source = logOf(async function* (_, round) {
      yield* load(round);
      if (round === 1) throw down(70_000);
      run.stop.abort();
    });
    const run = following(source);
    await run.ended;
    expect(run.waits).toEqual([70_000]);
  });

  test('ends it when nothing was loaded yet, when it will not pass, and when it was stopped meanwhile', async () => {
    const first = logOf(() => {
      throw down();
    });
    await expect(following(first).ended).rejects.toMatchObject({ code: 'DOWN' });
    const broken = logOf(async function* (_, round) {
      yield* load(round);
      throw new EtlError({ code: 'BROKEN', kind: 'state', message: 'It is broken.' });
    });
    await expect(following(broken).ended).rejects.toMatchObject({ code: 'BROKEN' });
    expect(broken.requests).toHaveLength(1);
    const stopped = logOf(async function* (_, round) {
      yield* load(round);
      throw down();
    });
    const run = following(stopped, { pause: async () => run.stop.abort() });
    await expect(run.ended).rejects.toMatchObject({ code: 'DOWN' });
    expect(stopped.requests).toHaveLength(1);
  });

  test('an abort ends the wait with its reason', async () => {
    const abort = new AbortController();
    const source = logOf(async function* (_, round) {
      yield* load(round);
      throw down();
    });
    const run = following(source, {
      signal: abort.signal,
      pause: async () => abort.abort(new Error('enough')),
    });
    await expect(run.ended).rejects.toThrow('enough');
  });
});
