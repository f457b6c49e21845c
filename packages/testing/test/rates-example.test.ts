import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rates } from '../examples/rates/rates.ts';
import { CURRENCIES, RatesWorld, TOKEN } from '../examples/rates/rates-world.ts';
import { describeSource, HastyClock } from '../src/index.ts';

describeSource('the source of the documentation', async () => {
  const world = new RatesWorld();
  const platform = await world.start();
  const now = new Date('2026-11-24T12:00:00Z');
  const sourceWith = (token: string) =>
    rates({ baseUrl: platform.url, token, currencies: CURRENCIES, clock: new HastyClock({ now }) });
  return {
    ...platform.fixture,
    now,
    createSource: () => sourceWith(TOKEN),
    createUnauthorizedSource: () => sourceWith('unknown'),
    truth: (_stream, { scope }) =>
      world.rows(String(scope?.equals['currency']), scope?.days?.start ?? '', scope?.days?.end ?? ''),
    // Two currencies with ten days of two rates, four to a page.
    requestBudget: 20,
    empty: () => {
      world.isEmpty = true;
    },
    restate() {
      world.correct('EUR', '2026-11-23', '9.99');
      return { now: new Date('2026-11-25T12:00:00Z'), stream: 'daily_rates', slice: 'currency=EUR/2026-11-23' };
    },
  };
});

describe('the page that explains it', () => {
  const text = (path: string): string => readFileSync(join(import.meta.dirname, '../../..', path), 'utf8');
  const plain = (code: string): string => code.replaceAll(/\s+/g, ' ').trim();

  it('shows code that runs', () => {
    const page = text('docs/connectors/writing-a-connector.md');
    const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);
    const all = ['examples/rates/rates.ts', 'examples/rates/run.ts', 'test/rates-example.test.ts']
      .map((path) => plain(text(`packages/testing/${path}`)))
      .join('\n');
    expect(blocks.length).toBeGreaterThan(4);
    // A line of dots stands for what is shown elsewhere.
    for (const part of blocks.flatMap((block) => block.split(/^ *\/\/ …$/m))) expect(all).toContain(plain(part));
  });
});
