import { describe, expect, it } from 'vitest';
import { connectControl, startSandbox } from '../src/index.ts';
import { CONTROL_METHODS, SandboxControl } from '../src/control/sandbox-control.ts';
import { GraphClient } from './graph-client.ts';

describe('the control of a sandbox in another process', () => {
  it('has every method that the one in this process has', () => {
    const methods = Object.getOwnPropertyNames(SandboxControl.prototype).filter((name) => name !== 'constructor');
    expect([...CONTROL_METHODS].sort()).toEqual(methods.sort());
  });

  it('finds out where the platforms are, orders faults, lets time pass, and reads the log and the truth', async () => {
    await using sandbox = await startSandbox();
    const control = connectControl(sandbox.url);
    const { facebook } = await control.platforms();
    expect(facebook).toEqual({ baseUrl: sandbox.facebook.baseUrl, token: sandbox.facebook.token });
    const [account] = await control.accounts();
    const accountId = account?.id ?? '';
    const graph = new GraphClient(sandbox);

    expect(await control.fault({ kind: 'empty', match: { path: '*/ads' } })).toBe(1);
    expect((await graph.get(`act_${accountId}/ads`)).status).toBe(503);
    expect(await control.faults()).toMatchObject([{ met: 1 }]);
    expect(await control.requests({ path: '*/ads' })).toMatchObject([{ status: 503, fault: 'empty' }]);
    await control.clearRequests();
    expect(await control.requests()).toEqual([]);

    expect(await control.now()).toBe('2026-03-31T12:00:00.000Z');
    expect(await control.advance({ days: 1, hours: 2 })).toBe('2026-04-01T14:00:00.000Z');
    expect(await control.advanceTo('2026-04-02T00:00:00Z')).toBe('2026-04-02T00:00:00.000Z');

    const day = { accountId, since: '2026-03-10', until: '2026-03-10' };
    const before = await control.insights(day);
    expect(before).toEqual(sandbox.world.insights(day));
    await control.restate({ accountId, since: '2026-03-10' });
    expect(await control.insights(day)).not.toEqual(before);

    const [ad] = sandbox.world.ads(accountId);
    await control.change({ id: ad?.id ?? '', name: 'Renamed' });
    expect((await graph.get(ad?.id ?? '', { fields: 'name' })).body.name).toBe('Renamed');

    const token = await control.issueToken({ platform: 'facebook', name: 'limited', accountIds: [accountId] });
    expect((await new GraphClient(sandbox, token).all('me/adaccounts')).length).toBe(1);
    expect((await control.requests()).at(-1)?.caller).toBe('limited');
    await control.revokeToken({ platform: 'facebook', token });
    expect((await new GraphClient(sandbox, token).get('me')).body.error.code).toBe(190);
    expect(await control.usage()).toHaveProperty(['facebook', 'accounts', accountId, 'management', 'callCount'], 0);
  });

  it('says what it cannot do', async () => {
    await using sandbox = await startSandbox();
    const control = connectControl(sandbox.url);
    await expect(control.advance({ days: -1 })).rejects.toThrow('goes forward only');
    await expect(control.restate({ accountId: '1', since: '2026-03-01' })).rejects.toThrow('no account 1');
    await expect(control.change({ id: '1', name: 'x' })).rejects.toThrow('no campaign');
    const unknown = await fetch(`${sandbox.url}/_control/nothing`);
    expect([unknown.status, await unknown.json()]).toEqual([
      404,
      expect.objectContaining({ methods: CONTROL_METHODS }),
    ]);
    const broken = await fetch(`${sandbox.url}/_control/fault`, { method: 'POST', body: '{' });
    expect(broken.status).toBe(400);
  });
});

describe('a sandbox', () => {
  it('says which platforms answer', async () => {
    await using sandbox = await startSandbox({ platforms: ['facebook'] });
    const answer = await fetch(`${sandbox.url}/somewhere`);
    expect([answer.status, await answer.text()]).toEqual([404, 'No platform answers here. Those that do: facebook\n']);
    await expect(startSandbox({ platforms: ['myspace' as never] })).rejects.toThrow('no platform myspace');
  });

  it('listens on the port it is given, and says when that is taken', async () => {
    await using one = await startSandbox();
    const port = Number(new URL(one.url).port);
    await expect(startSandbox({ port })).rejects.toThrow('EADDRINUSE');
  });

  it('ends at once, though somebody still waits', async () => {
    const sandbox = await startSandbox();
    sandbox.control.fault({ kind: 'slow', delayMs: 3_600_000 });
    const waiting = fetch(`${sandbox.facebook.baseUrl}/v24.0/me`);
    const outcome = waiting.then(
      () => 'answered',
      () => 'refused',
    );
    while (sandbox.control.requests().length === 0) await new Promise((resolve) => setImmediate(resolve));
    await sandbox[Symbol.asyncDispose]();
    expect(await outcome).toBe('refused');
  });

  it('has a clock that runs if it is told to', async () => {
    await using sandbox = await startSandbox({ clockSpeed: 1_000_000 });
    const before = sandbox.world.clock.now();
    while (sandbox.world.clock.now() === before) await new Promise((resolve) => setImmediate(resolve));
    expect(sandbox.world.clock.now()).toBeGreaterThan(before);
  });
});
