import fc from 'fast-check';
import { EtlError } from '@etl/core';
import { describe, expect, test } from 'vitest';
import { errorBodyOf, graphError, graphErrorOf, isTooMuchData, unexpectedAnswer } from '../src/graph-error.ts';
import { graphErrorBody, rejection, scriptedGraph } from './scripted-graph.ts';

interface Case {
  readonly code: number;
  readonly subcode?: number;
  readonly message?: string;
  readonly isTransient?: boolean;
  readonly means: string;
  readonly kind: string;
}

const QUOTAS = [4, 17, 32, 613, 80_014, 80_000, 80_001, 80_002, 80_003, 80_004, 80_005, 80_006, 80_008, 80_009];

const CASES: readonly Case[] = [
  ...QUOTAS.map((code): Case => ({ code, means: 'FACEBOOK_QUOTA_USED', kind: 'rate-limit' })),
  { code: 17, subcode: 2_446_079, means: 'FACEBOOK_QUOTA_USED', kind: 'rate-limit' },
  { code: 4, subcode: 1_504_022, means: 'FACEBOOK_QUOTA_USED', kind: 'rate-limit' },
  { code: 613, subcode: 1_487_742, means: 'FACEBOOK_QUOTA_USED', kind: 'rate-limit' },
  // A used quota is one, whatever else the answer says of itself.
  { code: 80_000, isTransient: true, means: 'FACEBOOK_QUOTA_USED', kind: 'rate-limit' },
  { code: 17, message: 'Please reduce the amount of data', means: 'FACEBOOK_QUOTA_USED', kind: 'rate-limit' },
  { code: 190, means: 'FACEBOOK_TOKEN_INVALID', kind: 'auth' },
  { code: 190, subcode: 460, means: 'FACEBOOK_TOKEN_INVALID', kind: 'auth' },
  { code: 190, subcode: 458, means: 'FACEBOOK_TOKEN_INVALID', kind: 'auth' },
  { code: 190, subcode: 463, means: 'FACEBOOK_TOKEN_EXPIRED', kind: 'auth' },
  { code: 190, subcode: 467, means: 'FACEBOOK_TOKEN_EXPIRED', kind: 'auth' },
  { code: 102, means: 'FACEBOOK_TOKEN_INVALID', kind: 'auth' },
  { code: 104, means: 'FACEBOOK_TOKEN_INVALID', kind: 'auth' },
  { code: 190, isTransient: true, means: 'FACEBOOK_TOKEN_INVALID', kind: 'auth' },
  { code: 100, subcode: 1_487_534, means: 'FACEBOOK_TOO_MUCH_DATA', kind: 'data' },
  { code: 100, subcode: 1_504_018, means: 'FACEBOOK_TOO_MUCH_DATA', kind: 'data' },
  { code: 2, subcode: 1_504_038, means: 'FACEBOOK_TOO_MUCH_DATA', kind: 'data' },
  {
    code: 1,
    message: "Please reduce the amount of data you're asking for, then retry your request",
    means: 'FACEBOOK_TOO_MUCH_DATA',
    kind: 'data',
  },
  { code: 1, message: 'There is TOO MUCH DATA in this query', means: 'FACEBOOK_TOO_MUCH_DATA', kind: 'data' },
  // The same words of another error are only words.
  { code: 100, message: 'reduce the amount of data', means: 'FACEBOOK_REQUEST_REJECTED', kind: 'config' },
  { code: 2601, subcode: 1_815_107, means: 'FACEBOOK_REPORT_UNREADABLE', kind: 'transient' },
  { code: 10, means: 'FACEBOOK_ACCESS_DENIED', kind: 'permission' },
  { code: 3, means: 'FACEBOOK_ACCESS_DENIED', kind: 'permission' },
  { code: 200, means: 'FACEBOOK_ACCESS_DENIED', kind: 'permission' },
  { code: 294, means: 'FACEBOOK_ACCESS_DENIED', kind: 'permission' },
  { code: 299, means: 'FACEBOOK_ACCESS_DENIED', kind: 'permission' },
  { code: 300, means: 'FACEBOOK_REQUEST_REJECTED', kind: 'config' },
  { code: 100, subcode: 33, means: 'FACEBOOK_OBJECT_MISSING', kind: 'permission' },
  { code: 100, means: 'FACEBOOK_REQUEST_REJECTED', kind: 'config' },
  { code: 100, subcode: 2_446_289, means: 'FACEBOOK_REQUEST_REJECTED', kind: 'config' },
  { code: 2635, means: 'FACEBOOK_VERSION_RETIRED', kind: 'config' },
  { code: 3018, means: 'FACEBOOK_HISTORY_GONE', kind: 'state' },
  { code: 1, means: 'FACEBOOK_UNAVAILABLE', kind: 'transient' },
  { code: 1, subcode: 99, means: 'FACEBOOK_UNAVAILABLE', kind: 'transient' },
  { code: 2, means: 'FACEBOOK_UNAVAILABLE', kind: 'transient' },
  { code: -1, means: 'FACEBOOK_UNAVAILABLE', kind: 'transient' },
  { code: 341, means: 'FACEBOOK_UNAVAILABLE', kind: 'transient' },
  { code: 2, subcode: 1_504_044, means: 'FACEBOOK_UNAVAILABLE', kind: 'transient' },
  { code: 9999, isTransient: true, means: 'FACEBOOK_UNAVAILABLE', kind: 'transient' },
  { code: 9999, isTransient: false, means: 'FACEBOOK_REQUEST_REJECTED', kind: 'config' },
  { code: 2500, means: 'FACEBOOK_REQUEST_REJECTED', kind: 'config' },
  { code: 12, means: 'FACEBOOK_REQUEST_REJECTED', kind: 'config' },
];

function bodyOf({ code, subcode, message, isTransient }: Case) {
  return {
    code,
    ...(subcode === undefined ? {} : { error_subcode: subcode }),
    ...(message === undefined ? {} : { message }),
    ...(isTransient === undefined ? {} : { is_transient: isTransient }),
  };
}

test.each(CASES)('error $code/$subcode $message $isTransient is $means', (one) => {
  const error = graphError(bodyOf(one), 'GET act_1/ads', { status: 400 });
  expect(error).toMatchObject({ code: one.means, kind: one.kind });
  expect(error.hint).toMatch(/^[A-Z].*\.$/);
  expect(error.context).toMatchObject({ graphCode: one.code, status: 400 });
  expect(error.message).toContain(`error ${one.code}${one.subcode === undefined ? '' : `/${one.subcode}`}`);
  expect(isTooMuchData(error)).toBe(one.means === 'FACEBOOK_TOO_MUCH_DATA');
});

test.each(CASES.filter(({ kind }) => kind === 'rate-limit'))(
  'a quota ($code) is waited for as long as the headers say, or five minutes',
  (one) => {
    expect(graphError(bodyOf(one), 'x', { regainMs: 240_000 }).retryAfterMs).toBe(240_000);
    expect(graphError(bodyOf(one), 'x').retryAfterMs).toBe(300_000);
  },
);

test('what is no quota is not waited for because of a header', () => {
  for (const one of CASES.filter(({ kind }) => kind !== 'rate-limit')) {
    const { retryAfterMs } = graphError(bodyOf(one), 'x', { regainMs: 240_000 });
    expect(retryAfterMs).toBe(one.means === 'FACEBOOK_REPORT_UNREADABLE' ? 10_000 : undefined);
  }
});

describe('a body that is an error', () => {
  test.each([
    [{ error: { code: 1 } }, true],
    [{ error: { code: 1, message: 'text', unknown: true } }, true],
    [{ error: { code: '1' } }, false],
    [{ error: {} }, false],
    [{ error: 'text' }, false],
    [{ error: null }, false],
    [{ data: [] }, false],
    [[], false],
    [null, false],
    ['error', false],
    [undefined, false],
    [{ error: { code: 1, error_subcode: 'x' } }, false],
  ])('%j: %s', (body, isError) => {
    expect(errorBodyOf(body) !== undefined).toBe(isError);
  });

  test('says who was asked and how, and keeps the trace for the platform’s support', () => {
    const error = graphErrorOf({
      json: graphErrorBody(190, { error_subcode: 463 }),
      headers: new Headers(),
      status: 400,
      method: 'GET',
      url: 'https://graph.example/v25.0/act_1/ads?limit=5',
    });
    expect(error?.message).toContain('GET https://graph.example/v25.0/act_1/ads?limit=5');
    expect(error?.context).toMatchObject({ trace: 'A1', graphSubcode: 463 });
  });

  test('a long message is cut, not the reason', () => {
    const error = graphError({ code: 100, message: 'x'.repeat(5000) }, 'GET x');
    expect(error.message.length).toBeLessThan(300);
    expect(error.message).toContain('error 100');
  });

  test('whatever the body holds, it is an error or none, and nothing is thrown', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 100, max: 599 }), (json, status) => {
        const error = graphErrorOf({
          json,
          headers: new Headers(),
          status,
          method: 'GET',
          url: 'https://graph.example/',
        });
        expect(error === undefined || EtlError.isInstance(error)).toBe(true);
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  test('whatever the numbers, there is a code, a kind and a hint', () => {
    fc.assert(
      fc.property(fc.integer(), fc.option(fc.integer(), { nil: undefined }), (code, subcode) => {
        const error = graphError({ code, ...(subcode === undefined ? {} : { error_subcode: subcode }) }, 'GET x');
        expect(error.code).toMatch(/^FACEBOOK_[A-Z_]+$/);
        expect(error.hint).not.toBe('');
      }),
      { numRuns: 300, seed: 2 },
    );
  });

  test('what is no error and not what was asked for either says so', () => {
    expect(unexpectedAnswer('a page of act_1/ads')).toMatchObject({ code: 'FACEBOOK_ANSWER_UNEXPECTED', kind: 'data' });
    expect(isTooMuchData(unexpectedAnswer('x'))).toBe(false);
    expect(isTooMuchData(new Error('reduce the amount of data'))).toBe(false);
  });
});

const PASSING = CASES.filter(({ kind }) => kind === 'transient');
const LASTING = CASES.filter(({ kind }) => kind !== 'transient');

describe('what is asked again', () => {
  test.each(PASSING)('$code/$subcode: until it is answered', async (one) => {
    const { graph, asked } = scriptedGraph((_asked, index) =>
      index === 0 ? { json: { error: bodyOf(one) }, status: 500 } : { json: { id: '1' } },
    );
    expect(await graph.get('act_1', { fields: 'id' }, '1', {})).toEqual({ id: '1' });
    expect(asked).toHaveLength(2);
  });

  test.each(LASTING)('$code/$subcode $message: never', async (one) => {
    const { graph, asked, clock } = scriptedGraph(() => ({ json: { error: bodyOf(one) }, status: 400 }));
    expect(await rejection(graph.get('act_1', {}, '1', {}))).toMatchObject({ code: one.means, kind: one.kind });
    expect(asked).toHaveLength(1);
    expect(clock.waits).toEqual([]);
  });

  test.each([
    ['with 200', 200],
    ['with 400', 400],
    ['with 500', 500],
    ['with 403', 403],
  ])('an error is one whatever the status: %s', async (_what, status) => {
    const { graph } = scriptedGraph(() => ({ json: graphErrorBody(190, { error_subcode: 463 }), status }));
    expect(await rejection(graph.get('act_1', {}, '1', {}))).toMatchObject({ code: 'FACEBOOK_TOKEN_EXPIRED' });
  });

  test.each([
    ['a page of a proxy', { text: '<html>Bad gateway</html>', status: 502 }],
    ['nothing', { text: '', status: 503 }],
    ['text in the place of an error', { text: '{"error":"try later"}', status: 500 }],
    ['a body that was cut short', { text: '{"data":[{"id":"1"' }],
  ])('%s is asked for again, a few times', async (_what, answer) => {
    const { graph, asked } = scriptedGraph((_asked, index) => (index < 2 ? answer : { json: { id: '1' } }));
    expect(await graph.get('act_1', {}, '1', {})).toEqual({ id: '1' });
    expect(asked).toHaveLength(3);
    const broken = scriptedGraph(() => answer);
    const error = await rejection(broken.graph.get('act_1', {}, '1', {}));
    expect(EtlError.isInstance(error)).toBe(true);
    expect(broken.asked.length).toBeLessThanOrEqual(5);
  });

  test('a POST that was not answered is asked again too: it costs, but does no harm', async () => {
    const { graph, asked } = scriptedGraph((_asked, index) =>
      index === 0 ? { text: '', status: 503 } : { json: { report_run_id: '62' } },
    );
    expect(await graph.post('act_1/insights', { level: 'ad', after: undefined }, '1', {})).toEqual({
      report_run_id: '62',
    });
    expect(asked.map(({ method, form }) => [method, form])).toEqual([
      ['POST', { level: 'ad' }],
      ['POST', { level: 'ad' }],
    ]);
  });
});

test('no error of any answer holds the token, wherever the platform puts it', async () => {
  const { inspect } = await import('node:util');
  for (const one of CASES) {
    const { graph, options } = scriptedGraph((asked) => {
      const token = asked.headers.get('authorization')?.replace('Bearer ', '') ?? '';
      const said = `Invalid access_token=${token} in https://graph.example/?access_token=${encodeURIComponent(token)}`;
      return { json: { error: { ...bodyOf(one), message: said } }, status: 400 };
    });
    const error = await rejection(graph.get('act_1', {}, '1', {}));
    expect(EtlError.isInstance(error)).toBe(true);
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(options.token);
  }
});

test('the token is in the header of every request, and nowhere else', async () => {
  const { graph, asked, options } = scriptedGraph(() => ({ json: { id: '1' } }));
  await graph.get('act_1', { fields: 'id' }, '1', {});
  await graph.get('debug_token', { input_token: 'another one' }, undefined, {});
  await graph.post('act_1/insights', { level: 'ad' }, '1', {});
  for (const { headers, url, form } of asked) {
    expect(headers.get('authorization')).toBe(`Bearer ${options.token}`);
    expect(url).not.toContain(options.token);
    expect(JSON.stringify(form)).not.toContain(options.token);
  }
});
