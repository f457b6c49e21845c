import { describe, expect, it } from 'vitest';
import { startSandbox, type FaultRule, type SandboxOptions } from '../src/index.ts';
import { GraphClient } from './graph-client.ts';

const report = {
  level: 'ad',
  time_increment: 1,
  fields: 'ad_id,spend',
  time_range: { since: '2026-03-01', until: '2026-03-02' },
};
const PLAIN: SandboxOptions = { facebook: { reports: { hasQuirks: false } } };

async function submit(options: SandboxOptions = PLAIN, fault?: FaultRule) {
  const sandbox = await startSandbox(options);
  const graph = new GraphClient(sandbox);
  const path = `act_${sandbox.world.accounts[0]?.id}/insights`;
  if (fault !== undefined) sandbox.control.fault(fault);
  const { body } = await graph.post(path, report);
  const id: string = body.report_run_id;
  const poll = async (): Promise<[status: string, percent: number]> => {
    const { body: run } = await graph.get(id, { fields: 'async_status,async_percent_completion' });
    return [run.async_status, run.async_percent_completion];
  };
  return { sandbox, graph, path, id, poll, [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose]() };
}

describe('a report that was submitted', () => {
  it('goes through its states as it is polled, and then holds the rows', async () => {
    await using run = await submit();
    expect(await run.poll()).toEqual(['Job Not Started', 0]);
    expect(await run.poll()).toEqual(['Job Started', 0]);
    const early = await run.graph.get(`${run.id}/insights`);
    expect(early.status).toBe(400);
    expect(early.body.error).toMatchObject({ code: 2601, error_subcode: 1815107, is_transient: true });
    expect(await run.poll()).toEqual(['Job Running', 66]);
    expect(await run.poll()).toEqual(['Job Completed', 100]);
    const rows = await run.graph.all(`${run.id}/insights`, { limit: 10 });
    expect(rows).toEqual(await run.graph.all(run.path, { ...report, limit: 500 }));
    expect(rows.length).toBeGreaterThan(10);
  });

  it('goes on while time passes as well', async () => {
    await using run = await submit();
    run.sandbox.control.advance({ minutes: 1 });
    expect(await run.poll()).toEqual(['Job Completed', 100]);
  });

  it('tells of itself what a client may ask', async () => {
    await using run = await submit();
    const { body } = await run.graph.get(run.id);
    expect(body).toEqual({
      id: run.id,
      account_id: run.sandbox.world.accounts[0]?.id,
      time_ref: Date.parse('2026-03-31T12:00:00Z') / 1000,
      async_status: 'Job Not Started',
      async_percent_completion: 0,
      date_start: '2026-03-01',
      date_stop: '2026-03-02',
    });
  });

  it('holds the numbers of the moment it was submitted', async () => {
    await using run = await submit();
    const before = run.sandbox.facebook.insightRows(run.sandbox.world.accounts[0]?.id ?? '', {
      ...report,
      time_increment: '1',
      time_range: JSON.stringify(report.time_range),
    });
    run.sandbox.control.restate({ accountId: run.sandbox.world.accounts[0]?.id ?? '', since: '2026-03-01' });
    run.sandbox.control.advance({ hours: 1 });
    expect(await run.graph.all(`${run.id}/insights`)).toEqual(before);
  });

  it('is gone after thirty days', async () => {
    await using run = await submit();
    run.sandbox.control.advance({ days: 31 });
    expect((await run.graph.get(run.id)).body.error).toMatchObject({ code: 100, error_subcode: 33 });
  });

  it('belongs to its account', async () => {
    await using run = await submit();
    const token = run.sandbox.facebook.issueToken({ accountIds: [run.sandbox.world.accounts[1]?.id ?? ''] });
    const stranger = new GraphClient(run.sandbox, token);
    expect((await stranger.get(run.id)).body.error.code).toBe(200);
  });
});

describe('a report that goes wrong', () => {
  it('fails, and says why from version 25 on', async () => {
    await using run = await submit(PLAIN, { kind: 'job-failed' });
    run.sandbox.control.advance({ minutes: 5 });
    expect(await run.poll()).toEqual(['Job Failed', 0]);
    expect((await run.graph.get(`v24.0/${run.id}`)).body).not.toHaveProperty('error_code');
    expect((await run.graph.get(`v25.0/${run.id}`)).body).toMatchObject({
      error_code: -2,
      error_subcode: 2490547,
      error_user_title: 'Report Failed',
    });
    expect((await run.graph.get(`${run.id}/insights`)).body.error.error_subcode).toBe(1815107);
  });

  it('fails for having too much data', async () => {
    await using run = await submit(PLAIN, { kind: 'job-failed', code: 100, subcode: 1487534 });
    run.sandbox.control.advance({ minutes: 5 });
    expect((await run.graph.get(`v25.0/${run.id}`)).body).toMatchObject({ error_code: 100, error_subcode: 1487534 });
  });

  it('is skipped', async () => {
    await using run = await submit(PLAIN, { kind: 'job-skipped' });
    run.sandbox.control.advance({ minutes: 5 });
    expect(await run.poll()).toEqual(['Job Skipped', 0]);
  });

  it('never ends', async () => {
    await using run = await submit(PLAIN, { kind: 'job-stuck', percent: 31 });
    run.sandbox.control.advance({ days: 2 });
    expect(await run.poll()).toEqual(['Job Running', 31]);
  });

  it('is completed at 99 % for a while', async () => {
    await using run = await submit(PLAIN, { kind: 'job-99', polls: 2 });
    const seen = [];
    for (let poll = 0; poll < 6; poll += 1) seen.push(await run.poll());
    expect(seen.slice(3)).toEqual([
      ['Job Completed', 99],
      ['Job Completed', 99],
      ['Job Completed', 100],
    ]);
  });

  it('is completed, but cannot be read at first', async () => {
    await using run = await submit(PLAIN, { kind: 'job-unreadable', reads: 2 });
    run.sandbox.control.advance({ minutes: 5 });
    const read = async () => (await run.graph.get(`${run.id}/insights`)).status;
    expect([await read(), await read(), await read()]).toEqual([400, 400, 200]);
  });
});

it('has reports with the known oddities, the same ones for the same seed', async () => {
  const oddities = async (): Promise<string[]> => {
    await using sandbox = await startSandbox({ seed: 'odd' });
    const graph = new GraphClient(sandbox);
    const kinds: string[] = [];
    for (let number = 0; number < 24; number += 1) {
      const { body } = await graph.post(`act_${sandbox.world.accounts[0]?.id}/insights`, report);
      let kind = 'plain';
      for (;;) {
        const { body: run } = await graph.get(body.report_run_id);
        const [status, percent] = [run.async_status, run.async_percent_completion];
        if (status === 'Job Running' && percent === 100) kind = 'running at 100';
        if (status === 'Job Completed' && percent < 100) kind = 'completed at 99';
        if (status === 'Job Completed' && percent === 100) break;
      }
      const { status } = await graph.get(`${body.report_run_id}/insights`, { limit: 1 });
      kinds.push(status === 200 ? kind : 'unreadable');
    }
    return kinds;
  };
  const kinds = await oddities();
  expect(new Set(kinds)).toEqual(new Set(['plain', 'running at 100', 'completed at 99', 'unreadable']));
  expect(await oddities()).toEqual(kinds);
});
