import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { addDays, runPipeline } from '@etl/core';
import { clickhouse, openClickHouse } from '@etl/dest-clickhouse';
import { startSandbox } from '@etl/sandbox';
import { expect, test } from 'vitest';
import { esimFacebookPlatform, facebookPlatform } from '../src/platforms/facebook.ts';

const directory = mkdtempSync(join(tmpdir(), 'etl-currencies-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const options = { path: join(directory, 'engine'), database: 'travel', dataset: 'fb' };

async function query(sql: string): Promise<readonly Record<string, unknown>[]> {
  await using reader = await openClickHouse({ path: options.path, database: options.database });
  let text = '';
  for await (const chunk of reader.query(sql, { format: 'JSONEachRow' })) text += Buffer.from(chunk).toString('utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test(
  'two pipelines load into the same tables, one of them restated: each keeps its own currency, whoever comes first and last',
  { timeout: 180_000 },
  async () => {
    await using sandbox = await startSandbox({
      seed: 'currencies',
      platforms: ['facebook', 'ecb'],
      accounts: [
        { currency: 'GBP', timeZone: 'Europe/London' },
        { currency: 'USD', timeZone: 'America/New_York' },
      ],
      size: { campaignsPerAccount: 2, adSetsPerCampaign: 2, adsPerAdSet: 2 },
      facebook: { reports: { steps: 0, hasQuirks: false } },
    });
    const { control, world, facebook, ecb } = sandbox;
    const [pounds = '', dollars = ''] = world.accounts.map(({ id }) => id);
    const access = { token: facebook.token, base_url: facebook.baseUrl };
    const restated = { ...access, account_ids: [pounds], reporting_currency: 'AED', rates_base_url: ecb.baseUrl };
    const plain = { ...access, account_ids: [dollars], dataset: 'fb' };
    await using destination = clickhouse(options);
    const run = async (name: string, group: ReturnType<typeof facebookPlatform.open>) => {
      await using source = await group.createSource();
      const report = await runPipeline({ name, source, destination, now: () => new Date(control.now()) });
      expect(report.failures).toEqual([]);
      return report;
    };
    const runPlain = async () => run('esim_facebook_e1', esimFacebookPlatform.open('e1', plain, '', {}));
    const runRestated = async (fields: object = {}) =>
      run('facebook_m8', facebookPlatform.open('m8', { ...restated, ...fields }, '', {}));
    const look = async () =>
      query(
        `SELECT account_currency AS currency, count() AS rows,
           countIf(reporting_currency = 'AED') AS restated, countIf(reporting_currency IS NULL) AS own,
           countIf(spend_source IS NULL) AS unsourced,
           countIf(fx_rate_to_aed IS NOT NULL AND spend != round(spend_source * fx_rate_to_aed, 6)) AS wrong,
           toString(sum(if(reporting_currency = 'AED', spend_source, spend))) AS charged
         FROM travel.fb___insights GROUP BY account_currency ORDER BY account_currency`,
      );
    const nested = async () =>
      query(
        `SELECT i.account_currency AS currency, count() AS entries, countIf(v.value_source IS NULL) AS unsourced,
           countIf(v.value IS NULL) AS empty,
           countIf(v.value != round(v.value_source * i.fx_rate_to_aed, 6)) AS wrong
         FROM travel.fb___insights__action_values AS v JOIN travel.fb___insights AS i ON v._etl_parent_id = i._etl_id
         GROUP BY currency ORDER BY currency`,
      );
    await runPlain();
    await runRestated();
    const first = await look();
    const entries = await nested();
    expect(first).toMatchObject([
      { currency: 'GBP', own: 0, unsourced: 0, wrong: 0 },
      { currency: 'USD', restated: 0, wrong: 0 },
    ]);
    expect(entries).toMatchObject([
      { currency: 'GBP', unsourced: 0, empty: 0, wrong: 0 },
      { currency: 'USD', unsourced: entries[1]?.['entries'], empty: 0 },
    ]);
    for (const [index, accountId] of [pounds, dollars].entries()) {
      const until = world.today(accountId);
      const rows = world.insights({ accountId, since: addDays(until, -30), until, includeRemoved: true });
      const minor = rows.reduce((sum, { spendMinor }) => sum + spendMinor, 0);
      expect(Number(first[index]?.['charged'])).toBe(minor / 100);
    }

    await runPlain();
    const again = await runRestated();
    const insights = ({ streams }: typeof again) => streams.find(({ stream }) => stream === 'insights');
    expect(insights(again)).toMatchObject({ rows: 0, slicesUnchanged: insights(again)?.slicesDue });
    expect([await look(), await nested()]).toEqual([first, entries]);

    // The bank corrects a Tuesday: the platform's numbers are as they were, and yet its rows are others.
    const day = '2026-03-24';
    await using corrected = await startSandbox({
      seed: 'currencies',
      platforms: ['ecb'],
      ecb: { rates: { [day]: { USD: '1.2', GBP: '0.8' } } },
    });
    const moved = await runRestated({ rates_base_url: corrected.ecb.baseUrl });
    expect(insights(moved)).toMatchObject({
      slicesRestated: 1,
      slicesUnchanged: Number(insights(moved)?.slicesDue) - 1,
    });
    const rates = await query(
      `SELECT DISTINCT toString(fx_rate_to_aed) AS rate FROM travel.fb___insights
       WHERE account_id = '${pounds}' AND date_start = '${day}'`,
    );
    expect(rates).toEqual([{ rate: '5.50875' }]);
    expect(await look()).toEqual(first);
    expect(await nested()).toEqual(entries);

    // Switched off, days that are read again are in the account's currency once more; the others say theirs.
    await runRestated({ reporting_currency: undefined, rates_base_url: undefined });
    const [off, others] = await look();
    const [offEntries] = await nested();
    expect(off).toMatchObject({ wrong: 0, charged: first[0]?.['charged'], own: off?.['unsourced'] });
    expect(Number(off?.['own'])).toBeGreaterThan(Number(off?.['restated']));
    expect(offEntries).toMatchObject({ entries: entries[0]?.['entries'], empty: 0, wrong: 0 });
    expect(others).toEqual(first[1]);
  },
);
