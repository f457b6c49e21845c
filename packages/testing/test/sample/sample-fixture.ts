import { daysOf } from '@etl/core';
import type { Clock } from '@etl/core/http';
import type { SourceFixture } from '../../src/index.ts';
import { ACCOUNTS, FAULTS, SamplePlatform, TOKEN } from './sample-platform.ts';
import { sampleSource, type Bug } from './sample-source.ts';

/** Waits before a retry are over at once; limits of requests pass two hundred times as fast. */
const swiftClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs < 60_000 ? 0 : delayMs / 200);
    return () => {
      clearTimeout(timer);
    };
  },
};

export async function sampleFixture(bug?: Bug): Promise<SourceFixture> {
  const platform = await new SamplePlatform().listen();
  const now = new Date('2026-11-24T12:00:00Z');
  return {
    now,
    createSource: () =>
      sampleSource({ baseUrl: platform.url, clock: swiftClock, ...(bug === undefined ? {} : { bug }) }),
    truth: (_stream, { scope }) =>
      daysOf(scope?.days ?? { start: '', end: '' }).flatMap((day) =>
        platform.rows(String(scope?.equals['account_id']), day),
      ),
    faults: FAULTS,
    inject: ({ name }, request) => platform.arm(name, request),
    requests: () => platform.requests,
    openRequests: () => platform.openRequests,
    strangers: () => platform.strangers,
    secrets: [TOKEN],
    restate() {
      const [account] = ACCOUNTS;
      const day = '2026-11-23';
      const rows = platform.rows(account?.id ?? '', day);
      const first = rows.shift();
      if (first !== undefined) rows[0] = { ...first, ad_id: 'ad-late', spend: '1000' };
      return { now: new Date('2026-11-25T12:00:00Z'), stream: 'insights', slice: `account_id=${account?.id}/${day}` };
    },
    [Symbol.asyncDispose]: () => platform[Symbol.asyncDispose](),
  };
}
