import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { runPipeline, type DayRange } from '@etl/core';
import { clickhouse, openClickHouse } from '@etl/dest-clickhouse';
import { decimalText, startSandbox, type Sandbox } from '@etl/sandbox';
import { expect, test } from 'vitest';
import { esimFacebookPlatform, facebookPlatform, subscriptionFacebookPlatform } from '../src/platforms/facebook.ts';

const directory = mkdtempSync(join(tmpdir(), 'etl-facebook-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));

type Rows = readonly Record<string, unknown>[];
const options = { path: join(directory, 'engine'), database: 'travel' };

async function query(sql: string): Promise<Rows> {
  await using reader = await openClickHouse({ ...options });
  let text = '';
  for await (const chunk of reader.query(sql, { format: 'JSONEachRow' })) text += Buffer.from(chunk).toString('utf8');
  const lines = text.split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Reports that are complete when they are looked at first: nothing is waited for. */
async function startFacebook(): Promise<Sandbox> {
  const size = { campaignsPerAccount: 2, adSetsPerCampaign: 2, adsPerAdSet: 2 };
  const reports = { steps: 0, hasQuirks: false };
  return startSandbox({ seed: 'clickhouse', platforms: ['facebook'], size, facebook: { reports } });
}

function live({ world }: Sandbox, accountId: string, kind: 'campaigns' | 'adSets' | 'ads' | 'creatives'): string[] {
  const objects = world[kind](accountId).filter(({ effectiveStatus }) => effectiveStatus !== 'DELETED');
  return objects.map(({ id }) => id);
}

test(
  'every table of ClickHouse equals the world, and a second run reads only creatives that changed',
  {
    timeout: 120_000,
  },
  async () => {
    await using sandbox = await startFacebook();
    const { control, world } = sandbox;
    const { baseUrl, token } = sandbox.facebook;
    const accountIds = world.accounts.map(({ id }) => id);
    const group = facebookPlatform.open('d1', { token, account_ids: accountIds, base_url: baseUrl }, '', {
      FB_INSIGHTS_LOAD_WINDOW_DAYS: '16',
    });
    expect(group.target).toEqual({ destination: 'clickhouse', dataset: 'fb' });
    await using destination = clickhouse({ ...options, dataset: 'fb' });
    const run = async () => {
      await using source = await group.createSource();
      return await runPipeline({ name: 'facebook_d1', source, destination, now: () => new Date(control.now()) });
    };
    expect((await run()).failures).toEqual([]);

    const insights = await query(
      'SELECT account_id, toString(date_start) AS day, ad_id, toString(spend) AS spend, impressions, clicks, reach, account_currency FROM travel.fb___insights',
    );
    const loaded = insights
      .map((row) =>
        [
          row['account_id'],
          row['day'],
          row['ad_id'],
          Number(row['spend']),
          row['impressions'],
          row['clicks'],
          row['reach'],
          row['account_currency'],
        ].join(' '),
      )
      .sort();
    const truth = accountIds.flatMap((accountId) => {
      const until = world.today(accountId);
      const since = new Date(Date.parse(until) - 30 * 86_400_000).toISOString().slice(0, 10);
      return world
        .insights({ accountId, since, until, includeRemoved: true })
        .map((row) =>
          [
            accountId,
            row.dateStart,
            row.adId,
            Number(decimalText(row.spendMinor, row.currency)),
            row.impressions,
            row.clicks,
            row.reach,
            row.currency,
          ].join(' '),
        );
    });
    expect(loaded).toEqual(truth.sort());
    expect(loaded.length).toBeGreaterThan(500);

    const ids = async (table: string): Promise<unknown[]> =>
      (await query(`SELECT id FROM travel.fb___${table} ORDER BY id`)).map(({ id }) => id);
    for (const [table, kind] of [
      ['campaigns', 'campaigns'],
      ['ad_sets', 'adSets'],
      ['ads', 'ads'],
      ['ad_creatives', 'creatives'],
    ] as const) {
      expect(await ids(table)).toEqual(accountIds.flatMap((id) => live(sandbox, id, kind)).sort());
    }
    // Nested rows as the dashboards read them, and the scalar that is made of them.
    const [nested] = await query(
      `SELECT sum(value) AS nested, (SELECT sum(actions_link_click) FROM travel.fb___insights) AS scalar
     FROM travel.fb___insights__actions WHERE action_type = 'link_click'`,
    );
    expect(Number(nested?.['nested'])).toBeGreaterThan(0);
    expect(nested?.['scalar']).toEqual(nested?.['nested']);

    const creatives = () =>
      query(
        'SELECT id, name, object_story_spec, thumbnail_url, _fingerprint, toString(_read_on) AS read_on FROM travel.fb___ad_creatives ORDER BY id',
      );
    const before = await creatives();
    const [changed] = live(sandbox, accountIds[0] ?? '', 'creatives');
    control.change({ id: changed ?? '', name: 'A new name' });
    control.advance({ minutes: 5 });
    control.clearRequests();
    expect((await run()).failures).toEqual([]);
    const after = await creatives();
    const renamed = after.find(({ id }) => id === changed);
    expect(renamed?.['name']).toBe('A new name');
    expect(after.filter(({ id }) => id !== changed)).toEqual(before.filter(({ id }) => id !== changed));
    const hydrated = control.requests().filter(({ path, isBatched }) => isBatched && /\/\d+$/.test(path));
    expect(hydrated.filter(({ parameters }) => parameters['fields']?.includes('object_story_spec'))).toHaveLength(1);
    const [seen] = await query('SELECT uniqExact(_last_seen_at) AS times FROM travel.fb___ad_creatives');
    expect(seen?.['times']).toBe(1);
  },
);

test.each([
  { platform: esimFacebookPlatform, destination: 'clickhouse_esim', dataset: 'esim_fb', hasConversions: false },
  {
    platform: subscriptionFacebookPlatform,
    destination: 'clickhouse_dashboard',
    dataset: 'subscription_fb',
    hasConversions: true,
  },
])(
  '$platform.name loads into $dataset of $destination',
  { timeout: 120_000 },
  async ({ platform, destination: name, dataset, hasConversions }) => {
    await using sandbox = await startFacebook();
    const { baseUrl, token } = sandbox.facebook;
    const group = platform.open('ta1', {
      token,
      account_ids: sandbox.world.accounts.slice(0, 2).map(({ id }) => id),
      base_url: baseUrl,
    });
    expect(group.target).toEqual({ destination: name, dataset });
    await using destination = clickhouse({ ...options, dataset });
    await using source = await group.createSource();
    const now = () => new Date(sandbox.control.now());
    expect((await runPipeline({ name: `${platform.name}_ta1`, source, destination, now })).failures).toEqual([]);
    const columns = (await query(`SELECT name FROM system.columns WHERE table = '${dataset}___insights'`)).map(
      ({ name: column }) => column,
    );
    expect(columns.includes('subscription_revenue')).toBe(hasConversions);
    expect(columns).toContain('subscriptions');
    const tables = (
      await query(`SELECT name FROM system.tables WHERE name LIKE '${dataset}\\_\\_\\_insights\\_\\_%'`)
    ).map(({ name: table }) => table);
    expect(tables.includes(`${dataset}___insights__conversions`)).toBe(hasConversions);
    const [{ rows } = { rows: 0 }] = await query(`SELECT count() AS rows FROM travel.${dataset}___insights`);
    expect(Number(rows)).toBeGreaterThan(50);
  },
);

test(
  'amounts in dirhams: tables hold them as decimals, beside what the account was charged',
  { timeout: 120_000 },
  async () => {
    await using sandbox = await startSandbox({
      seed: 'dirhams',
      platforms: ['facebook', 'ecb'],
      accounts: [
        { currency: 'GBP', timeZone: 'Europe/London' },
        { currency: 'AED', timeZone: 'Asia/Dubai' },
      ],
      size: { campaignsPerAccount: 2, adSetsPerCampaign: 2, adsPerAdSet: 2 },
      facebook: { reports: { steps: 0, hasQuirks: false } },
      ecb: { rates: { '2026-03-30': { USD: '1.1643', GBP: '0.8572' } } },
    });
    const { control, world, facebook, ecb } = sandbox;
    const plain = {
      token: facebook.token,
      account_ids: world.accounts.map(({ id }) => id),
      base_url: facebook.baseUrl,
      dataset: 'fb_aed',
    };
    const group = { ...plain, reporting_currency: 'AED', rates_base_url: ecb.baseUrl };
    await using destination = clickhouse({ ...options, dataset: 'fb_aed' });
    const run = async (fields: object, days?: DayRange) => {
      await using source = await facebookPlatform.open('m8', fields).createSource();
      return await runPipeline({ name: 'facebook_m8', source, destination, now: () => new Date(control.now()), days });
    };
    // Switched on for a table that is there: what is not read again stays what it was, and says so.
    expect((await run(plain)).failures).toEqual([]);
    expect((await run(group)).failures).toEqual([]);
    const days = await query(
      `SELECT reporting_currency, count() AS rows, min(date_start) AS first FROM travel.fb_aed___insights
       GROUP BY reporting_currency ORDER BY reporting_currency`,
    );
    expect(days.map((row) => row['reporting_currency'])).toEqual(['AED', null]);
    const backfill = { start: String(days[1]?.['first']), end: String(days[0]?.['first']) };
    control.advance({ hours: 5 });
    expect((await run(group, backfill)).failures).toEqual([]);

    const types = await query(
      "SELECT name, type FROM system.columns WHERE table = 'fb_aed___insights' AND (name LIKE 'fx%' OR name LIKE 'spend%') ORDER BY name",
    );
    expect(types).toEqual([
      { name: 'fx_effective_date', type: 'Nullable(Date32)' },
      { name: 'fx_rate_status', type: 'LowCardinality(Nullable(String))' },
      { name: 'fx_rate_to_aed', type: 'Nullable(Decimal(20, 10))' },
      { name: 'fx_requested_date', type: 'Nullable(Date32)' },
      { name: 'spend', type: 'Nullable(Decimal(20, 6))' },
      { name: 'spend_source', type: 'Nullable(Decimal(20, 6))' },
    ]);
    // A dashboard that adds up spend adds up dirhams; what was charged is that of the platform, to the penny.
    const sums = await query(
      `SELECT account_currency, toString(sum(spend_source)) AS charged, countIf(spend != round(spend_source * fx_rate_to_aed, 6)) AS wrong
     FROM travel.fb_aed___insights GROUP BY account_currency ORDER BY account_currency`,
    );
    for (const { account_currency: currency, charged, wrong } of sums) {
      const account = world.accounts.find((one) => one.currency === currency);
      const accountId = account?.id ?? '';
      const until = world.today(accountId);
      const since = new Date(Date.parse(until) - 30 * 86_400_000).toISOString().slice(0, 10);
      const minor = world
        .insights({ accountId, since, until, includeRemoved: true })
        .reduce((sum, { spendMinor }) => sum + spendMinor, 0);
      expect([currency, Number(charged), Number(wrong)]).toEqual([currency, minor / 100, 0]);
    }
    expect(sums.map(({ account_currency: currency }) => currency)).toEqual(['AED', 'GBP']);
    const [nested] = await query(
      `SELECT countIf(value != round(value_source * toDecimal64('4.9882078278', 10), 6)) AS wrong, count() AS entries
     FROM travel.fb_aed___insights__action_values WHERE _etl_parent_id IN
       (SELECT _etl_id FROM travel.fb_aed___insights WHERE account_currency = 'GBP' AND date_start = '2026-03-30')`,
    );
    expect([Number(nested?.['wrong']), Number(nested?.['entries']) > 0]).toEqual([0, true]);
    const [rate] = await query(
      `SELECT toString(rate) AS rate, toString(usd_per_eur) AS usd, rate_status FROM travel.fb_aed___fx_daily_rates
     WHERE source_currency = 'GBP' AND target_currency = 'AED' AND requested_date = '2026-03-30'`,
    );
    expect(rate).toEqual({ rate: '4.9882078278', usd: '1.1643', rate_status: 'exact' });
    const [kept] = await query(
      'SELECT count() AS rows, uniqExact(requested_date) AS days FROM travel.fb_aed___fx_daily_rates',
    );
    expect([Number(kept?.['rows']), Number(kept?.['days'])]).toEqual([29, 29]);
  },
);
