import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LearnedPageSize } from '../src/learned-page-size.ts';
import { memoryOf, SteppedClock } from './scripted-graph.ts';
import { startWorld } from './world.ts';

const DAY_MS = 86_400_000;

/** An account that gives pages up to a size, read once at a time; what was asked for at first, and how often in vain. */
function account(most: () => number, configured: () => number = () => 200) {
  const memory = memoryOf();
  const clock = new SteppedClock();
  return {
    memory,
    clock,
    read: async (): Promise<{ readonly first: number; readonly refused: number; readonly last: number }> => {
      const size = new LearnedPageSize(memory, 'ads/1', clock);
      const first = await size.first(configured());
      let limit = first;
      let refused = 0;
      while (limit > most() && limit > 1) {
        limit = Math.floor(limit / 2);
        refused += 1;
        size.learn(limit);
      }
      await size.save();
      return { first, refused, last: limit };
    },
  };
}

describe('how many objects of a page', () => {
  test('an account that gives what is configured costs no memory', async () => {
    const { read, memory } = account(() => 200);
    expect(await read()).toEqual({ first: 200, refused: 0, last: 200 });
    expect(memory.held.size).toBe(0);
  });

  test('what was learned holds for the next run, which makes no call in vain', async () => {
    const { read, clock } = account(() => 60);
    expect(await read()).toEqual({ first: 200, refused: 2, last: 50 });
    for (let run = 0; run < 5; run += 1) {
      clock.advance(3_600_000);
      expect(await read()).toEqual({ first: 50, refused: 0, last: 50 });
    }
  });

  test('grows again, by twice a day, until it is what is configured, and is forgotten then', async () => {
    let most = 20;
    const { read, clock, memory } = account(() => most);
    expect((await read()).last).toBe(12);
    most = 1000;
    const firsts: number[] = [];
    for (let day = 0; day < 6; day += 1) {
      clock.advance(DAY_MS);
      firsts.push((await read()).first);
      // Within the same day it stays as it is.
      clock.advance(60_000);
      expect((await read()).first).toBe(firsts.at(-1));
    }
    expect(firsts).toEqual([24, 48, 96, 192, 200, 200]);
    expect(memory.held.size).toBe(0);
  });

  test('an account that stays heavy is tried after one, two, four, eight days and eight again', async () => {
    const { read, clock } = account(() => 50);
    await read();
    const tried: number[] = [];
    for (let day = 1; day <= 40; day += 1) {
      clock.advance(DAY_MS);
      const { first, refused, last } = await read();
      expect(last).toBe(50);
      expect(refused).toBe(first === 50 ? 0 : 1);
      if (refused > 0) tried.push(day);
    }
    expect(tried).toEqual([1, 3, 7, 15, 23, 31, 39]);
  });

  test('an attempt that fails leaves what was good, even when a half of it is not a half of the attempt', async () => {
    const { read, clock } = account(
      () => 150,
      () => 250,
    );
    expect((await read()).last).toBe(125);
    clock.advance(DAY_MS);
    // 250 again: no more than configured. Half of it is what was known.
    expect(await read()).toEqual({ first: 250, refused: 1, last: 125 });
    expect((await read()).first).toBe(125);
  });

  test('never more than what is configured now', async () => {
    let configured = 200;
    const { read, clock } = account(
      () => 100,
      () => configured,
    );
    expect((await read()).last).toBe(100);
    configured = 30;
    expect((await read()).first).toBe(30);
    clock.advance(5 * DAY_MS);
    expect((await read()).first).toBe(30);
    configured = 120;
    expect((await read()).first).toBe(120);
  });

  test('what becomes too heavy later is halved again from what was known', async () => {
    let most = 100;
    const { read } = account(() => most);
    expect((await read()).last).toBe(100);
    most = 10;
    expect(await read()).toEqual({ first: 100, refused: 4, last: 6 });
    expect((await read()).first).toBe(6);
  });

  test.each([
    ['text', 'fifty'],
    ['nothing', null],
    ['a list', [50]],
    ['zero', 0],
    ['a part', 12.5],
    ['less than nothing', -4],
    ['an object of something else', { pages: 4 }],
    ['a size that is none', { size: 0, at: 1, waitMs: DAY_MS }],
    ['a wait that is none', { size: 50, at: 1, waitMs: 5 }],
    ['a wait without end', { size: 50, at: 1, waitMs: 1e15 }],
  ])('memory that holds %s is as good as none', async (_what, stored) => {
    const memory = memoryOf(stored === null ? new Map() : new Map([['page-size/ads/1', stored as never]]));
    expect(await new LearnedPageSize(memory, 'ads/1', new SteppedClock()).first(200)).toBe(200);
  });

  test('a size that was stored without its time is tried to be doubled at once', async () => {
    const memory = memoryOf(new Map([['page-size/ads/1', 50]]));
    const size = new LearnedPageSize(memory, 'ads/1', new SteppedClock());
    expect(await size.first(200)).toBe(100);
    size.learn(50);
    await size.save();
    expect(memory.held.get('page-size/ads/1')).toMatchObject({ size: 50 });
  });

  test('without memory everything is as configured', async () => {
    const size = new LearnedPageSize(undefined, 'ads/1', new SteppedClock());
    expect(await size.first(77)).toBe(77);
    size.learn(38);
    await expect(size.save()).resolves.toBeUndefined();
  });

  test('a list that is not read to its end teaches nothing', async () => {
    const memory = memoryOf();
    const size = new LearnedPageSize(memory, 'ads/1', new SteppedClock());
    await size.first(200);
    size.learn(100);
    expect(memory.held.size).toBe(0);
  });

  test('lists and accounts learn for themselves', async () => {
    const memory = memoryOf();
    const clock = new SteppedClock();
    for (const [list, learned] of [
      ['ads/1', 100],
      ['ads/2', 50],
      ['adsets/1', 25],
    ] as const) {
      const size = new LearnedPageSize(memory, list, clock);
      await size.first(200);
      size.learn(learned);
      await size.save();
    }
    const firsts = ['ads/1', 'ads/2', 'adsets/1', 'adsets/2'].map((list) =>
      new LearnedPageSize(memory, list, clock).first(200),
    );
    expect(await Promise.all(firsts)).toEqual([100, 50, 25, 200]);
  });

  test('whatever an account gives and whenever it is read, at most one call in eight days is in vain once it is known', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 400 }),
        fc.array(fc.integer({ min: 1, max: 72 }), { minLength: 30, maxLength: 60 }),
        async (most, hours) => {
          const { read, clock } = account(() => most);
          await read();
          const refusedAt: number[] = [];
          for (const pause of hours) {
            clock.advance(pause * 3_600_000);
            const { refused, last } = await read();
            expect(last).toBeLessThanOrEqual(Math.max(1, most));
            expect(refused).toBeLessThanOrEqual(1);
            if (refused > 0) refusedAt.push(clock.now());
          }
          // Once, after one day, after two, after four: then not more often than every eight days.
          const late = refusedAt.slice(5);
          for (const [index, at] of late.entries()) {
            if (index > 0) expect(at - (late[index - 1] ?? 0)).toBeGreaterThanOrEqual(7 * DAY_MS);
          }
        },
      ),
      { numRuns: 40, seed: 20_260_310 },
    );
  });
});

test('pages of a list that were too heavy grow again when the account has become lighter', async () => {
  await using world = await startWorld({ isLively: false, facebook: { limits: { listWeight: 700 } } });
  const [accountId = ''] = world.accountIds;
  const run = async (): Promise<{ readonly limits: number[]; readonly refused: number }> => {
    world.sandbox.control.clearRequests();
    const report = await world.run({ accountIds: [accountId] }, { streams: ['ads'] });
    expect(report.failures).toEqual([]);
    const log = world.sandbox.control.requests({ path: '*/ads' });
    return {
      limits: log.map(({ parameters }) => Number(parameters['limit'])),
      refused: log.filter(({ status }) => status !== 200).length,
    };
  };
  const first = await run();
  expect(first.refused).toBeGreaterThan(0);
  const learned = first.limits.at(-1) ?? 0;
  expect(await run()).toMatchObject({ refused: 0, limits: expect.arrayContaining([learned]) });
  world.sandbox.control.advance({ days: 1 });
  const tried = await run();
  expect(tried.limits[0]).toBe(learned * 2);
  expect(tried.refused).toBe(1);
  // Not again tomorrow, for it was refused.
  world.sandbox.control.advance({ days: 1 });
  expect((await run()).refused).toBe(0);
});

test('pages of a report that are too much are halved, remembered, and not asked for again in the next run', async () => {
  await using world = await startWorld();
  const [accountId = ''] = world.accountIds;
  const options = {
    accountIds: [accountId],
    insights: { historyDays: 2, lookbackDays: 2 },
    reports: { pageSize: 100 },
  };
  world.sandbox.control.fault({
    kind: 'too-much-data',
    form: 'reduce',
    match: { method: 'GET', path: '*/62*/insights' },
  });
  expect((await world.run(options, { streams: ['insights'] })).failures).toEqual([]);
  const pages = () =>
    world.sandbox.control
      .requests({ method: 'GET', path: '*/62*/insights' })
      .map(({ parameters }) => Number(parameters['limit']));
  expect(pages()[0]).toBe(100);
  expect(pages()).toContain(50);
  world.sandbox.control.clearRequests();
  expect((await world.run(options, { streams: ['insights'] })).failures).toEqual([]);
  expect(new Set(pages())).toEqual(new Set([50]));
});
