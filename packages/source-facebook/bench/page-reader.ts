// Reads all pages of a platform in one way and prints what it cost: `node page-reader.ts <way> <base URL>`.
import process from 'node:process';
import { GraphClient } from '../src/graph-client.ts';
import { pagesOf } from '../src/graph-list.ts';
import { resolveOptions } from '../src/options.ts';

const [way = '', baseUrl = '', total = ''] = process.argv.slice(2);
const FIELDS = 'fields=ad_id,spend';

async function byFetch(after: number): Promise<number> {
  let rows = 0;
  let url: string | undefined = `${baseUrl}/v25.0/1/insights?${FIELDS}&limit=500&after=${after}`;
  while (url !== undefined) {
    const response: Response = await fetch(url);
    const page = JSON.parse(await response.text()) as { data: unknown[]; paging: { next?: string } };
    rows += page.data.length;
    url = page.paging.next;
  }
  return rows;
}

async function byClient(after: number): Promise<number> {
  const graph = new GraphClient(resolveOptions({ token: 'bench', accountIds: ['1'], baseUrl }), {
    ...(way === 'client over fetch' ? { fetch: globalThis.fetch } : {}),
  });
  let rows = 0;
  const list = { path: '1/insights', query: { fields: 'ad_id,spend', since: after }, accountId: '1', pageSize: 500 };
  for await (const page of pagesOf(graph, list, {})) rows += page.length;
  return rows;
}

const read = way === 'fetch' ? byFetch : byClient;
// Modules and connections are made once a process, whatever is read after that.
await read(Number(total) - 500);
const start = process.cpuUsage();
const startedAt = performance.now();
const rows = await read(0);
const { user, system } = process.cpuUsage(start);
const [cpuMs, wallMs] = [(user + system) / 1000, performance.now() - startedAt];
console.log(JSON.stringify({ way, rows, cpuMs, wallMs, peakMb: process.resourceUsage().maxRSS / 1024 }));
