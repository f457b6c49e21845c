// Reads all pages of a platform in one way and prints what it cost: `node page-reader.ts <way> <base URL> <rows>`.
import process from 'node:process';
import { addDays } from '@etl/core';
import { GraphClient } from '../src/graph-client.ts';
import { pagesOf } from '../src/graph-list.ts';
import { facebook } from '../src/index.ts';
import { resolveOptions } from '../src/options.ts';

const [way = '', baseUrl = '', total = ''] = process.argv.slice(2);

async function byFetch(after: number): Promise<number> {
  let rows = 0;
  let url: string | undefined = `${baseUrl}/v25.0/621/insights?limit=500&after=${after}`;
  while (url !== undefined) {
    const response: Response = await fetch(url);
    const page = JSON.parse(await response.text()) as { data: unknown[]; paging: { next?: string } };
    rows += page.data.length;
    url = page.paging.next;
  }
  return rows;
}

async function byClient(after: number): Promise<number> {
  const graph = new GraphClient(resolveOptions({ token: 'bench', accountIds: ['1'], baseUrl }), {});
  let rows = 0;
  const list = { path: '621/insights', query: { since: after }, accountId: '1', pageSize: 500, hasTextNumbers: true };
  for await (const page of pagesOf(graph, list, {})) rows += page.length;
  return rows;
}

/** The whole way from reports to checked rows, of which none is kept. */
async function asInsights(): Promise<number> {
  const source = facebook({ token: 'bench', accountIds: ['1'], baseUrl, insights: { isReconciled: false } });
  const end = addDays(new Date().toISOString().slice(0, 10), 1);
  const slice = { key: 'all', scope: { equals: { account_id: '1' }, days: { start: addDays(end, -8), end } } };
  let rows = 0;
  for await (const message of source.read({ streams: ['insights'], slices: { insights: [slice] } })) {
    if (message.type === 'records') rows += message.rows.length;
  }
  return rows;
}

const read = { fetch: byFetch, client: byClient, insights: asInsights }[way] ?? byFetch;
// Modules and connections are made once a process, whatever is read after that.
if (way !== 'insights') await read(Number(total) - 500);
const start = process.cpuUsage();
const rows = await read(0);
const { user, system } = process.cpuUsage(start);
const peakMb = process.resourceUsage().maxRSS / 1024;
process.stdout.write(`${JSON.stringify({ way, rows, cpuMs: (user + system) / 1000, peakMb })}\n`);
