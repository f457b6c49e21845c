import { EtlError } from '@etl/core';
import { describe, expect, test } from 'vitest';
import { Quotas } from '../src/quotas.ts';
import { resolveOptions } from '../src/options.ts';
import { collected, graphErrorBody, memoryOf, rejection, scriptedGraph, SteppedClock } from './scripted-graph.ts';

let tokens = 0;

/** Quotas of a token that no other test uses: pacers are shared by the process. */
function quotas(clock = new SteppedClock()): { readonly quotas: Quotas; readonly clock: SteppedClock } {
  tokens += 1;
  const options = resolveOptions({ token: `EAAtoken-${tokens}`, accountIds: ['1', '2'] });
  return { quotas: new Quotas(options, clock), clock };
}

function usage(percent: number, minutes?: number): Headers {
  return new Headers({
    'x-business-use-case-usage': JSON.stringify({
      1: [{ type: 'ads_insights', call_count: percent, estimated_time_to_regain_access: minutes ?? 0 }],
    }),
  });
}

describe('whoever waits for an account', () => {
  test('does not keep others from the app', async () => {
    const { quotas: own, clock } = quotas();
    own.of('1').observe({ usedRatio: 0.99 });
    const order: string[] = [];
    const waiting = (async () => {
      (await own.of('1').acquire())();
      order.push('1');
    })();
    for (const account of ['2', undefined, '2']) {
      const leave = await own.of(account).acquire();
      order.push(account ?? 'app');
      leave();
    }
    await waiting;
    expect(order).toEqual(['2', 'app', '2', '1']);
    expect(clock.waits).toHaveLength(1);
  });

  test('takes no turn of the app when it is stopped meanwhile', async () => {
    const { quotas: own } = quotas();
    own.of('1').observe({ usedRatio: 0.99 });
    const controller = new AbortController();
    const waiting = rejection(own.of('1').acquire({ signal: controller.signal }));
    controller.abort(new Error('stopped'));
    expect(await waiting).toMatchObject({ message: 'stopped' });
    await expect(own.of('2').acquire()).resolves.toBeTypeOf('function');
  });

  test('is refused at once when it would have to wait for long, and nobody else is', async () => {
    const { quotas: own, clock } = quotas();
    own.of('1').parkUntil(clock.now() + 30 * 60_000);
    expect(await rejection(own.of('1').acquire())).toMatchObject({ code: 'HTTP_QUOTA_USED', retryAfterMs: 1_800_000 });
    await expect(own.of('2').acquire()).resolves.toBeTypeOf('function');
    await expect(own.app.acquire()).resolves.toBeTypeOf('function');
    expect(clock.waits).toEqual([]);
  });
});

test('an account that is used up while it waits for the app is not asked any more', async () => {
  const { quotas: own, clock } = quotas();
  own.app.observe({ usedRatio: 0.95 });
  const waiting = rejection(own.of('1').acquire());
  own.of('1').parkUntil(clock.now() + 40 * 60_000);
  expect(await waiting).toMatchObject({ code: 'HTTP_QUOTA_USED' });
  await expect(own.of('2').acquire()).resolves.toBeTypeOf('function');
});

test('a full app holds all of its accounts, a full account only itself', async () => {
  const { quotas: own, clock } = quotas();
  own.app.parkUntil(clock.now() + 30 * 60_000);
  for (const account of ['1', '2', undefined]) {
    expect(await rejection(own.of(account).acquire())).toMatchObject({ code: 'HTTP_QUOTA_USED' });
  }
});

test.each([
  [80, [], 0],
  [89.9, [], 0],
  [90, [], 0],
  [95, [], 15_000],
  [99, [], 27_000],
  [100, [], 30_000],
])('at %d %% of a quota the next request of the account waits for %j ms', async (percent, _none, waitMs) => {
  const { quotas: own, clock } = quotas();
  own.observe(usage(percent), '1');
  (await own.of('1').acquire())();
  const waited = clock.waits.reduce((sum, ms) => sum + ms, 0);
  expect(Math.round(waited)).toBe(waitMs);
  (await own.of('2').acquire())();
  expect(clock.waits.reduce((sum, ms) => sum + ms, 0)).toBe(waited);
});

test('the threshold and the longest space are those of the options', async () => {
  const clock = new SteppedClock();
  const options = resolveOptions({
    token: 'EAAtoken-of-options',
    accountIds: ['1'],
    slowDownAt: 0.5,
    longestSpacingSeconds: 10,
  });
  const own = new Quotas(options, clock);
  own.observe(usage(75), '1');
  (await own.of('1').acquire())();
  expect(clock.waits).toEqual([5000]);
});

test('what the platform says is the time to wait is not waited for longer', async () => {
  const { quotas: own, clock } = quotas();
  own.of('1').observe({ usedRatio: 0.99, regainMs: 15_000 });
  (await own.of('1').acquire())();
  expect(clock.waits).toEqual([15_000]);
});

test.each([
  ['its regain time', { code: 'FACEBOOK_QUOTA_USED', retryAfterMs: 240_000, graphCode: 80_000 }, '1'],
  ['the app’s', { code: 'FACEBOOK_QUOTA_USED', retryAfterMs: 240_000, graphCode: 4 }, 'app'],
  ['an account’s own limit', { code: 'FACEBOOK_QUOTA_USED', retryAfterMs: 240_000, graphCode: 17 }, '1'],
] as const)('a refusal parks the one whose quota it is: %s', (_what, { code, retryAfterMs, graphCode }, whose) => {
  const { quotas: own, clock } = quotas();
  const refusal = new EtlError({ code, kind: 'rate-limit', message: 'refused', retryAfterMs, context: { graphCode } });
  own.refused(refusal, '1', clock.now());
  expect(own.app.parkedUntil > 0).toBe(whose === 'app');
  expect(own.of('1').parkedUntil > 0).toBe(whose === '1');
  expect(own.of('2').parkedUntil).toBe(0);
});

test('an error that speaks of no quota parks nobody', () => {
  const { quotas: own, clock } = quotas();
  for (const kind of ['transient', 'auth', 'data'] as const) {
    own.refused(new EtlError({ code: 'ANY', kind, message: 'no', retryAfterMs: 60_000 }), '1', clock.now());
  }
  own.refused(new EtlError({ code: 'ANY', kind: 'rate-limit', message: 'no time said' }), '1', clock.now());
  expect([own.app, own.of('1')].map(({ parkedUntil }) => parkedUntil)).toEqual([0, 0]);
});

test('what was learned of a quota is there for the next run, and holds no token', async () => {
  const clock = new SteppedClock();
  const memory = memoryOf();
  const options = resolveOptions({ token: 'EAAtoken-that-is-remembered', accountIds: ['1'] });
  const first = new Quotas(options, clock);
  const read = first.remembered('1', { quotaMemory: memory }, async function* () {
    first.of('1').parkUntil(clock.now() + 20 * 60_000);
    yield 'a page';
    throw new Error('the account is used up');
  });
  await expect(collected(read)).rejects.toThrow('used up');
  expect(memory.held.size).toBeGreaterThan(0);
  expect(JSON.stringify([...memory.held])).not.toContain('EAAtoken');
  const second = new Quotas(options, clock);
  const later = second.remembered('1', { quotaMemory: memory }, async function* () {
    yield await rejection(second.of('1').acquire());
  });
  expect(await collected(later)).toMatchObject([{ code: 'HTTP_QUOTA_USED' }]);
  clock.advance(21 * 60_000);
  const third = new Quotas(options, clock);
  const free = third.remembered('1', { quotaMemory: memory }, async function* () {
    (await third.of('1').acquire())();
    yield 'answered';
  });
  expect(await collected(free)).toEqual(['answered']);
});

test('a request that is refused for its account leaves the other account its requests, without a pause', async () => {
  const { graph, asked, clock } = scriptedGraph(
    ({ path }) =>
      path === 'act_1'
        ? { json: graphErrorBody(17, { error_subcode: 2_446_079 }), status: 400, headers: { 'x-app-usage': '{}' } }
        : { json: { id: path } },
    { accountIds: ['1', '2'] },
  );
  expect(await rejection(graph.get('act_1', {}, '1', {}))).toMatchObject({ code: 'FACEBOOK_QUOTA_USED' });
  for (let times = 0; times < 3; times += 1) expect(await graph.get('act_2', {}, '2', {})).toEqual({ id: 'act_2' });
  expect(await rejection(graph.get('act_1', {}, '1', {}))).toMatchObject({ code: 'HTTP_QUOTA_USED' });
  expect(asked.map(({ path }) => path)).toEqual(['act_1', 'act_2', 'act_2', 'act_2']);
  expect(clock.waits).toEqual([]);
});
