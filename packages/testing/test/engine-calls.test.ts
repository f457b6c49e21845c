import { dailySlices, defineSource, defineStream, runPipeline, type PipelineEvent, type Source } from '@etl/core';
import { createHttpClient, paced, Pacer, quotaKey, type Clock } from '@etl/core/http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { faultyDestination, memoryDestination } from '../src/index.ts';

/** A platform with one quota an account, of which every answer says how full it is. */
async function platform(used: ReadonlyMap<string, number>) {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    const [, account = ''] = (request.url ?? '').split('/');
    response.setHeader('used', String(used.get(account) ?? 0.2));
    response.end(JSON.stringify({ day: (request.url ?? '').split('/')[2] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get asked() {
      return asked;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function source(url: string, token: string, clock: Clock): Source {
  const pacers = new Map<string, Pacer>();
  const http = createHttpClient({ baseUrl: url, clock, readUsage: usage });
  const report = defineStream({
    name: 'report',
    schema: z.object({ account_id: z.string(), day: z.iso.date() }),
    primaryKey: ['account_id', 'day'],
    writeDisposition: 'replace',
    scope: { keys: ['account_id'], day: 'day' },
    slices: ({ now = new Date() }) =>
      ['1', '2'].flatMap((id) =>
        dailySlices({ account: { column: 'account_id', id }, timeZone: 'UTC', now, historyDays: 2, lookbackDays: 5 }),
      ),
    read(slice, { signal, onCall, quotaMemory }) {
      const account = String(slice.scope?.equals['account_id']);
      const day = slice.scope?.days?.start ?? '';
      const pacer = pacers.get(account) ?? new Pacer({ name: `account ${account}`, clock });
      pacers.set(account, pacer);
      return paced(pacer, { memory: quotaMemory, key: quotaKey(token, account) }, async function* read() {
        await http.json(`${account}/${day}`, { pacer, signal, onCall });
        yield { rows: [{ account_id: account, day }] };
      });
    },
  });
  return defineSource({ name: 'test', streams: { report }, check: async () => undefined });
}

function usage(headers: Headers): { readonly usedRatio: number; readonly regainMs: number } {
  return { usedRatio: Number(headers.get('used')), regainMs: 600_000 };
}

describe('the calls of a run', () => {
  it('are counted per stream and account, reported and kept', async () => {
    await using api = await platform(new Map([['2', 0.5]]));
    const destination = memoryDestination();
    const clock = stoppedClock();
    const report = await runPipeline({ name: 'p', source: source(api.url, 't', clock), destination });
    expect(report.status).toBe('ok');
    const totals = { stream: 'report', calls: 2, retries: 0, failed: 0, waits: 0, waitMs: 0 };
    expect(report.calls).toMatchObject([
      { ...totals, account: '1', quotaUsed: 0.2, lastQuotaUsed: 0.2, quotaFreeAt: expect.any(String) },
      { ...totals, account: '2', quotaUsed: 0.5 },
    ]);
    const view = await destination.inspect();
    expect(await view.readApiCalls?.('p')).toEqual(report.calls);
  });

  it.each(['after its first load', 'while it reads for long'])('of a run that is killed %s are kept', async (when) => {
    await using api = await platform(new Map());
    const store = memoryDestination();
    const isLate = when !== 'after its first load';
    let now = Date.UTC(2026, 10, 20, 12);
    let committed = 0;
    const dead = new Error('killed');
    const destination = faultyDestination(store, (call) => {
      if (call === 'commit') committed += 1;
      const isOver = isLate ? call === 'publish' : committed === 2;
      return isOver ? { when: 'before', error: dead, isDeath: true } : undefined;
    });
    const run = runPipeline({
      name: 'p',
      source: source(api.url, 't', stoppedClock()),
      destination,
      concurrency: 1,
      now: () => new Date((now += isLate ? 6000 : 1)),
    });
    await expect(run).rejects.toThrow('killed');
    expect(store.store.runs).toEqual([]);
    const calls = (await (await store.inspect()).readApiCalls?.('p')) ?? [];
    expect(calls.reduce((sum, { calls: made }) => sum + made, 0)).toBe(1);
    // The next run tells of its own calls only.
    const report = await runPipeline({ name: 'p', source: source(api.url, 't', stoppedClock()), destination: store });
    expect(await (await store.inspect()).readApiCalls?.('p')).toEqual(report.calls);
  });

  it('are counted once, however often they are kept and whether or not keeping them fails', async () => {
    await using api = await platform(new Map());
    const store = memoryDestination();
    let kept = 0;
    const destination = faultyDestination(store, (call) => {
      if (call !== 'writeCalls') return undefined;
      kept += 1;
      return kept === 2 ? { when: 'before', error: new Error('busy') } : undefined;
    });
    let now = Date.UTC(2026, 10, 20, 12);
    const report = await runPipeline({
      name: 'p',
      source: source(api.url, 't', stoppedClock()),
      destination,
      concurrency: 1,
      now: () => new Date((now += 4000)),
    });
    expect(report.status).toBe('ok');
    expect(kept).toBeGreaterThan(2);
    expect(report.calls.reduce((sum, { calls }) => sum + calls, 0)).toBe(4);
    expect(await (await store.inspect()).readApiCalls?.('p')).toEqual(report.calls);
  });

  it('of one pipeline tell every other one with the same token that a quota is used up', async () => {
    const used = new Map([['1', 1]]);
    await using api = await platform(used);
    const destination = memoryDestination();
    const clock = stoppedClock();
    const first = await runPipeline({ name: 'first', source: source(api.url, 'token', clock), destination });
    // One answer said that the quota is used up: nothing more was asked of account 1.
    expect(api.asked).toBe(3);
    expect(first).toMatchObject({ status: 'partial', failures: [{ error: { code: 'HTTP_QUOTA_USED' } }] });

    const events: PipelineEvent[] = [];
    const second = await runPipeline({
      name: 'second',
      source: source(api.url, 'token', clock),
      destination,
      onEvent: (event) => events.push(event),
    });
    expect(api.asked).toBe(5);
    expect(second.failures).toHaveLength(2);
    expect(events.find(({ type }) => type === 'lane-parked')).toMatchObject({ lane: 'lane 1' });

    const other = await runPipeline({ name: 'third', source: source(api.url, 'another token', clock), destination });
    expect(other.failures).toHaveLength(1);
    expect(JSON.stringify([...destination.store.shared])).not.toContain('token');
  });
});

/** Time that stands still: nothing here is to be waited for. */
function stoppedClock(): Clock {
  const now = Date.UTC(2026, 10, 20, 12);
  return { now: () => now, after: () => () => undefined };
}
