import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GraphObject } from '../src/graph-client.ts';
import { pagesOf, type ListRequest } from '../src/graph-list.ts';
import { collected, graphErrorBody, rejection, scriptedGraph, type Answered, type Asked } from './scripted-graph.ts';

const TOO_MUCH = { json: graphErrorBody(1, { message: 'Please reduce the amount of data' }), status: 500 } as const;

/** A platform with so many objects, that gives pages up to a size, and absolute URLs to the next. */
function platform(
  total: number,
  { most = Infinity, origin = 'https://graph.example' }: { readonly most?: number; readonly origin?: string } = {},
): (asked: Asked) => Answered {
  return ({ query, path }) => {
    const limit = Number(query['limit']);
    if (limit > most) return TOO_MUCH;
    const start = Number(query['after'] ?? 0);
    const end = Math.min(start + limit, total);
    const data = Array.from({ length: end - start }, (_, index) => ({ id: String(start + index) }));
    const next = `${origin}/v25.0/${path}?limit=${limit}&after=${end}&access_token=secret`;
    return { json: { data, paging: { cursors: { after: String(end) }, ...(end < total ? { next } : {}) } } };
  };
}

function list(
  answer: (asked: Asked, index: number) => Answered,
  more: Partial<ListRequest> = {},
): { readonly ids: () => Promise<readonly string[]>; readonly asked: readonly Asked[]; readonly sizes: number[] } {
  const sizes: number[] = [];
  const { graph, asked } = scriptedGraph(answer);
  const request: ListRequest = {
    path: 'act_1/ads',
    query: { fields: 'id' },
    accountId: '1',
    pageSize: 10,
    onPageSize: (size) => sizes.push(size),
    ...more,
  };
  const ids = async (): Promise<readonly string[]> =>
    (await collected(pagesOf(graph, request, {}))).flat().map(({ id }: GraphObject) => String(id));
  return { ids, asked, sizes };
}

const idsUpTo = (total: number): readonly string[] => Array.from({ length: total }, (_, index) => String(index));

describe('a list', () => {
  test.each([0, 1, 9, 10, 11, 20, 25])('of %i is read to its end', async (total) => {
    const { ids, asked } = list(platform(total));
    expect(await ids()).toEqual(idsUpTo(total));
    expect(asked).toHaveLength(Math.max(1, Math.ceil(total / 10)));
    expect(new Set(asked.map(({ query }) => query['fields']))).toEqual(new Set(['id']));
  });

  test('is asked for by its cursor: the URL of the next page, which holds the token, is never followed', async () => {
    const { ids, asked } = list(platform(25));
    await ids();
    for (const { url } of asked) expect(url).not.toContain('access_token');
    expect(asked.map(({ query }) => query['after'])).toEqual([undefined, '10', '20']);
  });

  test.each([
    ['another host', 'https://elsewhere.example'],
    ['another port', 'https://graph.example:8443'],
    ['no encryption', 'http://graph.example'],
    ['a host that only begins so', 'https://graph.example.elsewhere.example'],
    ['a user', 'https://user:password@graph.example'],
  ])('whose next page is on %s is not read on', async (_what, origin) => {
    const { ids, asked } = list(platform(25, { origin }));
    expect(await rejection(ids())).toMatchObject({ code: 'HTTP_HOST_REFUSED' });
    expect(asked).toHaveLength(1);
  });

  test('that goes in a circle is noticed', async () => {
    const next = 'https://graph.example/v25.0/act_1/ads?after=x';
    const { ids, asked } = list(() => ({ json: { data: [{ id: '1' }], paging: { next, cursors: { after: 'x' } } } }));
    expect(await rejection(ids())).toMatchObject({ code: 'PAGE_REPEATED', kind: 'data' });
    expect(asked.length).toBeLessThanOrEqual(3);
  });

  test('with a next page of which nothing says where it begins is no list', async () => {
    const next = 'https://graph.example/v25.0/act_1/ads';
    const { ids } = list(() => ({ json: { data: [{ id: '1' }], paging: { next } } }));
    expect(await rejection(ids())).toMatchObject({ code: 'PAGE_CURSOR_MISSING' });
  });

  test('whose next page says nothing of a cursor goes on by the cursor beside it', async () => {
    const { ids } = list(({ query }) =>
      query['after'] === undefined
        ? {
            json: {
              data: [{ id: '0' }],
              paging: { next: 'https://graph.example/v25.0/act_1/ads', cursors: { after: 'there' } },
            },
          }
        : { json: { data: [{ id: query['after'] }] } },
    );
    expect(await ids()).toEqual(['0', 'there']);
  });

  test('a page without any, but with more after it, is not its end', async () => {
    const { ids } = list(({ query }) => {
      const after = Number(query['after'] ?? 0);
      const next = `https://graph.example/v25.0/act_1/ads?after=${after + 1}`;
      return { json: { data: after === 1 ? [] : [{ id: String(after) }], paging: after < 3 ? { next } : {} } };
    });
    expect(await ids()).toEqual(['0', '2', '3']);
  });

  test('a cursor without a next page is its end', async () => {
    const { ids, asked } = list(() => ({ json: { data: [{ id: '0' }], paging: { cursors: { after: 'x' } } } }));
    expect(await ids()).toEqual(['0']);
    expect(asked).toHaveLength(1);
  });

  test.each<[string, unknown]>([
    ['nothing', {}],
    ['null', null],
    ['text', 'data'],
    ['a list', [{ id: '1' }]],
    ['data that is an object', { data: { id: '1' } }],
    ['data that is null', { data: null }],
    ['rows that are text', { data: ['1'] }],
    ['rows that are null', { data: [null] }],
    ['rows that are lists', { data: [['1']] }],
    ['a next page that is a number', { data: [], paging: { next: 7 } }],
    ['paging that is text', { data: [], paging: 'none' }],
    ['cursors that are text', { data: [], paging: { cursors: 'x' } }],
  ])('that is %s is not taken for an empty one', async (_what, json) => {
    const { ids } = list(() => ({ json }));
    expect(await rejection(ids())).toMatchObject({ code: 'FACEBOOK_ANSWER_UNEXPECTED', kind: 'data' });
  });

  test('keeps ids that no double holds', async () => {
    const { ids } = list(() => ({ text: '{"data":[{"id":120210000000000017},{"id":120210000000000018}]}' }));
    expect(await ids()).toEqual(['120210000000000017', '120210000000000018']);
  });

  test('who leaves it after a page asks for no other', async () => {
    const { graph, asked } = scriptedGraph(platform(100));
    const request = { path: 'act_1/ads', query: {}, accountId: '1', pageSize: 10 };
    for await (const page of pagesOf(graph, request, {})) if (page.length > 0) break;
    expect(asked).toHaveLength(1);
  });

  test('an abort between two pages ends it with its reason', async () => {
    const controller = new AbortController();
    const { graph, asked } = scriptedGraph(platform(100));
    const request = { path: 'act_1/ads', query: {}, accountId: '1', pageSize: 10 };
    const reading = (async () => {
      for await (const page of pagesOf(graph, request, { signal: controller.signal })) {
        if (page.length > 0) controller.abort(new Error('enough'));
      }
    })();
    await expect(reading).rejects.toThrow('enough');
    expect(asked).toHaveLength(1);
  });
});

describe('a page that is too much', () => {
  test('is halved until it is given, and so are all that follow', async () => {
    const { ids, asked, sizes } = list(platform(30, { most: 3 }), { pageSize: 25 });
    expect(await ids()).toEqual(idsUpTo(30));
    expect(sizes).toEqual([12, 6, 3]);
    expect(asked.map(({ query }) => Number(query['limit']))).toEqual([
      25,
      12,
      6,
      ...Array.from({ length: 10 }, () => 3),
    ]);
  });

  test('in the middle of a list is asked for again from the same cursor', async () => {
    let heavy = false;
    const { ids, asked } = list((one, index) => {
      if (index === 2) heavy = true;
      return platform(40, { most: heavy ? 5 : Infinity })(one);
    });
    expect(await ids()).toEqual(idsUpTo(40));
    expect(asked.slice(0, 5).map(({ query }) => [query['after'], query['limit']])).toEqual([
      [undefined, '10'],
      ['10', '10'],
      ['20', '10'],
      ['20', '5'],
      ['25', '5'],
    ]);
  });

  test('of a single object is too much for ever', async () => {
    const { ids, sizes } = list(() => TOO_MUCH, { pageSize: 4 });
    expect(await rejection(ids())).toMatchObject({ code: 'FACEBOOK_TOO_MUCH_DATA', kind: 'data' });
    expect(sizes).toEqual([2, 1]);
  });

  test.each([
    ['a quota', 17],
    ['a token', 190],
    ['a right', 200],
    ['a field', 100],
  ])('is nothing that %s is about', async (_what, code) => {
    const { ids, asked, sizes } = list(() => ({ json: graphErrorBody(code), status: 400 }));
    expect(await rejection(ids())).toMatchObject({ context: expect.objectContaining({ graphCode: code }) });
    expect(sizes).toEqual([]);
    // What parks the account parks it for the next test too, so nothing may have been asked then.
    expect(asked.length).toBeLessThanOrEqual(1);
  });

  test('whatever the account holds and gives, everything comes once and in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(60),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 50 }),
        async (total, most, pageSize) => {
          const { ids, asked } = list(platform(total, { most }), { pageSize });
          expect(await ids()).toEqual(idsUpTo(total));
          const refused = asked.filter(({ query }) => Number(query['limit']) > most).length;
          expect(refused).toBeLessThanOrEqual(Math.ceil(Math.log2(pageSize)) + 1);
        },
      ),
      { numRuns: 60, seed: 9 },
    );
  });
});

test('a list that is left in the middle ends with the reason of whoever left it', async () => {
  const controller = new AbortController();
  const reason = new Error('seen enough');
  const { graph, asked } = scriptedGraph((one) => {
    if (one.query['after'] !== undefined) controller.abort(reason);
    return platform(30)(one);
  });
  const request: ListRequest = { path: 'act_1/ads', query: { fields: 'id' }, accountId: '1', pageSize: 10 };
  expect(await rejection(collected(pagesOf(graph, request, { signal: controller.signal })))).toBe(reason);
  expect(asked).toHaveLength(2);
});
