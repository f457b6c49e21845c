import { daysOf } from '@etl/core';
import { HastyClock, type SourceFixture } from '../../src/index.ts';
import type { Bug } from './sample-bug.ts';
import { ACCOUNTS, SampleWorld, TOKEN } from './sample-platform.ts';
import { sampleSource } from './sample-source.ts';

export async function sampleFixture(bug?: Bug): Promise<SourceFixture> {
  const world = new SampleWorld();
  const platform = await world.start();
  const now = new Date('2026-11-24T12:00:00Z');
  const sourceWith = (token: string): ReturnType<typeof sampleSource> =>
    sampleSource({
      baseUrl: platform.url,
      token,
      clock: new HastyClock({ now }),
      ...(bug === undefined ? {} : { bug }),
    });
  return {
    ...platform.fixture,
    now,
    createSource: () => sourceWith(TOKEN),
    createUnauthorizedSource: () => sourceWith('unknown'),
    truth: (stream, { scope }) => {
      if (stream === 'events') return world.isEmpty ? [] : world.events;
      const days = daysOf(scope?.days ?? { start: '', end: '' });
      return days.flatMap((day) => world.rows(String(scope?.equals['account_id']), day));
    },
    // Two accounts with three days of at most two pages each, and three pages of events.
    requestBudget: 15,
    empty: () => {
      world.isEmpty = true;
    },
    restate() {
      const [account] = ACCOUNTS;
      const day = '2026-11-23';
      const rows = world.rows(account?.id ?? '', day);
      const first = rows.shift();
      if (first !== undefined) rows[0] = { ...first, ad_id: 'ad-late', spend: '1000' };
      return { now: new Date('2026-11-25T12:00:00Z'), stream: 'insights', slice: `account_id=${account?.id}/${day}` };
    },
  };
}
