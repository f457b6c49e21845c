// A paged export with an API key, read to its end, against a server of its own:
//   node packages/core/examples/http.ts
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { createHttpClient, fixedHeaders, Pacer, paginate } from '@etl/core/http';
import { z } from 'zod';

const server = createServer((request, response) => {
  const isSecond = request.url?.includes('cursor=b') === true;
  response.setHeader('content-type', 'application/json');
  response.end(
    isSecond
      ? '{"items":[{"id":12345678901234567890,"total":0.1}],"has_more":false,"next_cursor":null}'
      : '{"items":[{"id":7,"total":19.90}],"has_more":true,"next_cursor":"b"}',
  );
});
await new Promise<void>((resolve) => {
  server.listen(0, '127.0.0.1', resolve);
});

const http = createHttpClient({
  baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/exports`,
  authorization: fixedHeaders({ 'x-internal-api-key': 'an api key' }),
  pacer: new Pacer({ name: 'exports', concurrency: 4, buckets: [{ capacity: 10, refillPerSecond: 5 }] }),
});

const exportPage = z.object({
  items: z.array(z.object({ id: z.coerce.bigint(), total: z.union([z.number(), z.string()]) })),
  has_more: z.boolean(),
  next_cursor: z.string().nullish(),
});

const pages = paginate({
  name: 'orders',
  read: async (cursor) => exportPage.parse((await http.json('orders', { query: { limit: 2000, cursor } })).body),
  end: (page) => ({ next: page.next_cursor ?? undefined, hasMore: page.has_more, count: page.items.length }),
});

try {
  for await (const page of pages) {
    for (const { id, total } of page.items) process.stdout.write(`${id} ${total}\n`);
  }
} finally {
  server.close();
  server.closeAllConnections();
}
