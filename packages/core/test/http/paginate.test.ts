import { expect, it } from 'vitest';
import { createHttpClient, paginate, type PageEnd, type PaginateOptions } from '../../src/http/index.ts';
import { sendJson, TestServer } from './test-server.ts';

interface Page {
  readonly rows: readonly number[];
  readonly end?: Partial<PageEnd>;
}

/** Pages by cursor; the first one is at no cursor. */
async function readAll(
  pages: Readonly<Record<string, Page>>,
  options: Partial<PaginateOptions<Page>> = {},
): Promise<number[]> {
  const rows: number[] = [];
  for await (const page of paginate<Page>({
    name: 'orders',
    read: (next) => Promise.resolve(pages[next ?? 'first'] ?? { rows: [] }),
    end: ({ rows: { length }, end }) => ({ next: undefined, count: length, ...end }),
    ...options,
  })) {
    rows.push(...page.rows);
  }
  return rows;
}

const threePages = {
  first: { rows: [1, 2], end: { next: 'b', hasMore: true } },
  b: { rows: [3], end: { next: 'c', hasMore: true } },
  c: { rows: [4], end: { next: 'c2', hasMore: false } },
};

it('reads all pages, and goes on from where an earlier run was', async () => {
  expect(await readAll(threePages)).toEqual([1, 2, 3, 4]);
  expect(await readAll(threePages, { from: 'b' })).toEqual([3, 4]);
});

it('ends at the page without a cursor when the platform says nothing else', async () => {
  expect(await readAll({ first: { rows: [1], end: { next: 'b' } }, b: { rows: [2], end: { next: '' } } })).toEqual([
    1, 2,
  ]);
  expect(await readAll({ first: { rows: [] } })).toEqual([]);
});

it.each<[string, Record<string, Page>, string]>([
  [
    'a cursor comes again',
    { first: { rows: [1], end: { next: 'b' } }, b: { rows: [2], end: { next: 'b' } } },
    'PAGE_REPEATED',
  ],
  [
    'cursors go in a circle',
    {
      first: { rows: [1], end: { next: 'b' } },
      b: { rows: [2], end: { next: 'c' } },
      c: { rows: [3], end: { next: 'b' } },
    },
    'PAGE_REPEATED',
  ],
  ['more is promised without a cursor', { first: { rows: [1], end: { hasMore: true } } }, 'PAGE_CURSOR_MISSING'],
  [
    'more is promised with an empty cursor',
    { first: { rows: [1], end: { hasMore: true, next: '' } } },
    'PAGE_CURSOR_MISSING',
  ],
  [
    'a page is empty although more is promised',
    { first: { rows: [], end: { hasMore: true, next: 'b' } } },
    'PAGE_EMPTY',
  ],
  ['a page is empty although there is a cursor', { first: { rows: [], end: { next: 'b' } } }, 'PAGE_EMPTY'],
  [
    'the total changes while it is read',
    { first: { rows: [1], end: { next: 'b', total: 2 } }, b: { rows: [2], end: { total: 3 } } },
    'PAGE_TOTAL_CHANGED',
  ],
  [
    'fewer rows came than were announced',
    { first: { rows: [1], end: { next: 'b', total: 3 } }, b: { rows: [2], end: { total: 3 } } },
    'PAGE_TOTAL_MISSED',
  ],
])('fails when %s', async (_, pages, code) => {
  await expect(readAll(pages)).rejects.toMatchObject({ code, context: { name: 'orders' } });
});

it('fails at the cap instead of ending there', async () => {
  await expect(readAll(threePages, { maxPages: 2 })).rejects.toMatchObject({
    code: 'PAGE_CAP_REACHED',
    context: { page: 2 },
  });
  expect(await readAll(threePages, { maxPages: 3 })).toHaveLength(4);
});

it('takes an empty page in the middle where the platform filters after paging', async () => {
  const pages = { first: { rows: [], end: { next: 'b' } }, b: { rows: [1] } };
  expect(await readAll(pages, { allowEmptyPages: true })).toEqual([1]);
});

it('does not follow a next page to another host, and sends nothing there', async () => {
  await using elsewhere = await TestServer.start((_, response) => {
    sendJson(response, { data: [2] });
  });
  await using server = await TestServer.start((_, response) => {
    sendJson(response, { data: [1], paging: { next: `${elsewhere.url}/page2?access_token=hush` } });
  });
  const http = createHttpClient({ baseUrl: server.url });
  interface Body {
    readonly data: readonly number[];
    readonly paging?: { readonly next?: string };
  }
  const read = async (): Promise<void> => {
    const pages = paginate({
      name: 'ads',
      read: async (next) => (await http.json(next ?? 'ads')).body as Body,
      end: ({ data, paging }) => ({ next: paging?.next, count: data.length }),
      check: (next) => http.resolve(next),
    });
    for await (const page of pages) expect(page.data).toEqual([]);
  };
  await expect(read()).rejects.toMatchObject({ code: 'HTTP_HOST_REFUSED' });
  expect(elsewhere.requests).toEqual([]);
});
