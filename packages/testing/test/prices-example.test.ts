import { describeSource, HastyClock, TestPlatform } from '@etl/testing';
import { prices } from '../examples/prices/prices.ts';

const now = new Date('2026-11-24T12:00:00Z');

describeSource('prices', async () => {
  // The truth, which the test may change.
  const late = new Map<string, string>();
  const truth = (shop: string, day: string) =>
    ['apples', 'pears'].map((product) => ({ shop, day, product, price: late.get(`${day} ${product}`) ?? '1.20' }));

  const platform = await TestPlatform.start({
    token: 'canary-5f1e',
    answer: ({ url }) => {
      const { shop = '', day = '' } = Object.fromEntries(url.searchParams);
      if (url.pathname === '/shops') return ['north'];
      return url.pathname === '/prices' ? { rows: truth(shop, day) } : undefined;
    },
  });
  const withToken = (token: string) =>
    prices({ baseUrl: platform.url, token, shops: ['north'], clock: new HastyClock({ now }) });

  return {
    ...platform.fixture,
    now,
    createSource: () => withToken('canary-5f1e'),
    createUnauthorizedSource: () => withToken('wrong'),
    truth: (_stream, { scope }) => truth(String(scope?.equals['shop']), scope?.days?.start ?? ''),
    restate: () => {
      late.set('2026-11-23 pears', '1.30');
      return { now: new Date('2026-11-24T18:00:00Z'), stream: 'daily_prices', slice: 'shop=north/2026-11-23' };
    },
  };
});
