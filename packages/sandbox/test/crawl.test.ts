import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { ATTRIBUTION_WINDOWS, startSandbox } from '../src/index.ts';
import { GraphClient } from './graph-client.ts';

const EDGES = {
  campaigns: 'id,name,status,effective_status,objective,daily_budget,start_time,stop_time,created_time,updated_time',
  adsets: 'id,name,campaign_id,targeting,promoted_object,bid_amount,daily_budget,updated_time',
  ads: 'id,name,adset_id,creative{id},tracking_specs,conversion_specs,updated_time',
  adcreatives: 'id,name,object_story_spec,thumbnail_url,url_tags',
};

/** Everything a caller can read: all accounts, all lists, ten days of reports in the background. */
async function crawl(seed: string): Promise<string> {
  await using sandbox = await startSandbox({ seed });
  const graph = new GraphClient(sandbox);
  const hash = createHash('sha256');
  const accounts = await graph.all('me/adaccounts', { fields: 'id,name,currency,business,timezone_offset_hours_utc' });
  hash.update(JSON.stringify(accounts));
  for (const { id } of accounts) {
    for (const [edge, fields] of Object.entries(EDGES)) {
      hash.update(JSON.stringify(await graph.all(`${String(id)}/${edge}`, { fields, limit: 50 })));
    }
    const run = await graph.completeReport(`${String(id)}/insights`, {
      level: 'ad',
      time_increment: 1,
      fields:
        'account_id,ad_id,ad_name,spend,reach,actions,action_values,conversions,cost_per_action_type,purchase_roas',
      action_attribution_windows: [...ATTRIBUTION_WINDOWS],
      time_range: { since: '2026-03-01', until: '2026-03-10' },
    });
    for (let read = 0; read < 2; read += 1) {
      const { status, body } = await graph.get(`${run}/insights`, { limit: 2000 });
      if (status === 200) hash.update(JSON.stringify(body.data));
    }
  }
  return hash.digest('hex');
}

it('gives a crawler the same bytes for the same seed, and others for another', async () => {
  const first = await crawl('crawl');
  expect(await crawl('crawl')).toBe(first);
  expect(await crawl('another')).not.toBe(first);
});
