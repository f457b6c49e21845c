import { expect, it } from 'vitest';
import type { JsonValue, StreamMemory } from '../../src/index.ts';
import { paced, Pacer, quotaKey } from '../../src/http/index.ts';
import { FakeClock } from './fake-clock.ts';

function memory(): StreamMemory & { readonly kept: Map<string, JsonValue>; writes: number } {
  const kept = new Map<string, JsonValue>();
  const made = {
    kept,
    writes: 0,
    get: async (key: string) => kept.get(key),
    async set(key: string, value: JsonValue) {
      made.writes += 1;
      kept.set(key, structuredClone(value));
    },
  };
  return made;
}

async function drain(rows: AsyncIterable<number>): Promise<readonly number[]> {
  const all: number[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

it('lets the next one with the same token wait for a quota that this one has used up, also after a failure', async () => {
  const clock = new FakeClock();
  const shared = memory();
  const key = quotaKey('token', 'account 1');
  const first = new Pacer({ name: 'account 1', clock });
  const reading = paced(first, { memory: shared, key }, async function* read() {
    yield 1;
    first.observe({ usedRatio: 1, regainMs: 600_000 });
    throw new Error('refused');
  });
  await expect(drain(reading)).rejects.toThrow('refused');

  const second = new Pacer({ name: 'account 1', clock });
  const waiting = paced(second, { memory: shared, key }, async function* read() {
    await second.acquire();
    yield 1;
  });
  await expect(drain(waiting)).rejects.toMatchObject({ code: 'HTTP_QUOTA_USED', retryAfterMs: 600_000 });
  clock.advance(600_000);
  const third = new Pacer({ name: 'account 1', clock });
  const free = paced(third, { memory: shared, key }, async function* read() {
    await third.acquire();
    yield 1;
  });
  expect(await drain(free)).toEqual([1]);
});

it('does not forget what another run learned while this one was reading', async () => {
  const clock = new FakeClock();
  const shared = memory();
  const options = { name: 'account 1', buckets: [{ capacity: 10, refillPerSecond: 1 }], clock };
  const [mine, theirs] = [new Pacer(options), new Pacer(options)];
  const reading = paced(mine, { memory: shared, key: 'k' }, async function* read() {
    await mine.acquire();
    yield 1;
    theirs.parkUntil(clock.now() + 600_000);
    await drain(paced(theirs, { memory: shared, key: 'k' }, async function* other() {}));
  });
  await drain(reading);
  expect(shared.kept.get('k')).toMatchObject({ parkedUntil: clock.now() + 600_000 });
});

it('says why the reading failed also when what it learned cannot be kept', async () => {
  const pacer = new Pacer({ name: 'account 1' });
  const broken = { ...memory(), set: async () => Promise.reject(new Error('the destination is down')) };
  const reading = paced(pacer, { memory: broken, key: 'k' }, async function* read() {
    yield 1;
    throw new Error('refused');
  });
  await expect(drain(reading)).rejects.toThrow('refused');
});

it('writes only when something was learned', async () => {
  const clock = new FakeClock();
  const shared = memory();
  const pacer = new Pacer({ name: 'account 1', clock });
  for (let round = 0; round < 3; round += 1) {
    await drain(
      paced(pacer, { memory: shared, key: 'k' }, async function* read() {
        yield 1;
      }),
    );
  }
  expect(shared.writes).toBe(1);
});

it('needs no memory', async () => {
  const pacer = new Pacer({ name: 'account 1' });
  const rows = paced(pacer, { memory: undefined, key: 'k' }, async function* read() {
    yield 1;
  });
  expect(await drain(rows)).toEqual([1]);
});

it('has a key that differs by token and account, and holds neither', () => {
  const keys = [quotaKey('token-a', '1'), quotaKey('token-a', '2'), quotaKey('token-b', '1'), quotaKey('token-a', '1')];
  expect(new Set(keys).size).toBe(3);
  expect(keys[0]).toBe(keys[3]);
  expect(keys.join()).not.toMatch(/token/);
});
