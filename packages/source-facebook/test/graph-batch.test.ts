import { EtlError } from '@etl/core';
import { describe, expect, test } from 'vitest';
import { batchedAnswers, batchOf, MAX_BATCH } from '../src/graph-batch.ts';
import { graphErrorBody, rejection, scriptedGraph } from './scripted-graph.ts';

const answered = (json: unknown, code = 200, headers: readonly { name: string; value: string }[] = []) => ({
  code,
  body: JSON.stringify(json),
  headers,
});

/** What a batch of one is answered. */
function one(given: unknown): unknown {
  return batchedAnswers([given], ['v25.0/62?fields=id'])[0]?.answer;
}

describe('an answer within a batch', () => {
  test('is the object', () => {
    expect(one(answered({ id: '62', async_status: 'Job Running' }))).toEqual({ id: '62', async_status: 'Job Running' });
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['no body', { code: 200, body: null }],
    ['an empty body', { code: 200, body: '' }],
    ['a page of a proxy', { code: 502, body: '<html></html>' }],
    ['half a body', { code: 200, body: '{"id":"6' }],
    ['a body of another status', answered({ id: '62' }, 500)],
    ['text', answered('Job Completed')],
    ['a number', answered(7)],
    ['null as JSON', answered(null)],
  ])('that is %s was not given', (_what, given) => {
    expect(one(given)).toBeUndefined();
  });

  test.each([
    [graphErrorBody(100, { error_subcode: 33 }), 400, 'FACEBOOK_OBJECT_MISSING'],
    [graphErrorBody(2), 500, 'FACEBOOK_UNAVAILABLE'],
    [graphErrorBody(190, { error_subcode: 463 }), 400, 'FACEBOOK_TOKEN_EXPIRED'],
    [graphErrorBody(17), 400, 'FACEBOOK_QUOTA_USED'],
    // An error is one although it says 200.
    [graphErrorBody(1), 200, 'FACEBOOK_UNAVAILABLE'],
  ])('%j with %i is %s', (body, code, name) => {
    const error = one(answered(body, code));
    expect(EtlError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({ code: name });
    // The path without its parameters says which one it was.
    expect((error as EtlError).message).toContain('v25.0/62 ');
  });

  test('that is refused for a quota is waited for as long as its own headers say', () => {
    const usage = JSON.stringify({ 1: [{ type: 'ads_insights', estimated_time_to_regain_access: 7 }] });
    const headers = [{ name: 'X-Business-Use-Case-Usage', value: usage }];
    expect(one(answered(graphErrorBody(80_000), 400, headers))).toMatchObject({ retryAfterMs: 420_000 });
  });

  test('brings its headers along', () => {
    const headers = [{ name: 'x-app-usage', value: '{"call_count":9}' }];
    const [answer] = batchedAnswers([answered({ id: '1' }, 200, headers)], ['v25.0/1']);
    expect(answer?.headers.get('x-app-usage')).toBe('{"call_count":9}');
    expect(batchedAnswers([null], ['v25.0/1'])[0]?.headers.get('x-app-usage')).toBeNull();
  });
});

test.each<[string, unknown]>([
  ['an object', {}],
  ['null', null],
  ['too few answers', [answered({})]],
  ['too many answers', [answered({}), answered({}), answered({})]],
  ['answers that are text', ['x', 'y']],
  ['answers without a status', [{ body: '{}' }, { body: '{}' }]],
])('%s is no answer to a batch of two', (_what, given) => {
  expect(() => batchedAnswers(given, ['a', 'b'])).toThrowError(
    expect.objectContaining({ code: 'FACEBOOK_ANSWER_UNEXPECTED' }),
  );
});

test('a batch is of GETs below the version', () => {
  expect(JSON.parse(batchOf(['v25.0/1?fields=id', 'v25.0/2']))).toEqual([
    { method: 'GET', relative_url: 'v25.0/1?fields=id' },
    { method: 'GET', relative_url: 'v25.0/2' },
  ]);
});

/** A platform that answers every part of a batch by what it asks for. */
function batching(answer: (path: string) => unknown) {
  return scriptedGraph(({ form }) => ({
    json: (JSON.parse(form['batch'] ?? '[]') as { relative_url: string }[]).map(({ relative_url: url }) => answer(url)),
  }));
}

describe('several GETs together', () => {
  test.each([0, 1, MAX_BATCH, MAX_BATCH + 1, 3 * MAX_BATCH])(
    '%i are as few batches as possible, in order',
    async (count) => {
      const { graph, asked } = batching((path) => answered({ path }));
      const paths = Array.from({ length: count }, (_, index) => `${index}?fields=id`);
      expect(await graph.batch(paths, '1', {})).toEqual(paths.map((path) => ({ path: `v25.0/${path}` })));
      expect(asked).toHaveLength(Math.ceil(count / MAX_BATCH));
      for (const { method, form } of asked) {
        expect(method).toBe('POST');
        expect(form['include_headers']).toBe('true');
      }
    },
  );

  test('what one of them was refused does not touch the others', async () => {
    const { graph } = batching((path) =>
      path.includes('/2') ? answered(graphErrorBody(100, { error_subcode: 33 }), 400) : answered({ path }),
    );
    const answers = await graph.batch(['1', '2', '3'], '1', {});
    expect(answers[0]).toEqual({ path: 'v25.0/1' });
    expect(answers[1]).toMatchObject({ code: 'FACEBOOK_OBJECT_MISSING' });
    expect(answers[2]).toEqual({ path: 'v25.0/3' });
  });

  test('a quota that one of them met parks the account for what comes after', async () => {
    const { graph, asked } = batching((path) =>
      path.includes('/2') ? answered(graphErrorBody(80_000), 400) : answered({}),
    );
    await graph.batch(['1', '2'], '1', {});
    expect(await rejection(graph.batch(['3'], '1', {}))).toMatchObject({ code: 'HTTP_QUOTA_USED', kind: 'rate-limit' });
    expect(asked).toHaveLength(1);
    expect(await graph.batch(['3'], '2', {})).toEqual([{}]);
  });

  test('how full a quota is, says each of their headers', async () => {
    const usage = JSON.stringify({ 1: [{ type: 'ads_insights', call_count: 95 }] });
    const headers = [{ name: 'x-business-use-case-usage', value: usage }];
    const { graph, clock } = batching(() => answered({}, 200, headers));
    await graph.batch(['1'], '1', {});
    expect(clock.waits).toEqual([]);
    await graph.batch(['2'], '1', {});
    expect(clock.waits.map(Math.round)).toEqual([15_000]);
  });

  test('a batch that is refused as a whole is an error, not a list without answers', async () => {
    const { graph } = scriptedGraph(() => ({ json: graphErrorBody(190, { error_subcode: 463 }), status: 400 }));
    expect(await rejection(graph.batch(['1'], '1', {}))).toMatchObject({ code: 'FACEBOOK_TOKEN_EXPIRED' });
  });

  test('ids that no double holds stay as they are', async () => {
    const { graph } = scriptedGraph(() => ({
      json: [{ code: 200, body: '{"id":"120210000000000017","account_id":"9007199254740993"}' }],
    }));
    expect(await graph.batch(['1'], '1', {})).toEqual([{ id: '120210000000000017', account_id: '9007199254740993' }]);
  });
});
