import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeSource, type SourceFault } from '../src/index.ts';
import { rates } from '../examples/rates/rates.ts';
import { API_KEY, CURRENCIES, RatesPlatform } from '../examples/rates/rates-platform.ts';
import { swiftClock } from './sample/swift-clock.ts';

const faults: readonly SourceFault[] = [
  { name: 'reset', kinds: ['transient'] },
  { name: '500', kinds: ['transient'] },
  { name: '401', kinds: ['auth'] },
  { name: 'HTML with 200', kinds: ['data', 'transient'] },
  { name: 'page without rows', kinds: ['data', 'transient'] },
];

describeSource('the source of the documentation', async () => {
  const platform = await new RatesPlatform().listen();
  return {
    now: new Date('2026-11-24T12:00:00Z'),
    createSource: () => rates({ baseUrl: platform.url, apiKey: API_KEY, currencies: CURRENCIES, clock: swiftClock }),
    truth: (_stream, { scope }) =>
      platform.rows(String(scope?.equals['currency']), scope?.days?.start ?? '', scope?.days?.end ?? ''),
    faults,
    inject: ({ name }, request) => platform.arm(name, request),
    requests: () => platform.requests,
    openRequests: () => platform.open,
    strangers: () => 0,
    secrets: [API_KEY],
    restate() {
      platform.correct('EUR', '2026-11-23', '9.99');
      return { now: new Date('2026-11-25T12:00:00Z'), stream: 'daily_rates', slice: 'currency=EUR/2026-11-23' };
    },
    [Symbol.asyncDispose]: () => platform[Symbol.asyncDispose](),
  };
});

describe('the page that explains it', () => {
  const root = join(import.meta.dirname, '../../..');
  const text = (path: string): string => readFileSync(join(root, path), 'utf8');
  const plain = (code: string): string => code.replaceAll(/\s+/g, ' ');

  it('shows code that runs', () => {
    const page = text('docs/connectors/writing-a-connector.md');
    const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);
    const all = ['examples/rates/rates.ts', 'examples/rates/run.ts', 'test/rates-example.test.ts']
      .map((path) => plain(text(`packages/testing/${path}`)))
      .join('\n');
    expect(blocks.length).toBeGreaterThan(4);
    // A line of dots stands for what is shown elsewhere.
    for (const part of blocks.flatMap((block) => block.split(/^ *\/\/ …$/m))) expect(all).toContain(plain(part).trim());
  });
});
