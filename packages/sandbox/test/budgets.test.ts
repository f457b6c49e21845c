import { describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../src/index.ts';
import { GraphClient, type Answer } from './graph-client.ts';

const insights = { fields: 'spend', date_preset: 'yesterday' };

function header(answer: Answer, name: string) {
  return JSON.parse(answer.headers.get(name) ?? 'null');
}

const first = (sandbox: Sandbox) => sandbox.world.accounts[0]?.id ?? '';

describe('usage headers', () => {
  it('come in four families, with the units the platform has', async () => {
    await using sandbox = await startSandbox();
    const graph = new GraphClient(sandbox);
    const id = first(sandbox);
    const answer = await graph.get(`act_${id}/insights`, insights);
    expect(header(answer, 'x-app-usage')).toEqual({ call_count: 0, total_cputime: 0, total_time: 0 });
    expect(header(answer, 'x-ad-account-usage')).toEqual({
      acc_id_util_pct: 0,
      reset_time_duration: 0,
      ads_api_access_tier: 'standard_access',
    });
    expect(header(answer, 'x-business-use-case-usage')).toEqual({
      [id]: [
        {
          type: 'ads_insights',
          call_count: 0,
          total_cputime: 0,
          total_time: 0,
          estimated_time_to_regain_access: 0,
          ads_api_access_tier: 'standard_access',
        },
      ],
    });
    expect(header(answer, 'x-fb-ads-insights-throttle')).toEqual({
      app_id_util_pct: 0,
      acc_id_util_pct: 0,
      ads_api_access_tier: 'standard_access',
    });
    const list = await graph.get(`act_${id}/ads`);
    expect(header(list, 'x-business-use-case-usage')[id][0].type).toBe('ads_management');
    expect(list.headers.has('x-fb-ads-insights-throttle')).toBe(false);
    expect((await graph.get('me')).headers.has('x-ad-account-usage')).toBe(false);
  });

  it('rise with every call and fall with time', async () => {
    await using sandbox = await startSandbox({ facebook: { budgets: { managementCallsPerHour: 100 } } });
    const graph = new GraphClient(sandbox);
    const path = `act_${first(sandbox)}/campaigns`;
    const usage = async () => header(await graph.get(path), 'x-business-use-case-usage')[first(sandbox)][0].call_count;
    for (let call = 0; call < 30; call += 1) await graph.get(path);
    expect(await usage()).toBe(31);
    sandbox.control.advance({ minutes: 12 });
    expect(await usage()).toBe(12);
  });
});

describe('a caller that is too fast', () => {
  it.each([
    ['insights', 80000, { insightsCallsPerHour: 20 }],
    ['campaigns', 80004, { managementCallsPerHour: 20 }],
  ])('of %s is refused with %i until it may come back', async (edge, code, budgets) => {
    await using sandbox = await startSandbox({ facebook: { budgets } });
    const graph = new GraphClient(sandbox);
    const id = first(sandbox);
    const ask = (account = id) => graph.get(`act_${account}/${edge}`, edge === 'insights' ? insights : {});
    let answer = await ask();
    let calls = 1;
    for (; answer.status === 200 && calls < 30; calls += 1) answer = await ask();
    expect(calls).toBe(21);
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatchObject({ code, error_subcode: 2446079, type: 'OAuthException' });
    const [useCase] = header(answer, 'x-business-use-case-usage')[id];
    expect(useCase).toMatchObject({ call_count: 100, estimated_time_to_regain_access: 30 });
    expect(sandbox.control.usage()).toMatchObject({
      facebook: { accounts: { [id]: { [edge === 'insights' ? 'insights' : 'management']: { isBlocked: true } } } },
    });

    expect((await ask(sandbox.world.accounts[1]?.id)).status).toBe(200);
    sandbox.control.advance({ minutes: 29 });
    expect((await ask()).body.error.code).toBe(code);
    sandbox.control.advance({ minutes: 1 });
    expect((await ask()).status).toBe(200);
  });

  it('is refused with 17 for too many points in five minutes', async () => {
    await using sandbox = await startSandbox({ facebook: { budgets: { accessTier: 'development' } } });
    const graph = new GraphClient(sandbox);
    let answer = await graph.get(`act_${first(sandbox)}/ads`, { limit: 1 });
    for (let call = 1; call < 70 && answer.status === 200; call += 1) {
      answer = await graph.get(`act_${first(sandbox)}/ads`, { limit: 1 });
    }
    expect(answer.body.error).toMatchObject({ code: 17, error_subcode: 2446079, is_transient: true });
    expect(header(answer, 'x-ad-account-usage')).toEqual({
      acc_id_util_pct: 100,
      reset_time_duration: 300,
      ads_api_access_tier: 'development_access',
    });
    sandbox.control.advance({ minutes: 5 });
    expect((await graph.get(`act_${first(sandbox)}/ads`)).status).toBe(200);
  });

  it('is refused with 4 for all accounts when the app is through', async () => {
    await using sandbox = await startSandbox({ facebook: { budgets: { appCallsPerHour: 10 } } });
    const graph = new GraphClient(sandbox);
    for (let call = 0; call < 10; call += 1) await graph.get(`act_${first(sandbox)}/ads`, { limit: 1 });
    const answer = await graph.get(`act_${sandbox.world.accounts[1]?.id}/ads`);
    expect([answer.status, answer.body.error.code]).toEqual([403, 4]);
    expect(header(answer, 'x-app-usage').call_count).toBe(100);
  });

  it('pays for each request of a batch, and for heavy ones with processor time', async () => {
    await using sandbox = await startSandbox({ facebook: { budgets: { managementCallsPerHour: 100 } } });
    const graph = new GraphClient(sandbox);
    const batch = Array.from({ length: 10 }, () => ({
      method: 'GET',
      relative_url: `act_${first(sandbox)}?fields=name`,
    }));
    await graph.post('', { batch });
    const [light] = header(await graph.get(`act_${first(sandbox)}`), 'x-business-use-case-usage')[first(sandbox)];
    expect(light).toMatchObject({ call_count: 11, total_cputime: 0 });
    for (let call = 0; call < 10; call += 1) {
      await graph.get(`act_${first(sandbox)}/ads`, {
        fields: 'id,name,targeting,creative{name,body,object_story_spec}',
        limit: 200,
      });
    }
    const [heavy] = header(await graph.get(`act_${first(sandbox)}`), 'x-business-use-case-usage')[first(sandbox)];
    expect(heavy.total_cputime).toBeGreaterThan(0);
  });
});
