import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { EngineMemory } from '../src/engine-memory.ts';
import { openEmbedded } from '../src/embedded.ts';

const MIB = 1024 * 1024;
test('gives memory back once for many bytes of rows', async () => {
  const statements: string[] = [];
  let now = 0;
  const memory = new EngineMemory(() => now);
  const insert = (mebibytes: number): Promise<void> =>
    memory.inserted(mebibytes * MIB, async (statement) => {
      statements.push(statement);
    });
  await insert(3);
  expect(statements).toEqual([]);
  await insert(1);
  expect(statements).toEqual(['SYSTEM JEMALLOC PURGE']);
  now += 300;
  await insert(3);
  expect(statements).toHaveLength(1);
  await insert(1);
  expect(statements).toHaveLength(2);
});

test('gives memory back less often while inserts follow each other fast', async () => {
  let now = 0;
  const released: number[] = [];
  const memory = new EngineMemory(() => now);
  for (; now < 1000; now += 50) await memory.inserted(6 * MIB, async () => void released.push(now));
  expect(released).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
});

test('gives memory back before long work and while it lasts, once at a time', async () => {
  vi.useFakeTimers();
  try {
    const memory = new EngineMemory();
    const work = Promise.withResolvers<string>();
    const released: PromiseWithResolvers<void>[] = [];
    const done = memory.during(
      () => work.promise,
      () => {
        const asked = Promise.withResolvers<void>();
        released.push(asked);
        return asked.promise;
      },
    );
    expect(released).toHaveLength(1);
    released[0]?.resolve();
    await vi.advanceTimersByTimeAsync(350);
    expect(released).toHaveLength(2);
    released[1]?.resolve();
    await vi.advanceTimersByTimeAsync(100);
    expect(released).toHaveLength(3);
    let isOver = false;
    void done.then(() => (isOver = true));
    work.resolve('merged');
    await vi.advanceTimersByTimeAsync(1000);
    expect({ isOver, asked: released.length }).toEqual({ isOver: false, asked: 3 });
    released[2]?.resolve();
    expect(await done).toBe('merged');
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test('an engine that refuses it is asked once, and no insert fails of it', async () => {
  let asked = 0;
  const memory = new EngineMemory();
  const refuse = async (): Promise<void> => {
    asked += 1;
    throw Object.assign(new Error('jemalloc is not enabled'), { code: '344', type: 'SUPPORT_IS_DISABLED' });
  };
  await memory.inserted(16 * MIB, refuse);
  await memory.release(refuse);
  expect(asked).toBe(1);
});

test('an engine that did not answer is asked again', async () => {
  let asked = 0;
  const memory = new EngineMemory();
  const fail = async (): Promise<void> => {
    asked += 1;
    throw new Error('closed');
  };
  await memory.release(fail);
  await memory.release(fail);
  expect(asked).toBe(2);
});

test('work that fails while memory is given back fails as it did, when that has ended', async () => {
  vi.useFakeTimers();
  try {
    const memory = new EngineMemory();
    const work = Promise.withResolvers<never>();
    const asked: PromiseWithResolvers<void>[] = [];
    let failure: unknown;
    const failing = memory
      .during(
        () => work.promise,
        () => {
          asked.push(Promise.withResolvers<void>());
          return asked.at(-1)?.promise ?? Promise.resolve();
        },
      )
      .catch((error: unknown) => (failure = error));
    asked[0]?.resolve();
    await vi.advanceTimersByTimeAsync(150);
    work.reject(new Error('no space'));
    await vi.advanceTimersByTimeAsync(0);
    expect({ asked: asked.length, failure }).toEqual({ asked: 2, failure: undefined });
    asked[1]?.resolve();
    await failing;
    expect(failure).toEqual(new Error('no space'));
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test('the engine that comes with the package takes the statement', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'etl-memory-'));
  const connection = await openEmbedded(directory, 1, 0, {});
  try {
    await connection.command('SYSTEM JEMALLOC PURGE');
    await connection.longCommand('SELECT 1');
  } finally {
    await connection.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
