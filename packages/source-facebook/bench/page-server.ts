// A platform that answers pages of insights as fast as it can: `node page-server.ts <rows>`. Prints its port.
import { createServer } from 'node:http';
import process from 'node:process';

const ROWS = Number(process.argv[2] ?? 50_000);
const DAYS = 8;

/** A row as the platform writes it: numbers as text, lists with six windows. */
function row(index: number): Record<string, unknown> {
  const id = String(120_000_000_000_000_000n + BigInt(index));
  const entry = (type: string) => ({
    action_type: type,
    value: String((index % 97) + 1),
    '1d_click': String(index % 31),
    '7d_click': String(index % 97),
    '28d_click': String((index % 97) + 1),
    '1d_view': String(index % 7),
  });
  return {
    account_id: '1000000001',
    account_name: 'Bench',
    account_currency: 'USD',
    campaign_id: id.slice(0, 14),
    campaign_name: `Campaign ${index % 50}`,
    adset_id: id.slice(0, 16),
    adset_name: `Ad set ${index % 500}`,
    ad_id: id,
    ad_name: `Ad ${index}`,
    date_start: `2026-03-0${1 + Math.floor((index / ROWS) * DAYS)}`,
    date_stop: `2026-03-0${1 + Math.floor((index / ROWS) * DAYS)}`,
    impressions: String(1000 + (index % 9000)),
    clicks: String(index % 300),
    ctr: '3.000000',
    cpc: '0.271828',
    cpm: '8.154845',
    spend: '81.55',
    actions: ['link_click', 'omni_purchase', 'search', 'page_engagement', 'post_engagement'].map(entry),
    action_values: ['omni_purchase'].map(entry),
    cost_per_action_type: ['link_click', 'omni_purchase', 'search'].map(entry),
  };
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const limit = Number(url.searchParams.get('limit') ?? 500);
  const start = Number(url.searchParams.get('after') ?? url.searchParams.get('since') ?? 0);
  const end = Math.min(start + limit, ROWS);
  const data = Array.from({ length: end - start }, (_, index) => row(start + index));
  const origin = `http://${request.headers.host}`;
  const next = `${origin}${url.pathname}?limit=${limit}&after=${end}`;
  const paging = { cursors: { before: String(start), after: String(end) }, ...(end < ROWS ? { next } : {}) };
  response.setHeader('content-type', 'application/json; charset=UTF-8');
  response.setHeader('x-app-usage', '{"call_count":1,"total_cputime":1,"total_time":1}');
  response.end(JSON.stringify({ data, paging }));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' ? address?.port : '');
});
