import { setTimeout as delay } from 'node:timers/promises';
import { EtlError, runPipeline, type Destination, type Source } from '@etl/core';
import { memoryDestination, MemoryStore } from '@etl/testing';
import { expect, test } from 'vitest';

const DOWN = new EtlError({ code: 'DOWN', kind: 'transient', message: 'It is down.' });

function emptyLog(prepare: () => Promise<void>): Source {
  return {
    specificationVersion: 'v1',
    name: 'log',
    check: async () => undefined,
    discover: async () => [],
    prepare,
    async *read() {},
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** A destination whose pipeline is free once `isFree`; until then who opens it waits, or gives up when told to. */
function waitingDestination(store: MemoryStore, isFree: Promise<unknown>): Destination & { readonly gaveUp: boolean } {
  const destination = memoryDestination(store);
  let gaveUp = false;
  return {
    ...destination,
    get gaveUp() {
      return gaveUp;
    },
    async open(pipeline, options) {
      const aborted = new Promise<never>((_, reject) => {
        options?.signal?.addEventListener('abort', () => {
          gaveUp = true;
          reject(options.signal?.reason as Error);
        });
      });
      await Promise.race([isFree, aborted]);
      return destination.open(pipeline, options);
    },
  };
}

test('a source is prepared while its destination is opened', async () => {
  let opened = (): void => undefined;
  const isFree = new Promise<void>((resolve) => (opened = resolve));
  const store = new MemoryStore();
  const destination = waitingDestination(store, isFree);
  const report = await runPipeline({ name: 'log', source: emptyLog(async () => opened()), destination });
  expect(report.failures).toEqual([]);
  expect(store.held.size).toBe(0);
});

test('a source that must not be read ends the run, however long its destination would be waited for', async () => {
  const store = new MemoryStore();
  const destination = waitingDestination(store, new Promise(() => undefined));
  const source = emptyLog(async () => Promise.reject(DOWN));
  await expect(runPipeline({ name: 'log', source, destination })).rejects.toBe(DOWN);
  expect(destination.gaveUp).toBe(true);
  expect(store.held.size).toBe(0);
});

test('a source that must not be read frees the pipeline that was opened for it', async () => {
  const store = new MemoryStore();
  const source = emptyLog(async () => {
    await delay(5);
    throw DOWN;
  });
  await expect(runPipeline({ name: 'log', source, destination: memoryDestination(store) })).rejects.toBe(DOWN);
  expect(store.held.size).toBe(0);
});

test('a source is looked after when its destination is down', async () => {
  let prepared = 0;
  const source = emptyLog(async () => {
    await delay(5);
    prepared += 1;
  });
  const destination = waitingDestination(new MemoryStore(), Promise.reject(DOWN));
  await expect(runPipeline({ name: 'log', source, destination })).rejects.toBe(DOWN);
  expect(prepared).toBe(1);
});
