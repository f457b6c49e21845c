import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ATTRIBUTION_WINDOWS, decimalText, startSandbox, type AdAccount, type Sandbox } from '../src/index.ts';
import { GraphClient } from './graph-client.ts';

let sandbox: Sandbox;
let graph: GraphClient;
let account: AdAccount;
let path: string;
const week = { since: '2026-03-01', until: '2026-03-07' };
const FIELDS =
  'account_id,account_currency,campaign_id,adset_id,ad_id,ad_name,reach,impressions,frequency,clicks,unique_clicks,ctr,unique_ctr,cpc,cpm,cpp,spend,actions,action_values,website_ctr,cost_per_action_type,cost_per_result,purchase_roas,conversions,conversion_values';
const daily = { level: 'ad', time_increment: 1, fields: FIELDS, time_range: week };

beforeAll(async () => {
  sandbox = await startSandbox({
    accounts: [
      { currency: 'USD', timeZone: 'America/Los_Angeles' },
      { currency: 'JPY', timeZone: 'Asia/Tokyo' },
      { currency: 'GBP', timeZone: 'Europe/London' },
    ],
  });
  graph = new GraphClient(sandbox);
  account = sandbox.world.accounts[0] as AdAccount;
  path = `act_${account.id}`;
});
afterAll(() => sandbox[Symbol.asyncDispose]());

// oxlint-disable-next-line typescript/no-explicit-any
type Row = any;
const typed = (list: { action_type: string }[] | undefined, type: string): Row =>
  list?.find((entry) => entry.action_type === type);

describe('a report', () => {
  it('holds what the world says of every ad and day', async () => {
    const rows: Row[] = await graph.all(`${path}/insights`, { ...daily, limit: 50 });
    const truth = sandbox.world.insights({ accountId: account.id, ...week });
    expect(rows).toHaveLength(truth.length);
    expect(
      rows.map(({ ad_id, date_start, impressions, spend, clicks, reach }) => [
        ad_id,
        date_start,
        impressions,
        spend,
        clicks,
        reach,
      ]),
    ).toEqual(
      truth.map((row) => [
        row.adId,
        row.dateStart,
        String(row.impressions),
        decimalText(row.spendMinor, row.currency),
        String(row.clicks),
        String(row.reach),
      ]),
    );
    expect(rows).toEqual(
      sandbox.facebook.insightRows(account.id, {
        level: 'ad',
        time_increment: '1',
        fields: FIELDS,
        time_range: JSON.stringify(week),
      }),
    );
  });

  it('writes numbers as text, and leaves out what cannot be computed', async () => {
    const rows: Row[] = await graph.all(`${path}/insights`, { ...daily, limit: 500 });
    for (const row of rows) {
      for (const [name, value] of Object.entries(row)) {
        expect(typeof value === 'string' || Array.isArray(value), name).toBe(true);
      }
      expect(Number(row.ctr)).toBeCloseTo((row.clicks / row.impressions) * 100, 5);
      expect(Number(row.cpm)).toBeCloseTo((row.spend / row.impressions) * 1000, 5);
      expect(Number(row.frequency)).toBeCloseTo(row.impressions / row.reach, 5);
      if (row.clicks === '0') expect(row.cpc).toBeUndefined();
    }
  });

  it('has actions per window, without those that are zero, and the account\u2019s own setting as `value`', async () => {
    const rows: Row[] = await graph.all(`${path}/insights`, {
      ...daily,
      action_attribution_windows: [...ATTRIBUTION_WINDOWS],
      limit: 500,
    });
    const entries = rows.flatMap(({ actions }) => actions ?? []);
    const sums = Object.fromEntries(
      ['value', ...ATTRIBUTION_WINDOWS].map((window) => [
        window,
        entries.reduce((sum: number, entry: Row) => sum + Number(entry[window] ?? 0), 0),
      ]),
    );
    expect(sums['28d_click']).toBeGreaterThan(sums['7d_click'] ?? 0);
    expect(sums['7d_click']).toBeGreaterThan(sums['1d_click'] ?? 0);
    expect(sums['28d_view']).toBeGreaterThan(sums['1d_view'] ?? 0);
    expect(sums['value']).toBe((sums['7d_click'] ?? 0) + (sums['1d_view'] ?? 0));
    for (const entry of entries) expect(ATTRIBUTION_WINDOWS.every((window) => entry[window] !== '0')).toBe(true);
    const without: Row[] = await graph.all(`${path}/insights`, { ...daily, limit: 500 });
    expect(Object.keys(without[0].actions[0])).toEqual(['action_type', 'value']);
  });

  it('has an alias that is the sum of its channels', async () => {
    const rows: Row[] = await graph.all(`${path}/insights`, { ...daily, limit: 500 });
    let checked = 0;
    for (const { actions, purchase_roas, spend, action_values } of rows) {
      const omni = typed(actions, 'omni_purchase');
      if (omni === undefined) continue;
      const web = Number(typed(actions, 'offsite_conversion.fb_pixel_purchase')?.value ?? 0);
      const app = Number(typed(actions, 'app_custom_event.fb_mobile_purchase')?.value ?? 0);
      expect(Number(omni.value)).toBe(web + app);
      const value = Number(typed(action_values, 'omni_purchase')?.value ?? 0);
      expect(Number(purchase_roas?.[0].value ?? 0)).toBeCloseTo(value / spend, 5);
      checked += 1;
    }
    expect(checked).toBeGreaterThan(3);
  });

  it('names trials and subscriptions in the three ways that occur', async () => {
    const types = await Promise.all(
      sandbox.world.accounts.map(async ({ id }) => {
        const rows: Row[] = await graph.all(`act_${id}/insights`, {
          fields: 'actions,conversions',
          time_range: { since: '2026-01-01', until: '2026-03-30' },
        });
        const names = (list: { action_type: string }[] = []) =>
          list.map((entry) => entry.action_type).filter((type) => /trial|subscri/.test(type));
        return { actions: names(rows[0].actions), conversions: names(rows[0].conversions) };
      }),
    );
    expect(types).toMatchInlineSnapshot(`
      [
        {
          "actions": [
            "app_custom_event.fb_mobile_start_trial",
            "app_custom_event.fb_mobile_subscribe",
            "offsite_conversion.fb_pixel_start_trial",
            "offsite_conversion.fb_pixel_subscribe",
            "omni_start_trial",
            "omni_subscribe",
          ],
          "conversions": [
            "offsite_conversion.fb_pixel_custom.subscribe_premium",
            "start_trial_mobile_app",
            "start_trial_total",
            "start_trial_website",
            "subscribe_mobile_app",
            "subscribe_total",
            "subscribe_website",
          ],
        },
        {
          "actions": [
            "app_custom_event.fb_mobile_start_trial",
            "app_custom_event.fb_mobile_subscribe",
            "offsite_conversion.fb_pixel_start_trial",
            "offsite_conversion.fb_pixel_subscribe",
          ],
          "conversions": [
            "start_trial_mobile_app",
            "start_trial_website",
            "subscribe_mobile_app",
            "subscribe_website",
          ],
        },
        {
          "actions": [
            "start_trial",
            "subscribe",
          ],
          "conversions": [],
        },
      ]
    `);
  });

  it('writes money of a currency without minor units in whole units', async () => {
    const yen = sandbox.world.accounts[1]?.id;
    const [row]: Row[] = await graph.all(`act_${yen}/insights`, { fields: 'spend,account_currency', time_range: week });
    expect(row).toMatchObject({ account_currency: 'JPY', spend: expect.stringMatching(/^\d{4,}$/) });
  });

  it('has the keys of its level and no others', async () => {
    const keysAt = async (level: string) => {
      const fields = 'campaign_id,adset_id,ad_id';
      const { body } = await graph.get(`${path}/insights`, { level, fields, time_range: week, limit: 1 });
      return Object.keys(body.data[0]);
    };
    expect(await keysAt('account')).toEqual(['date_start', 'date_stop']);
    expect(await keysAt('campaign')).toEqual(['campaign_id', 'date_start', 'date_stop']);
    expect(await keysAt('adset')).toEqual(['campaign_id', 'adset_id', 'date_start', 'date_stop']);
    expect(await keysAt('ad')).toEqual(['campaign_id', 'adset_id', 'ad_id', 'date_start', 'date_stop']);
  });

  it('is of the object it is asked of', async () => {
    const [ad] = sandbox.world.ads(account.id);
    const rows: Row[] = await graph.all(`${ad?.id}/insights`, {
      fields: 'ad_id,spend',
      time_range: week,
      time_increment: 1,
    });
    expect(new Set(rows.map(({ ad_id }) => ad_id))).toEqual(new Set([ad?.id]));
    expect(rows).toHaveLength(7);
    const campaign: Row[] = await graph.all(`${ad?.campaignId}/insights`, { ...daily, fields: 'campaign_id,ad_id' });
    expect(new Set(campaign.map(({ campaign_id }) => campaign_id))).toEqual(new Set([ad?.campaignId]));
  });

  it('sums up periods, several ranges, and all of it in a summary', async () => {
    const all: Row[] = await graph.all(`${path}/insights`, { fields: 'spend', time_range: week });
    expect(all).toMatchObject([{ date_start: week.since, date_stop: week.until }]);
    const halves: Row[] = await graph.all(`${path}/insights`, { fields: 'spend', time_range: week, time_increment: 4 });
    expect(halves.map(({ date_start, date_stop }) => [date_start, date_stop])).toEqual([
      ['2026-03-01', '2026-03-04'],
      ['2026-03-05', '2026-03-07'],
    ]);
    const cents = (row: Row) => Math.round(row.spend * 100);
    expect(halves.reduce((sum, row) => sum + cents(row), 0)).toBe(cents(all[0]));
    const ranges: Row[] = await graph.all(`${path}/insights`, {
      fields: 'spend',
      time_ranges: [
        { since: '2026-03-01', until: '2026-03-01' },
        { since: '2026-03-05', until: '2026-03-05' },
      ],
    });
    expect(ranges.map(({ date_start }) => date_start)).toEqual(['2026-03-01', '2026-03-05']);
    const monthly: Row[] = await graph.all(`${path}/insights`, {
      fields: 'spend',
      time_increment: 'monthly',
      time_range: { since: '2026-01-10', until: '2026-03-05' },
    });
    expect(monthly.map(({ date_stop }) => date_stop)).toEqual(['2026-01-31', '2026-02-28', '2026-03-05']);
    const { body } = await graph.get(`${path}/insights`, { ...daily, summary: 'spend', limit: 1 });
    expect(cents(body.summary)).toBe(cents(all[0]));
  });

  it('breaks down to rows that add up', async () => {
    const whole: Row[] = await graph.all(`${path}/insights`, { ...daily, fields: 'ad_id,impressions', limit: 500 });
    const parts: Row[] = await graph.all(`${path}/insights`, {
      ...daily,
      fields: 'ad_id,impressions',
      breakdowns: 'age,gender',
      limit: 500,
    });
    const total = (rows: Row[]) => rows.reduce((sum, { impressions }) => sum + Number(impressions), 0);
    expect(parts.length).toBeGreaterThan(whole.length);
    expect(total(parts)).toBe(total(whole));
    expect(parts[0]).toMatchObject({ age: expect.any(String), gender: expect.any(String) });
  });

  it('filters by ids, status and numbers', async () => {
    const [ad] = sandbox.world.ads(account.id);
    const some = (filtering: unknown): Promise<Row[]> =>
      graph.all(`${path}/insights`, { ...daily, fields: 'ad_id,impressions', filtering, limit: 500 });
    expect(await some([{ field: 'ad.id', operator: 'IN', value: [ad?.id] }])).toHaveLength(7);
    const archived = await some([{ field: 'ad.effective_status', operator: 'IN', value: ['ARCHIVED'] }]);
    const statuses = new Map(sandbox.world.ads(account.id).map(({ id, effectiveStatus }) => [id, effectiveStatus]));
    expect(archived.every(({ ad_id }) => statuses.get(ad_id) === 'ARCHIVED')).toBe(true);
    const [first] = archived;
    sandbox.control.change({ id: first?.ad_id ?? '', status: 'DELETED' });
    const deleted = await some([{ field: 'ad.effective_status', operator: 'IN', value: ['DELETED'] }]);
    expect(deleted).toEqual(expect.arrayContaining(archived.filter(({ ad_id }) => ad_id === first?.ad_id)));
    const [alone] = await graph.all(`${path}/insights`, {
      fields: 'impressions',
      time_range: week,
      filtering: [{ field: 'ad.id', operator: 'IN', value: [ad?.id] }],
    });
    expect(alone).toEqual((await graph.all(`${ad?.id}/insights`, { fields: 'impressions', time_range: week }))[0]);
    const many = await some([{ field: 'ad.impressions', operator: 'GREATER_THAN', value: 1500 }]);
    expect(many.length).toBeGreaterThan(0);
    expect(many.every(({ impressions }) => Number(impressions) > 1500)).toBe(true);
  });

  it.each([
    ['a field that does not exist', { fields: 'spend,nothing' }, 100, /nothing is not valid for fields param/],
    ['a breakdown asked for as a field', { fields: 'spend,age' }, 100, /age is not valid for fields param/],
    ['breakdowns that do not go together', { breakdowns: 'age,country' }, 100, /combination/],
    ['an unknown breakdown', { breakdowns: 'shoe_size' }, 100, /breakdowns\[0\]/],
    ['an unknown window', { action_attribution_windows: ['7d_view_1d_click'] }, 100, /action_attribution_windows\[0\]/],
    ['an unknown level', { level: 'planet' }, 100, /level/],
    ['an end before the start', { time_range: { since: '2026-03-02', until: '2026-03-01' } }, 100, /time range/],
    ['a range without an end', { time_range: { since: '2026-03-02' } }, 100, /time_range/],
    ['more than 37 months ago', { time_range: { since: '2022-01-01', until: '2022-01-02' } }, 3018, /37 months/],
    ['breakdowns of actions that it does not have', { action_breakdowns: ['action_device'] }, 100, /action_device/],
    ['an increment that is none', { time_increment: 100 }, 100, /time_increment/],
  ])('refuses %s', async (_, parameters, code, message) => {
    const { status, body } = await graph.get(`${path}/insights`, { time_range: week, ...parameters });
    expect([status, body.error.code]).toEqual([400, code]);
    expect(body.error.message).toMatch(message);
  });

  it('leaves out windows that the platform no longer has, if it is told to', async () => {
    await using modern = await startSandbox({
      facebook: { attributionWindows: ['1d_click', '7d_click', '28d_click', '1d_view'] },
    });
    const rows: Row[] = await new GraphClient(modern).all(`act_${modern.world.accounts[0]?.id}/insights`, {
      ...daily,
      action_attribution_windows: [...ATTRIBUTION_WINDOWS],
      limit: 500,
    });
    const keys = new Set(rows.flatMap(({ actions }) => (actions ?? []).flatMap((entry: object) => Object.keys(entry))));
    expect(keys).toEqual(new Set(['action_type', 'value', '1d_click', '7d_click', '28d_click', '1d_view']));
  });

  it('is refused when it is too large for an answer, and later when it is too large for anything', async () => {
    await using small = await startSandbox({ facebook: { limits: { syncDataPoints: 500, reportDataPoints: 3000 } } });
    const client = new GraphClient(small);
    const account0 = `act_${small.world.accounts[0]?.id}`;
    const ask = (days: { since: string; until: string }) => ({
      ...daily,
      fields: 'ad_id,spend,actions',
      time_range: days,
    });
    const day = { since: '2026-03-02', until: '2026-03-02' };
    const month = { since: '2026-02-01', until: '2026-03-15' };
    expect((await client.get(`${account0}/insights`, ask(day))).status).toBe(200);
    expect((await client.get(`${account0}/insights`, ask(week))).body.error).toMatchObject({
      code: 100,
      error_subcode: 1504018,
    });
    expect((await client.post(`${account0}/insights`, ask(week))).body).toHaveProperty('report_run_id');
    for (const answer of [
      await client.post(`${account0}/insights`, ask(month)),
      await client.get(`${account0}/insights`, ask(month)),
    ]) {
      expect(answer.body.error).toMatchObject({ code: 100, error_subcode: 1487534 });
    }
  });
});
