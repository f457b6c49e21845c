import { describe, expect, it } from 'vitest';
import { startSandbox, type FaultRule } from '../src/index.ts';
import { GraphClient } from './graph-client.ts';

async function withFault(rule: FaultRule) {
  const sandbox = await startSandbox();
  const graph = new GraphClient(sandbox);
  const path = `act_${sandbox.world.accounts[0]?.id}/ads`;
  sandbox.control.fault(rule);
  return { sandbox, graph, path, [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose]() };
}

describe('on the way', () => {
  it('another status, body and header', async () => {
    await using run = await withFault({
      kind: 'status',
      status: 429,
      body: '{"slow":"down"}',
      headers: { 'retry-after': '7' },
    });
    const { status, body, headers } = await run.graph.get(run.path);
    expect([status, body, headers.get('retry-after')]).toEqual([429, { slow: 'down' }, '7']);
    expect((await run.graph.get(run.path)).status).toBe(200);
  });

  it('a page of a proxy', async () => {
    await using run = await withFault({ kind: 'html' });
    const { status, body, headers } = await run.graph.get(run.path);
    expect([status, headers.get('content-type')]).toEqual([502, 'text/html; charset=utf-8']);
    expect(body).toMatch(/^<!DOCTYPE html>/);
  });

  it('no body', async () => {
    await using run = await withFault({ kind: 'empty' });
    expect(await run.graph.get(run.path)).toMatchObject({ status: 503, body: '' });
  });

  it('a connection that breaks before anything was done', async () => {
    await using run = await withFault({ kind: 'reset', match: { method: 'POST' } });
    const submit = () => run.graph.post(run.path.replace('ads', 'insights'), { fields: 'spend' });
    await expect(submit()).rejects.toThrow('fetch failed');
    expect((await submit()).body.report_run_id).toMatch(/0000001$/);
  });

  it('a connection that breaks after a report was submitted', async () => {
    await using run = await withFault({ kind: 'reset', isCarriedOut: true, match: { method: 'POST' } });
    const submit = () => run.graph.post(run.path.replace('ads', 'insights'), { fields: 'spend' });
    await expect(submit()).rejects.toThrow('fetch failed');
    expect((await submit()).body.report_run_id).toMatch(/0000002$/);
  });

  it('an answer that breaks off', async () => {
    await using run = await withFault({ kind: 'truncated' });
    await expect(run.graph.get(run.path)).rejects.toThrow('terminated');
  });

  it('an answer that is cut, but looks whole', async () => {
    await using run = await withFault({ kind: 'cut-json' });
    const { status, body } = await run.graph.get(run.path);
    expect(status).toBe(200);
    expect(typeof body).toBe('string');
  });

  it('an answer that is late', async () => {
    await using run = await withFault({ kind: 'slow', delayMs: 60 });
    const startedAt = performance.now();
    expect((await run.graph.get(run.path)).status).toBe(200);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(55);
  });

  it('an answer that is later than anybody waits', async () => {
    await using run = await withFault({ kind: 'slow', delayMs: 3_600_000 });
    const url = `${run.sandbox.facebook.baseUrl}/v24.0/me?access_token=${run.sandbox.facebook.token}`;
    await expect(fetch(url, { signal: AbortSignal.timeout(50) })).rejects.toThrow(/timeout/i);
  });
});

describe('of the Graph API', () => {
  it('any error', async () => {
    await using run = await withFault({ kind: 'graph-error', code: 100, subcode: 99, message: 'Odd', status: 418 });
    expect(await run.graph.get(run.path)).toMatchObject({
      status: 418,
      body: { error: { code: 100, error_subcode: 99, message: 'Odd' } },
    });
  });

  it('a passing error', async () => {
    await using run = await withFault({ kind: 'graph-error', code: 2 });
    expect(await run.graph.get(run.path)).toMatchObject({
      status: 500,
      body: { error: { code: 2, is_transient: true } },
    });
  });

  it.each([4, 17, 613, 80000, 80003, 80004] as const)('a limit with %i, which lasts', async (code) => {
    await using run = await withFault({ kind: 'rate-limit', code, minutes: 7, match: { path: '*/act_*' } });
    const edge = code === 80000 ? run.path.replace('ads', 'insights') : run.path;
    expect((await run.graph.get(edge)).body.error.code).toBe(code);
    const second = await run.graph.get(edge);
    expect(second.status).toBeGreaterThanOrEqual(400);
    run.sandbox.control.advance({ minutes: 7 });
    expect((await run.graph.get(edge)).status).toBe(200);
  });

  it.each([
    ['reduce', 500, { code: 1 }],
    ['timeout', 400, { code: 100, error_subcode: 1504018 }],
    ['data-points', 400, { code: 100, error_subcode: 1487534 }],
  ] as const)('too much data, as %s', async (form, status, error) => {
    await using run = await withFault({ kind: 'too-much-data', form });
    expect(await run.graph.get(run.path)).toMatchObject({ status, body: { error } });
  });

  it('too much data for one field only', async () => {
    await using run = await withFault({
      kind: 'too-much-data',
      form: 'data-points',
      times: 100,
      match: { path: '*/insights', parameters: { fields: '*actions*' } },
    });
    const path = run.path.replace('ads', 'insights');
    expect((await run.graph.get(path, { fields: 'spend,actions' })).body.error.error_subcode).toBe(1487534);
    expect((await run.graph.post(path, { fields: 'spend,actions' })).body.error.error_subcode).toBe(1487534);
    expect((await run.graph.get(path, { fields: 'spend' })).status).toBe(200);
  });

  it('a page that leads to itself', async () => {
    await using run = await withFault({ kind: 'repeated-cursor', after: 1 });
    const first = await run.graph.get(run.path, { limit: 5 });
    const second = await run.graph.follow(first.body.paging.next);
    const third = await run.graph.follow(second.body.paging.next);
    expect(third.body.data).toEqual(second.body.data);
    expect(second.body.data).not.toEqual(first.body.data);
  });

  it('a page that is half full, with all rows in the end', async () => {
    await using run = await withFault({ kind: 'short-page' });
    const whole = await run.graph.all(run.path, { limit: 500 });
    run.sandbox.control.fault({ kind: 'short-page' });
    const first = await run.graph.get(run.path, { limit: 10 });
    expect(first.body.data).toHaveLength(5);
    const rest = await run.graph.all(run.path, { limit: 10, after: first.body.paging.cursors.after });
    expect(rest.length + 5).toBe(whole.length);
  });

  it('rows without a field that belongs to them, and with one that does not', async () => {
    await using run = await withFault({ kind: 'missing-field', field: 'account_id' });
    const ask = async () => (await run.graph.get(run.path, { fields: 'id,account_id', limit: 2 })).body.data[0];
    expect(Object.keys(await ask())).toEqual(['id']);
    run.sandbox.control.fault({ kind: 'unknown-field' });
    expect(Object.keys(await ask())).toEqual(['id', 'account_id', 'a_field_of_tomorrow']);
  });
});

describe('an order', () => {
  it('meets the requests it names, as often as it says, after as many as it says', async () => {
    await using run = await withFault({
      kind: 'empty',
      after: 1,
      times: 2,
      match: { path: '/v24.0/*/ads', parameters: { limit: '3' } },
    });
    const statuses = async (limit: number) => (await run.graph.get(run.path, { limit })).status;
    expect([
      await statuses(4),
      await statuses(3),
      await statuses(3),
      await statuses(4),
      await statuses(3),
      await statuses(3),
    ]).toEqual([200, 200, 503, 200, 503, 200]);
    expect(run.sandbox.control.faults()).toMatchObject([{ id: 1, met: 2 }]);
  });

  it('waits for a request on which it has an effect', async () => {
    await using run = await withFault({ kind: 'job-failed' });
    run.sandbox.control.fault({ kind: 'short-page' });
    run.sandbox.control.fault({ kind: 'batch-timeout' });
    await run.graph.get('me');
    await run.graph.post('', { batch: [] });
    expect(run.sandbox.control.faults().map(({ met }) => met)).toEqual([0, 0, 0]);
    await run.graph.get(run.path);
    await run.graph.post(run.path.replace('ads', 'insights'), { fields: 'spend' });
    await run.graph.post('', { batch: [{ method: 'GET', relative_url: 'me' }] });
    expect(run.sandbox.control.faults().map(({ met }) => met)).toEqual([1, 1, 1]);
  });

  it('by chance meets the same requests for the same seed', async () => {
    const pattern = async () => {
      await using run = await withFault({ kind: 'empty', probability: 0.4 });
      const statuses: number[] = [];
      for (let call = 0; call < 30; call += 1) statuses.push((await run.graph.get('me')).status);
      return statuses;
    };
    const statuses = await pattern();
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    expect(await pattern()).toEqual(statuses);
  });

  it('is over when it is taken back', async () => {
    await using run = await withFault({ kind: 'empty', times: 100 });
    expect((await run.graph.get(run.path)).status).toBe(503);
    run.sandbox.control.clearFaults();
    expect((await run.graph.get(run.path)).status).toBe(200);
  });
});
