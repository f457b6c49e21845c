import { describe, expect, it } from 'vitest';
import { startSandbox, type AdAccount } from '../src/index.ts';
import { GraphClient } from './graph-client.ts';

async function start() {
  const sandbox = await startSandbox();
  const graph = new GraphClient(sandbox);
  const account = sandbox.world.accounts[0] as AdAccount;
  return { sandbox, graph, account, [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose]() };
}

describe('a batch', () => {
  it('answers each request in its place, right or wrong', async () => {
    await using run = await start();
    const [ad] = run.sandbox.world.ads(run.account.id);
    const { status, body } = await run.graph.post('', {
      batch: [
        { method: 'GET', relative_url: `${ad?.id}?fields=id,name` },
        { method: 'GET', relative_url: 'v24.0/act_12/ads' },
        { method: 'POST', relative_url: `act_${run.account.id}/insights`, body: 'fields=spend&date_preset=yesterday' },
      ],
    });
    expect(status).toBe(200);
    expect(body.map(({ code }: { code: number }) => code)).toEqual([200, 400, 200]);
    expect(JSON.parse(body[0].body)).toEqual({ id: ad?.id, name: ad?.name });
    expect(JSON.parse(body[1].body).error.code).toBe(100);
    expect(JSON.parse(body[2].body)).toHaveProperty('report_run_id');
    expect(body[0].headers).toContainEqual({ name: 'facebook-api-version', value: 'v24.0' });
  });

  it('leaves out headers when they are not wanted', async () => {
    await using run = await start();
    const { body } = await run.graph.post('', {
      include_headers: 'false',
      batch: [{ method: 'GET', relative_url: 'me' }],
    });
    expect(Object.keys(body[0])).toEqual(['code', 'body']);
  });

  it.each(['json', 'multipart'])('is understood as %s as well', async (form) => {
    await using run = await start();
    const batch = JSON.stringify([{ method: 'GET', relative_url: 'me' }]);
    const url = `${run.sandbox.facebook.baseUrl}/v24.0/?access_token=${run.sandbox.facebook.token}`;
    const data = new FormData();
    data.set('batch', batch);
    const init =
      form === 'json'
        ? { body: JSON.stringify({ batch: JSON.parse(batch) }), headers: { 'content-type': 'application/json' } }
        : { body: data };
    const answer = (await (await fetch(url, { method: 'POST', ...init })).json()) as { code: number }[];
    expect(answer.map(({ code }) => code)).toEqual([200]);
  });

  it('of more than fifty is refused', async () => {
    await using run = await start();
    const batch = Array.from({ length: 51 }, () => ({ method: 'GET', relative_url: 'me' }));
    const { status, body } = await run.graph.post('', { batch });
    expect([status, body.error.type]).toEqual([400, 'GraphBatchException']);
  });

  it('with a wrong token is refused as a whole', async () => {
    await using run = await start();
    const stranger = new GraphClient(run.sandbox, 'wrong');
    const { body } = await stranger.post('', { batch: [{ method: 'GET', relative_url: 'me' }] });
    expect(body.error.code).toBe(190);
  });

  it('has faults in its parts: none answered, another status, an error', async () => {
    await using run = await start();
    run.sandbox.control.fault({ kind: 'batch-timeout', match: { path: '*/me' }, after: 1 });
    run.sandbox.control.fault({ kind: 'status', status: 500, match: { path: '*/act_*' } });
    run.sandbox.control.fault({ kind: 'rate-limit', code: 4, match: { path: '*/act_*' }, after: 1 });
    const urls = ['me', 'me', `act_${run.account.id}`, `act_${run.account.id}`, `act_${run.account.id}`];
    const { body } = await run.graph.post('', { batch: urls.map((url) => ({ method: 'GET', relative_url: url })) });
    expect(body.map((part: { code: number } | null) => part?.code ?? null)).toEqual([200, null, 500, 200, 403]);
  });

  it('is in the log with its parts, without the token', async () => {
    await using run = await start();
    const { token } = run.sandbox.facebook;
    await run.graph.post('', { batch: [{ method: 'GET', relative_url: `me?fields=id&access_token=${token}` }] });
    const log = run.sandbox.control.requests();
    expect(log.map(({ path, isBatched, caller }) => [path, isBatched, caller])).toEqual([
      ['/v24.0/', false, 'default'],
      ['/v24.0/me', true, 'default'],
    ]);
    expect(JSON.stringify(log)).not.toContain(token);
    expect(JSON.stringify(log)).toContain('[redacted]');
  });
});
