import { describe, expect, test } from 'vitest';
import { loggerInto } from '@etl/testing';
import { AdAccounts } from '../src/ad-accounts.ts';
import { checkSource } from '../src/check-source.ts';
import type { FacebookOptions } from '../src/options.ts';
import { graphErrorBody, rejection, scriptedGraph, type Answered, type Asked } from './scripted-graph.ts';

const NOW_SECONDS = Date.parse('2026-03-10T12:00:00Z') / 1000;
const DAY_SECONDS = 86_400;

function described(id: string): Answered {
  return { json: { account_id: id, currency: 'USD', timezone_name: 'UTC' } };
}

interface Checked {
  readonly error: unknown;
  readonly heard: readonly unknown[];
  readonly asked: readonly Asked[];
  readonly token: string;
}

/** Checks a source whose platform says this of the token and of its accounts. */
async function checked(
  token: Readonly<Record<string, unknown>> | Answered,
  account: (id: string) => Answered = described,
  given: Partial<FacebookOptions> = {},
): Promise<Checked> {
  const { graph, options, asked } = scriptedGraph(
    ({ path }) =>
      path === 'debug_token'
        ? 'json' in token || 'text' in token
          ? (token as Answered)
          : { json: { data: token } }
        : account(path.replace('act_', '')),
    { accountIds: ['1', '2', '3'], ...given },
  );
  const all: unknown[] = [];
  const error = await checkSource(
    { graph, accounts: new AdAccounts(graph), options },
    { logger: loggerInto(all) },
  ).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  // Every request is told of, too.
  const heard = all.filter((one) => JSON.stringify(one).includes('expires soon'));
  return { error, heard, asked, token: options.token };
}

const valid = { is_valid: true, scopes: ['ads_read'], expires_at: 0, data_access_expires_at: 0 };

describe('a token', () => {
  test.each([
    ['that reads', ['ads_read']],
    ['that manages', ['ads_management']],
    ['that does more besides', ['public_profile', 'ads_read', 'business_management']],
  ])('%s is good, and every account is looked at', async (_what, scopes) => {
    const { error, asked, heard } = await checked({ ...valid, scopes });
    expect(error).toBeUndefined();
    expect(asked.map(({ path }) => path).toSorted()).toEqual(['act_1', 'act_2', 'act_3', 'debug_token']);
    expect(heard).toEqual([]);
  });

  test.each([
    ['is not valid', { is_valid: false }, 'FACEBOOK_TOKEN_INVALID', 'auth'],
    ['is not valid any more', { is_valid: false, error: { subcode: 463 } }, 'FACEBOOK_TOKEN_INVALID', 'auth'],
    ['has no scopes', { is_valid: true }, 'FACEBOOK_SCOPE_MISSING', 'permission'],
    ['has others', { is_valid: true, scopes: ['email'] }, 'FACEBOOK_SCOPE_MISSING', 'permission'],
  ])('that %s is refused, and no account is asked about it', async (_what, token, code, kind) => {
    const { error, asked } = await checked(token);
    expect(error).toMatchObject({ code, kind });
    expect(asked.map(({ path }) => path)).toEqual(['debug_token']);
  });

  test.each([
    ['in 31 days', 31, undefined],
    ['in 30 days', 30, 30],
    ['in 8 days', 8, 30],
    ['in 7 days', 7, 7],
    ['in 2 days', 2, 7],
    ['in a day', 1, 1],
    ['in an hour', 1 / 24, 1],
    ['an hour ago', -1 / 24, 1],
  ])('that ends %s is told in time', async (_what, days, warned) => {
    const { heard, token } = await checked({ ...valid, expires_at: Math.round(NOW_SECONDS + days * DAY_SECONDS) });
    const text = JSON.stringify(heard);
    expect(text.includes('facebook token expires soon')).toBe(warned !== undefined);
    if (warned !== undefined) {
      expect(text).toContain(`"warned_from_days":${warned}`);
      expect(text).toContain(`"days_left":${Math.max(0, Math.floor(days))}`);
    }
    expect(text).not.toContain(token);
  });

  test('whose access to data ends before itself ends then', async () => {
    const expires = {
      expires_at: NOW_SECONDS + 60 * DAY_SECONDS,
      data_access_expires_at: NOW_SECONDS + 3 * DAY_SECONDS,
    };
    expect(JSON.stringify((await checked({ ...valid, ...expires })).heard)).toContain('"days_left":3');
  });

  test('that says nothing of an end has none', async () => {
    expect((await checked({ is_valid: true, scopes: ['ads_read'] })).heard).toEqual([]);
  });

  test('of which nothing can be known is no good one', async () => {
    for (const answer of [
      { json: {} },
      { json: { data: {} } },
      { json: { data: { is_valid: 'yes' } } },
    ] satisfies Answered[]) {
      expect((await checked(answer)).error).toBeDefined();
    }
  });

  test('is asked about without being in a message', async () => {
    const { error, asked, token } = await checked({ json: graphErrorBody(190, { error_subcode: 463 }), status: 400 });
    expect(error).toMatchObject({ code: 'FACEBOOK_TOKEN_EXPIRED' });
    expect(asked[0]?.query['input_token']).toBe(token);
    const { inspect } = await import('node:util');
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(token);
  });
});

describe('accounts', () => {
  const refused = (): Answered => ({ json: graphErrorBody(200), status: 403 });

  test('that the token may not read are all named, and the others are no problem', async () => {
    const { error } = await checked(valid, (id) => (id === '2' ? described(id) : refused()));
    expect(error).toMatchObject({ code: 'FACEBOOK_CHECK_FAILED', kind: 'permission' });
    const { errors } = (error as { cause: AggregateError }).cause;
    expect(errors.map((one: Error) => /act_\d/.exec(one.message)?.[0] ?? '').toSorted()).toEqual(['act_1', 'act_3']);
  });

  test('of which one is refused: its error is the error', async () => {
    const { error } = await checked(valid, (id) => (id === '3' ? refused() : described(id)));
    expect(error).toMatchObject({ code: 'FACEBOOK_ACCESS_DENIED', kind: 'permission' });
  });

  test('without a currency cannot be loaded, and are told before a run finds out', async () => {
    const { error } = await checked(valid, () => ({ json: { account_id: '1', timezone_name: 'UTC' } }), {
      accountIds: ['1'],
    });
    expect(error).toMatchObject({ code: 'FACEBOOK_ANSWER_UNEXPECTED' });
  });
});

describe('the version', () => {
  test.each([
    ['v25.0', undefined],
    ['v99.0', undefined],
    ['v22.0', 'FACEBOOK_VERSION_RETIRED'],
  ])('%s: %s', async (apiVersion, code) => {
    const { error } = await checked(valid, described, { apiVersion });
    if (code === undefined) expect(error).toBeUndefined();
    else expect(error).toMatchObject({ code, kind: 'config' });
  });
});

test('an abort is an abort, not a problem of the source', async () => {
  const controller = new AbortController();
  const { graph, options } = scriptedGraph(() => {
    controller.abort(new Error('stopped'));
    return { text: '', status: 503 };
  });
  const checking = checkSource({ graph, accounts: new AdAccounts(graph), options }, { signal: controller.signal });
  expect(await rejection(checking)).toMatchObject({ message: 'stopped' });
});
