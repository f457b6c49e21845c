// A platform that answers pages of insights as fast as it can: `node page-server.ts <rows>`. Prints its port.
import { createServer, type IncomingMessage } from 'node:http';
import process from 'node:process';

const ROWS = Number(process.argv[2] ?? 50_000);
const DAYS = 8;
const today = Date.parse(new Date().toISOString().slice(0, 10));

/** A row as the platform writes it: numbers as text, lists with six windows. */
function row(index: number, isUnique: boolean): Record<string, unknown> {
  const id = String(120_000_000_000_000_000n + BigInt(index));
  const day = new Date(today - (DAYS - 1 - Math.floor((index / ROWS) * DAYS)) * 86_400_000).toISOString().slice(0, 10);
  const entry = (type: string): Record<string, string> => ({
    action_type: type,
    value: String((index % 97) + 1),
    '1d_click': String(index % 31),
    '7d_click': String(index % 97),
    '28d_click': String((index % 97) + 1),
    '1d_view': String(index % 7),
  });
  const core = {
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
  const unique = { reach: '900', frequency: '1.2', unique_clicks: '80', unique_ctr: '8.5', cpp: '0.09' };
  return {
    account_id: '1',
    account_name: 'Bench',
    account_currency: 'USD',
    campaign_id: id.slice(0, 14),
    campaign_name: `Campaign ${index % 50}`,
    adset_id: id.slice(0, 16),
    adset_name: `Ad set ${index % 500}`,
    ad_id: id,
    ad_name: `Ad ${index}`,
    date_start: day,
    date_stop: day,
    ...(isUnique ? unique : core),
  };
}

function page(url: URL, origin: string): unknown {
  const limit = Number(url.searchParams.get('limit') ?? 500);
  const start = Number(url.searchParams.get('after') ?? url.searchParams.get('since') ?? 0);
  const end = Math.min(start + limit, ROWS);
  const isUnique = url.pathname.includes('/622/');
  const data = Array.from({ length: end - start }, (_, index) => row(start + index, isUnique));
  const next = `${origin}${url.pathname}?limit=${limit}&after=${end}`;
  return { data, paging: { cursors: { before: String(start), after: String(end) }, ...(end < ROWS ? { next } : {}) } };
}

function answer(request: IncomingMessage, body: string): unknown {
  const origin = `http://${request.headers.host ?? ''}`;
  const url = new URL(request.url ?? '/', origin);
  if (request.method === 'GET') {
    const account = { account_id: '1', currency: 'USD', timezone_name: 'UTC' };
    return url.pathname.endsWith('/act_1') ? account : page(url, origin);
  }
  const { batch, fields = '' } = JSON.parse(body) as { batch?: string; fields?: string };
  if (batch === undefined) return { report_run_id: fields.includes('reach') ? '622' : '621' };
  const done = { async_status: 'Job Completed', async_percent_completion: 100 };
  return (JSON.parse(batch) as unknown[]).map(() => ({ code: 200, body: JSON.stringify(done) }));
}

const server = createServer((request, response) => {
  let body = '';
  request.on('data', (part: Buffer) => (body += part.toString()));
  request.on('end', () => {
    response.setHeader('content-type', 'application/json; charset=UTF-8');
    response.setHeader('x-app-usage', '{"call_count":1,"total_cputime":1,"total_time":1}');
    response.end(JSON.stringify(answer(request, body)));
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' ? (address?.port ?? '') : ''}\n`);
});
