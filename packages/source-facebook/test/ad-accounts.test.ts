import { describe, expect, test } from 'vitest';
import { AdAccounts } from '../src/ad-accounts.ts';
import { graphErrorBody, rejection, scriptedGraph, type Answered } from './scripted-graph.ts';

const described = { json: { account_id: '1', name: 'One', currency: 'JPY', timezone_name: 'Asia/Tokyo' } } as const;

function accounts(answer: (index: number) => Answered) {
  const { graph, asked } = scriptedGraph((_asked, index) => answer(index));
  return { accounts: new AdAccounts(graph), asked };
}

describe('what an account is', () => {
  test('is asked of the account itself, not looked for in a list of all', async () => {
    const { accounts: own, asked } = accounts(() => described);
    expect(await own.get('1', {})).toEqual({ id: '1', currency: 'JPY', timeZone: 'Asia/Tokyo' });
    expect(asked.map(({ path, query }) => [path, query['fields']])).toEqual([
      ['act_1', 'account_id,name,currency,timezone_name'],
    ]);
  });

  test('is asked once, by however many at the same time', async () => {
    const { accounts: own, asked } = accounts(() => described);
    const all = await Promise.all(Array.from({ length: 8 }, () => own.get('1', {})));
    expect(new Set(all).size).toBe(1);
    await own.get('1', {});
    expect(asked).toHaveLength(1);
  });

  test('is asked of each', async () => {
    const { accounts: own, asked } = accounts(() => described);
    await Promise.all(['1', '2', '3'].map((id) => own.get(id, {})));
    expect(asked.map(({ path }) => path).toSorted()).toEqual(['act_1', 'act_2', 'act_3']);
  });

  test('that could not be asked is asked again by the next', async () => {
    const { accounts: own, asked } = accounts((index) =>
      index === 0 ? { json: graphErrorBody(200), status: 403 } : described,
    );
    expect(await rejection(own.get('1', {}))).toMatchObject({ code: 'FACEBOOK_ACCESS_DENIED' });
    expect(await own.get('1', {})).toMatchObject({ currency: 'JPY' });
    expect(asked).toHaveLength(2);
  });

  test.each<[string, unknown]>([
    ['no currency', { account_id: '1', timezone_name: 'UTC' }],
    ['no time zone', { account_id: '1', currency: 'USD' }],
    ['a currency that is a number', { account_id: '1', currency: 840, timezone_name: 'UTC' }],
    ['nothing', {}],
    ['a list', []],
    ['null', null],
  ])('with %s is refused by its name: money without a currency is no money', async (_what, json) => {
    const { accounts: own } = accounts(() => ({ json }));
    expect(await rejection(own.get('1', {}))).toMatchObject({
      code: 'FACEBOOK_ANSWER_UNEXPECTED',
      kind: 'data',
      message: expect.stringContaining('ad account 1'),
    });
  });
});
