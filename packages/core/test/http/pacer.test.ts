import { expect, it } from 'vitest';
import { Pacer, Semaphore, sharedPacer } from '../../src/http/index.ts';
import { FakeClock } from './fake-clock.ts';
import { rejection } from './test-server.ts';

/** Lets everything run that needs no time. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('lets so many in at once, then as many per second as the bucket refills', async () => {
  const clock = new FakeClock();
  const pacer = new Pacer({ name: 'app', clock, buckets: [{ capacity: 3, refillPerSecond: 2 }] });
  let entered = 0;
  const all = Array.from({ length: 7 }, () => pacer.acquire().then(() => (entered += 1)));
  await settle();
  expect(entered).toBe(3);
  for (const expected of [4, 5, 6, 7]) {
    await clock.untilTimer(500);
    clock.advance(500);
    await settle();
    expect(entered).toBe(expected);
  }
  await Promise.all(all);
});

it('takes what a request costs, and lets one in that costs more than the bucket holds', async () => {
  const clock = new FakeClock();
  const pacer = new Pacer({ name: 'app', clock, buckets: [{ capacity: 10, refillPerSecond: 1 }] });
  await pacer.acquire({ cost: 25 });
  const next = pacer.acquire({ cost: 1 });
  await clock.untilTimer(16_000);
  clock.advance(16_000);
  await next;
});

it('spaces requests out when the platform says that the quota is nearly used', async () => {
  const clock = new FakeClock();
  const pacer = new Pacer({ name: 'app', clock, slowDownAt: 0.8, longestSpacingMs: 20_000 });
  pacer.observe({ usedRatio: 0.79 });
  pacer.observe({ usedRatio: Number.NaN, regainMs: Number.NaN });
  await pacer.acquire();
  pacer.observe({ usedRatio: 0.9 });
  const next = pacer.acquire();
  await clock.untilTimer(10_000);
  clock.advance(10_000);
  await next;
  pacer.observe({ usedRatio: 0.99, regainMs: 300 });
  const last = pacer.acquire();
  await clock.untilTimer(300);
  clock.advance(300);
  await last;
});

it('refuses at once, with the time of regaining, what would wait beyond the deadline', async () => {
  const clock = new FakeClock();
  const pacer = new Pacer({ name: 'act_42', clock, longestWaitMs: 3_600_000 });
  pacer.observe({ usedRatio: 1, regainMs: 600_000 });
  await expect(pacer.acquire({ deadline: new Date(clock.now() + 60_000) })).rejects.toMatchObject({
    code: 'HTTP_QUOTA_USED',
    kind: 'rate-limit',
    retryAfterMs: 600_000,
    context: { pacer: 'act_42', regainsAt: '2026-11-24T12:10:00.000Z' },
  });
  expect(clock.pending).toEqual([]);
  const patient = pacer.acquire({ deadline: new Date(clock.now() + 900_000) });
  await clock.untilTimer(600_000);
  clock.advance(600_000);
  await patient;
});

it('refuses at once also when all places are taken', async () => {
  const clock = new FakeClock();
  const pacer = new Pacer({ name: 'app', clock, concurrency: 1 });
  await pacer.acquire();
  pacer.parkUntil(clock.now() + 3_600_000);
  await expect(pacer.acquire()).rejects.toMatchObject({ code: 'HTTP_QUOTA_USED' });
});

it('saves up no more than the capacity in a long pause', async () => {
  const clock = new FakeClock();
  const pacer = new Pacer({ name: 'app', clock, buckets: [{ capacity: 2, refillPerSecond: 1 }] });
  clock.advance(3_600_000);
  await pacer.acquire({ cost: 2 });
  const third = pacer.acquire();
  await clock.untilTimer(1000);
  clock.advance(1000);
  await third;
});

it('refuses those who wait already when the quota turns out to be used', async () => {
  const clock = new FakeClock();
  const pacer = new Pacer({ name: 'app', clock, buckets: [{ capacity: 1, refillPerSecond: 1 }] });
  await pacer.acquire();
  const waiting = rejection(pacer.acquire());
  await clock.untilTimer(1000);
  pacer.parkUntil(clock.now() + 3_600_000);
  clock.advance(1000);
  expect(await waiting).toMatchObject({ code: 'HTTP_QUOTA_USED', retryAfterMs: 3_599_000 });
});

it('bounds what is under way, and gives places by order of arrival', async () => {
  const pacer = new Pacer({ name: 'app', concurrency: 2 });
  const order: number[] = [];
  const leaves: (() => void)[] = [];
  const all = [1, 2, 3, 4].map(async (number) => {
    leaves.push(await pacer.acquire());
    order.push(number);
  });
  await settle();
  expect(order).toEqual([1, 2]);
  leaves[0]!();
  leaves[0]!();
  await settle();
  expect(order).toEqual([1, 2, 3]);
  leaves[1]!();
  await Promise.all(all);
  expect(order).toEqual([1, 2, 3, 4]);
});

it('leaves no place taken by who gives up waiting', async () => {
  const semaphore = new Semaphore(1);
  const release = await semaphore.acquire();
  const controller = new AbortController();
  const impatient = rejection(semaphore.acquire(controller.signal));
  const patient = semaphore.acquire();
  expect(semaphore.waiting).toBe(2);
  controller.abort(new Error('stop'));
  expect(await impatient).toEqual(new Error('stop'));
  release();
  (await patient)();
  expect(semaphore.waiting).toBe(0);
});

it('gives its place back when the wait for its turn is aborted', async () => {
  const clock = new FakeClock();
  const pacer = new Pacer({ name: 'app', clock, concurrency: 1, buckets: [{ capacity: 1, refillPerSecond: 1 }] });
  (await pacer.acquire())();
  const controller = new AbortController();
  const waiting = rejection(pacer.acquire({ signal: controller.signal }));
  await clock.untilTimer(1000);
  controller.abort(new Error('stop'));
  expect(await waiting).toEqual(new Error('stop'));
  clock.advance(1000);
  (await pacer.acquire())();
});

it('remembers across runs, as plain JSON, what is used', async () => {
  const clock = new FakeClock();
  const options = { name: 'app', clock, buckets: [{ capacity: 5, refillPerSecond: 0.01 }] };
  const before = new Pacer(options);
  for (let taken = 0; taken < 5; taken += 1) await before.acquire();
  before.parkUntil(clock.now() + 30_000);
  const memory = JSON.parse(JSON.stringify(before.state())) as ReturnType<Pacer['state']>;

  clock.advance(10_000);
  const after = new Pacer(options);
  after.restore(memory);
  expect(after.parkedUntil).toBe(clock.now() + 20_000);
  await expect(after.acquire()).rejects.toMatchObject({ code: 'HTTP_QUOTA_USED', retryAfterMs: 90_000 });
});

it.each([undefined, null, 'x', 7, [], {}, { formatVersion: 2, parkedUntil: 9e15 }, { formatVersion: 1, buckets: 'x' }])(
  'starts anew from a memory that is %j',
  async (memory) => {
    const pacer = new Pacer({ name: 'app', buckets: [{ capacity: 1, refillPerSecond: 1 }] });
    pacer.restore(memory);
    await pacer.acquire();
    expect(pacer.parkedUntil).toBe(0);
  },
);

it('keeps what its buckets refilled when it takes up a state', async () => {
  const clock = new FakeClock();
  const pacer = new Pacer({ name: 'app', clock, buckets: [{ capacity: 10, refillPerSecond: 1 }], longestWaitMs: 1 });
  await pacer.acquire({ cost: 10 });
  const state = pacer.state();
  clock.advance(10_000);
  pacer.restore(state);
  await pacer.acquire({ cost: 10 });
});

it('never believes that a quota is used for more than a day', () => {
  const clock = new FakeClock();
  const pacer = new Pacer({ name: 'app', clock });
  pacer.restore({ formatVersion: 1, parkedUntil: 9e15 });
  expect(pacer.parkedUntil).toBe(clock.now() + 86_400_000);
});

it('is one for all who use a token in this process', () => {
  const pacer = sharedPacer('token-one', { name: 'app' });
  expect(sharedPacer('token-one', { name: 'the same app elsewhere' })).toBe(pacer);
  expect(sharedPacer('token-two', { name: 'app' })).not.toBe(pacer);
});
