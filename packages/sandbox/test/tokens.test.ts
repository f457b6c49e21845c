import { describe, expect, it } from 'vitest';
import { startSandbox } from '../src/index.ts';
import { GraphClient } from './graph-client.ts';

describe('a token', () => {
  it('is needed, and has to be one of ours', async () => {
    await using sandbox = await startSandbox();
    expect((await new GraphClient(sandbox, '').get('me')).body.error).toMatchObject({ code: 104 });
    const wrong = await new GraphClient(sandbox, 'EAAnonsense').get('me');
    expect([wrong.status, wrong.body.error.code, wrong.body.error.type]).toEqual([400, 190, 'OAuthException']);
    expect(wrong.headers.get('www-authenticate')).toContain('invalid_token');
  });

  it('can come in a header', async () => {
    await using sandbox = await startSandbox();
    const response = await fetch(`${sandbox.facebook.baseUrl}/v24.0/me`, {
      headers: { authorization: `Bearer ${sandbox.facebook.token}` },
    });
    expect(await response.json()).toMatchObject({ name: 'Reporting System User' });
  });

  it('expires', async () => {
    await using sandbox = await startSandbox();
    const graph = new GraphClient(sandbox, sandbox.facebook.issueToken({ expiresAt: '2026-04-01T00:00:00Z' }));
    expect((await graph.get('me')).status).toBe(200);
    sandbox.control.advance({ days: 1 });
    expect((await graph.get('me')).body.error).toMatchObject({ code: 190, error_subcode: 463 });
  });

  it.each([458, 460, 463, 467] as const)('is revoked with %i', async (subcode) => {
    await using sandbox = await startSandbox();
    sandbox.facebook.revokeToken(sandbox.facebook.token, subcode);
    expect((await new GraphClient(sandbox).get('me')).body.error).toMatchObject({ code: 190, error_subcode: subcode });
  });

  it('sees its accounts only', async () => {
    await using sandbox = await startSandbox();
    const [one, other] = sandbox.world.accounts.map(({ id }) => id);
    const graph = new GraphClient(sandbox, sandbox.facebook.issueToken({ accountIds: [`act_${one}`] }));
    expect((await graph.all('me/adaccounts')).map(({ account_id: id }) => id)).toEqual([one]);
    const refused = await graph.get(`act_${other}/ads`);
    expect([refused.status, refused.body.error.code]).toEqual([403, 200]);
    const [ad] = sandbox.world.ads(other ?? '');
    expect((await graph.get(ad?.id ?? '')).body.error.code).toBe(200);
  });

  it.each([10, 200, 294] as const)('is refused with %i', async (code) => {
    await using sandbox = await startSandbox();
    const graph = new GraphClient(sandbox, sandbox.facebook.issueToken({ refusedWith: code }));
    const { status, body } = await graph.get(`act_${sandbox.world.accounts[0]?.id}/insights`);
    expect([status, body.error.code]).toEqual([403, code]);
  });

  it('without the scope to read is refused with 10', async () => {
    await using sandbox = await startSandbox();
    const graph = new GraphClient(sandbox, sandbox.facebook.issueToken({ scopes: ['business_management'] }));
    expect((await graph.get(`act_${sandbox.world.accounts[0]?.id}`)).body.error.code).toBe(10);
  });

  it('is described by debug_token', async () => {
    await using sandbox = await startSandbox();
    const graph = new GraphClient(sandbox);
    const expiring = sandbox.facebook.issueToken({ expiresAt: '2026-04-10T00:00:00Z', scopes: ['ads_read'] });
    const describeToken = async (token: string) => (await graph.get('debug_token', { input_token: token })).body.data;
    expect(await describeToken(expiring)).toMatchObject({
      type: 'USER',
      is_valid: true,
      expires_at: Date.parse('2026-04-10T00:00:00Z') / 1000,
      scopes: ['ads_read'],
    });
    expect(await describeToken(sandbox.facebook.token)).toMatchObject({ type: 'SYSTEM_USER', expires_at: 0 });
    sandbox.facebook.revokeToken(expiring, 460);
    expect(await describeToken(expiring)).toMatchObject({ is_valid: false, error: { code: 190, subcode: 460 } });
    expect(await describeToken('nonsense')).toMatchObject({ is_valid: false });
  });
});
