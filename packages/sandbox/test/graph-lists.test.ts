import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type AdAccount, type Sandbox } from '../src/index.ts';
import { GraphClient } from './graph-client.ts';

let sandbox: Sandbox;
let graph: GraphClient;
let account: AdAccount;
let path: string;

beforeAll(async () => {
  sandbox = await startSandbox();
  graph = new GraphClient(sandbox);
  account = sandbox.world.accounts[0] as AdAccount;
  path = `act_${account.id}`;
});
afterAll(() => sandbox[Symbol.asyncDispose]());

describe('lists', () => {
  it('lists the accounts with their currencies and time zones', async () => {
    const rows = await graph.all('me/adaccounts', { fields: 'account_id,currency,timezone_name,business', limit: 4 });
    expect(rows.map(({ account_id: id, currency }) => [id, currency])).toEqual(
      sandbox.world.accounts.map(({ id, currency }) => [id, currency]),
    );
    expect(rows[0]).toMatchObject({
      id: `act_${account.id}`,
      timezone_name: 'America/Los_Angeles',
      business: { id: account.businessId, name: 'Harbour Group' },
    });
    const owned = await graph.all(`${account.businessId}/owned_ad_accounts`);
    expect(owned.map(({ account_id: id }) => id)).toEqual(
      sandbox.world.accounts.filter(({ businessId }) => businessId === account.businessId).map(({ id }) => id),
    );
  });

  it.each([
    ['campaigns', 'campaigns'],
    ['adsets', 'adSets'],
    ['ads', 'ads'],
  ] as const)('pages through %s without a gap, newest first, without those that are gone', async (edge, of) => {
    const rows = await graph.all(`${path}/${edge}`, { fields: 'id,name,created_time', limit: 7 });
    const expected = sandbox.world[of](account.id).filter(
      ({ effectiveStatus }) => effectiveStatus !== 'DELETED' && effectiveStatus !== 'ARCHIVED',
    );
    expect(expected.length).toBeGreaterThan(edge === 'campaigns' ? 3 : 14);
    expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(expected.map(({ id }) => id)));
    expect(rows).toHaveLength(expected.length);
    const times = rows.map(({ created_time: time }) => Date.parse(String(time).replace(/(\d\d)$/, ':$1')));
    expect(times).toEqual(times.toSorted((a, b) => b - a));
  });

  it('links pages by absolute addresses on its own origin, which carry the token', async () => {
    const first = await graph.get(`${path}/ads`, { limit: 5, fields: 'id' });
    expect(first.body.paging.next).toMatch(`${sandbox.facebook.baseUrl}/v24.0/${path}/ads?`);
    const next = new URL(first.body.paging.next);
    expect(next.searchParams.get('access_token')).toBe(sandbox.facebook.token);
    expect(next.searchParams.get('after')).toBe(first.body.paging.cursors.after);
    const second = await graph.follow(next.href);
    const back = await graph.follow(second.body.paging.previous);
    expect(back.body.data).toEqual(first.body.data);
  });

  it('goes on after an ad that was deleted in between', async () => {
    await using own = await startSandbox({ isLively: false });
    const client = new GraphClient(own);
    const first = await client.get(`act_${account.id}/ads`, { limit: 5 });
    own.control.change({ id: first.body.data[4].id, status: 'DELETED' });
    const rest = await client.all(`act_${account.id}/ads`, { limit: 5, after: first.body.paging.cursors.after });
    expect(first.body.data.length + rest.length).toBe(own.world.ads(account.id).length);
  });

  it('says nothing of pages when there are no rows, and counts them when asked', async () => {
    const empty = sandbox.world.accounts.find(({ isEmpty }) => isEmpty);
    expect((await graph.get(`act_${empty?.id}/ads`)).body).toEqual({ data: [] });
    const { body } = await graph.get(`${path}/campaigns`, { summary: 'true', limit: 2 });
    expect(body.summary.total_count).toBe((await graph.all(`${path}/campaigns`)).length);
    expect(body.data).toHaveLength(2);
  });

  it('filters by status, name, id and time of change', async () => {
    const active = await graph.all(`${path}/ads`, { fields: 'effective_status', effective_status: ['ACTIVE'] });
    expect(new Set(active.map(({ effective_status: status }) => status))).toEqual(new Set(['ACTIVE']));
    const archived = await graph.all(`${path}/ads`, {
      fields: 'effective_status',
      filtering: [{ field: 'effective_status', operator: 'IN', value: ['ARCHIVED'] }],
    });
    expect(archived.length).toBeGreaterThan(0);
    const id = active[0]?.['id'];
    const one = await graph.all(`${path}/ads`, { filtering: [{ field: 'id', operator: 'IN', value: [id] }] });
    expect(one).toEqual([{ id }]);
    const named = await graph.all(`${path}/campaigns`, {
      fields: 'name',
      filtering: [{ field: 'name', operator: 'CONTAIN', value: 'Shop' }],
    });
    expect(named.length).toBeGreaterThan(0);
    const since = Date.parse('2026-03-20T00:00:00Z') / 1000;
    const changed = await graph.all(`${path}/ads`, {
      filtering: [{ field: 'ad.updated_time', operator: 'GREATER_THAN', value: since }],
    });
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.length).toBeLessThan((await graph.all(`${path}/ads`)).length);
  });

  it('refuses to list deleted objects, but shows one that is asked for by its id', async () => {
    const refused = await graph.get(`${path}/ads`, { effective_status: ['DELETED'] });
    expect(refused.status).toBe(400);
    expect(refused.body.error.code).toBe(100);
    const others = await graph.all(`${path}/ads`, {
      fields: 'effective_status',
      filtering: [{ field: 'effective_status', operator: 'NOT_IN', value: ['ARCHIVED'] }],
    });
    expect(others.map(({ effective_status: status }) => status)).not.toContain('DELETED');
    const gone = sandbox.world.ads(account.id).find(({ status }) => status === 'DELETED');
    const shown = await graph.get(gone?.id ?? '', { fields: 'status' });
    expect(shown.body).toEqual({ id: gone?.id, status: 'DELETED' });
  });

  it('refuses a page that would be too heavy, until it is asked for less', async () => {
    const fields = 'id,name,targeting,tracking_specs,conversion_specs';
    const heavy = await graph.get(`${path}/ads`, { fields, limit: 500 });
    expect(heavy.status).toBe(500);
    expect(heavy.body.error).toMatchObject({ code: 1, message: expect.stringContaining('reduce the amount of data') });
    expect((await graph.get(`${path}/ads`, { fields, limit: 150 })).status).toBe(200);
  });
});

describe('fields', () => {
  it('are those that are asked for, and the id', async () => {
    const { body } = await graph.get(`${path}/campaigns`, { fields: 'name', limit: 1 });
    expect(Object.keys(body.data[0]).sort()).toEqual(['id', 'name']);
    expect(Object.keys((await graph.get(`${path}/campaigns`, { limit: 1 })).body.data[0])).toEqual(['id']);
  });

  it('write budgets as text in the smallest unit, ids as text, and times in the zone of the account', async () => {
    const [row] = await graph.all(`${path}/adsets`, {
      fields: 'account_id,campaign_id,daily_budget,bid_amount,created_time,targeting,promoted_object',
      filtering: [{ field: 'name', operator: 'STARTS_WITH', value: 'Audience' }],
    });
    expect(row?.['account_id']).toBe(account.id);
    expect(row?.['campaign_id']).toMatch(/^\d{18}$/);
    expect(row?.['created_time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-0[78]00$/);
    expect(row?.['targeting']).toMatchObject({ geo_locations: { countries: expect.any(Array) } });
    const budgets = (await graph.all(`${path}/adsets`, { fields: 'daily_budget' })).map((each) => each['daily_budget']);
    expect(budgets.some((budget) => typeof budget === 'string' && /^\d+$/.test(budget))).toBe(true);
  });

  it('follow references and lists to any depth', async () => {
    const { body } = await graph.get(path, {
      fields:
        'currency,campaigns.limit(1){name,adsets.limit(1){id,ads.limit(2){id,creative{id,name,object_story_spec}}}}',
    });
    const [campaign] = body.campaigns.data;
    const [adSet] = campaign.adsets.data;
    expect(body.currency).toBe('USD');
    expect(adSet.ads.data[0].creative.name).toContain('Creative of');
    const next = await graph.follow(campaign.adsets.paging.next);
    expect(next.body.data[0].ads.data.length).toBeGreaterThan(0);
    expect(next.body.data[0].id).not.toBe(adSet.id);
  });

  it('hold reports of each row', async () => {
    const { body } = await graph.get(`${path}/campaigns`, {
      fields: 'id,insights.date_preset(last_7d).time_increment(1){spend,impressions}',
      effective_status: ['ACTIVE'],
      limit: 2,
    });
    const rows = body.data.flatMap((each: { insights?: { data: object[] } }) => each.insights?.data ?? []);
    expect(rows.length).toBeGreaterThan(0);
    expect(rows[0]).toMatchObject({ spend: expect.stringMatching(/^\d+\.\d\d$/) });
  });

  it.each([
    ['a field that does not exist', { fields: 'id,nothing' }, /nonexisting field \(nothing\) on node type \(Ad\)/],
    ['fields that cannot be read', { fields: 'id,{' }, /Syntax error/],
    ['a limit that is no number', { limit: 'x' }, /limit/],
    ['a filter without an operator', { filtering: [{ field: 'id' }] }, /operator/],
    ['a cursor of somebody else', { after: 'w7w' }, /cursors/],
  ])('%s is refused', async (_, parameters, message) => {
    const { status, body } = await graph.get(`${path}/ads`, parameters);
    expect(status).toBe(400);
    expect(body.error.message).toMatch(message);
    expect(body.error.fbtrace_id).toMatch(/^A/);
  });

  it('of several objects are read at once by their ids', async () => {
    const [first, second] = sandbox.world.creatives(account.id).map(({ id }) => id);
    const { body } = await graph.get('v24.0/', { ids: `${first},${second}`, fields: 'id,name' });
    expect(new Set(Object.keys(body))).toEqual(new Set([first, second]));
    expect((await graph.get('v24.0/', { ids: `${first},12` })).body.error.code).toBe(100);
  });
});

describe('versions', () => {
  it('are in the path; the latest stands for none', async () => {
    const unversioned = await graph.follow(`${sandbox.facebook.baseUrl}/me?access_token=${sandbox.facebook.token}`);
    expect(unversioned.headers.get('facebook-api-version')).toBe('v25.0');
    expect((await graph.get('v22.0/me')).headers.get('facebook-api-version')).toBe('v22.0');
  });

  it('that were taken away are refused', async () => {
    const { status, body } = await graph.get('v16.0/me');
    expect([status, body.error.code]).toEqual([400, 2635]);
    expect((await graph.get('v99.0/me')).body.error.code).toBe(2500);
  });
});
