import { describe, expect, it } from 'vitest';
import { World, type AdInsight } from '../src/index.ts';
import { hoursOf, dayNumber } from '../src/world/calendar.ts';

const [account] = new World().accounts;
const accountId = account?.id ?? '';
const march = { accountId, since: '2026-03-01', until: '2026-03-31' };

function sum(rows: readonly AdInsight[], of: (row: AdInsight) => number): number {
  return rows.reduce((total, row) => total + of(row), 0);
}

const purchases = (row: AdInsight) => row.events.reduce((total, { tallies }) => total + tallies['28d_click'].count, 0);
const values = (row: AdInsight) => row.events.reduce((total, { tallies }) => total + tallies.default.valueMinor, 0);

describe('a seed', () => {
  it('gives the same world every time, another seed another', () => {
    const rows = (seed: string) =>
      JSON.stringify(new World({ seed }).insights({ ...march, accountId: new World({ seed }).accounts[1]?.id ?? '' }));
    expect(rows('one')).toBe(rows('one'));
    expect(rows('one')).not.toBe(rows('two'));
  });

  it('gives a day the same numbers whether or not other days were computed before it', () => {
    const alone = new World().insights({ accountId, since: '2026-03-17', until: '2026-03-17' });
    const among = new World().insights(march).filter(({ dateStart }) => dateStart === '2026-03-17');
    expect(alone.length).toBeGreaterThan(5);
    expect(alone).toEqual(among);
  });

  it('gives the same world on the way and after a jump', () => {
    const steps = new World();
    for (let day = 0; day < 40; day += 1) {
      steps.insights({ accountId, since: '2026-03-31', until: '2026-03-31' });
      steps.clock.advance({ days: 1 });
    }
    const jump = new World();
    jump.clock.advance({ days: 40 });
    expect(steps.insights(march)).toEqual(jump.insights(march));
    expect(steps.ads(accountId)).toEqual(jump.ads(accountId));
  });
});

describe('accounts', () => {
  it('have several currencies, time zones and businesses; one is empty, some ids are beyond 2^53', () => {
    const { accounts } = new World();
    expect(new Set(accounts.map(({ currency }) => currency)).size).toBe(5);
    expect(new Set(accounts.map(({ timeZone }) => timeZone)).size).toBe(6);
    expect(new Set(accounts.map(({ businessId }) => businessId)).size).toBe(2);
    expect(accounts.filter(({ id }) => BigInt(id) > 2n ** 53n).length).toBeGreaterThan(0);
    const empty = accounts.find(({ isEmpty }) => isEmpty);
    expect(new World().ads(empty?.id ?? '')).toEqual([]);
  });

  it('have ads that a double cannot tell apart', () => {
    const ids = new World().ads(accountId).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(ids.map(Number)).size).toBeLessThan(ids.length);
  });

  it('begin their days at their own midnight', () => {
    const world = new World({ now: new Date('2026-03-31T23:30:00Z') });
    expect(world.accounts.map(({ id, timeZone }) => [timeZone, world.today(id)])).toEqual([
      ['America/Los_Angeles', '2026-03-31'],
      ['Europe/London', '2026-04-01'],
      ['Asia/Dubai', '2026-04-01'],
      ['Asia/Tokyo', '2026-04-01'],
      ['Pacific/Auckland', '2026-04-01'],
      ['America/New_York', '2026-03-31'],
    ]);
  });

  it('have no report of the hour that daylight saving time skips', () => {
    expect(hoursOf(dayNumber('2026-03-08'), 'America/Los_Angeles')).not.toContain(2);
    expect(hoursOf(dayNumber('2025-11-02'), 'America/Los_Angeles')).toHaveLength(24);
    const world = new World();
    const hourly = world.insights({
      ...march,
      breakdowns: ['hourly_stats_aggregated_by_advertiser_time_zone'],
    });
    const skipped = hourly.filter(
      ({ dateStart, breakdowns }) =>
        dateStart === '2026-03-08' && Object.values(breakdowns).some((hour) => hour.startsWith('02:')),
    );
    expect(hourly.length).toBeGreaterThan(1000);
    expect(skipped).toEqual([]);
  });
});

describe('the life of what an account holds', () => {
  it('has objects begin, pause, change their names, and go', () => {
    const world = new World();
    const before = new Map(world.ads(accountId).map((ad) => [ad.id, ad]));
    world.clock.advance({ days: 45 });
    const after = world.ads(accountId);
    const changed = (of: (ad: (typeof after)[number]) => unknown) =>
      after.filter((ad) => before.has(ad.id) && of(ad) !== of(before.get(ad.id) as never)).length;
    expect(after.length).toBeGreaterThan(before.size);
    expect(changed(({ name }) => name)).toBeGreaterThan(0);
    expect(changed(({ status }) => status)).toBeGreaterThan(0);
    const statuses = new Set(after.map(({ effectiveStatus }) => effectiveStatus));
    expect([...statuses]).toEqual(expect.arrayContaining(['ACTIVE', 'PAUSED', 'ARCHIVED', 'DELETED']));
    for (const ad of after) {
      expect(ad.updatedAt).toBeGreaterThanOrEqual(ad.createdAt);
      expect(ad.updatedAt).toBeLessThanOrEqual(world.clock.now());
    }
  });

  it('shows nothing before an ad exists or after it ended', () => {
    const world = new World();
    for (const row of world.insights({ accountId, since: '2025-09-01', until: '2026-03-31', includeRemoved: true })) {
      const ad = world.ads(accountId).find(({ id }) => id === row.adId);
      const day = dayNumber(row.dateStart);
      expect(day).toBeGreaterThanOrEqual(ad?.plan.firstDay ?? Number.NaN);
      expect(day).toBeLessThanOrEqual(ad?.plan.lastDay ?? Number.POSITIVE_INFINITY);
    }
  });

  it('leaves rows of a deleted ad to the levels above it', () => {
    const world = new World({ isLively: false });
    const days = { accountId, since: '2026-03-01', until: '2026-03-07' };
    const total = sum(world.insights({ ...days, level: 'account' }), ({ spendMinor }) => spendMinor);
    const gone = world.ads(accountId)[1];
    world.change(gone?.id ?? '', { status: 'DELETED' });
    const ads = world.insights(days);
    expect(ads.filter(({ adId }) => adId === gone?.id)).toEqual([]);
    expect(sum(world.insights({ ...days, level: 'account' }), ({ spendMinor }) => spendMinor)).toBe(total);
    expect(sum(ads, ({ spendMinor }) => spendMinor)).toBeLessThan(total);
    expect(world.insights({ ...days, under: gone?.id ?? '' })).toHaveLength(7);
  });
});

describe('reports', () => {
  const world = new World();

  it.each([
    ['age'],
    ['gender', 'age'],
    ['country'],
    ['publisher_platform', 'platform_position'],
    ['impression_device'],
  ])('add up over %s to what they are without', (...breakdowns) => {
    const whole = new Map(world.insights(march).map((row) => [`${row.adId} ${row.dateStart}`, row]));
    const parts = Map.groupBy(world.insights({ ...march, breakdowns }), (row) => `${row.adId} ${row.dateStart}`);
    expect([...parts.keys()].sort()).toEqual([...whole.keys()].sort());
    for (const [key, rows] of parts) {
      const row = whole.get(key) as AdInsight;
      for (const of of [
        ({ impressions }: AdInsight) => impressions,
        ({ clicks }: AdInsight) => clicks,
        ({ spendMinor }: AdInsight) => spendMinor,
        ({ reach }: AdInsight) => reach,
        purchases,
        values,
      ]) {
        expect(sum(rows, of)).toBe(of(row));
      }
    }
  });

  it('add up over ads and days, but for people, who are counted once', () => {
    const ads = world.insights({ ...march, includeRemoved: true });
    const [total] = world.insights({ ...march, level: 'account', timeIncrement: 'all_days' });
    expect(total).toBeDefined();
    expect(sum(ads, ({ spendMinor }) => spendMinor)).toBe(total?.spendMinor);
    expect(sum(ads, purchases)).toBe(purchases(total as AdInsight));
    expect(total?.reach).toBeLessThan(sum(ads, ({ reach }) => reach));
  });

  it('know only the hours of today that are over, and nothing of tomorrow', () => {
    const early = new World({ now: new Date('2026-03-31T15:00:00Z') });
    const day = { accountId, since: '2026-03-31', until: '2026-04-02', timeIncrement: 'all_days' as const };
    const morning = sum(early.insights(day), ({ impressions }) => impressions);
    early.clock.advance({ hours: 10 });
    const evening = sum(early.insights(day), ({ impressions }) => impressions);
    expect(morning).toBeGreaterThan(0);
    expect(evening).toBeGreaterThan(morning);
  });
});

describe('late attribution', () => {
  it('changes a day for as long as the windows are open, then never again', () => {
    const world = new World({ isLively: false, now: new Date('2026-03-11T12:00:00Z') });
    const day = { accountId, since: '2026-03-10', until: '2026-03-10' };
    const history: string[] = [];
    for (let age = 1; age <= 45; age += 1) {
      history.push(JSON.stringify(world.insights(day)));
      world.clock.advance({ days: 1 });
    }
    const settled = history.at(-1);
    expect(new Set(history.slice(0, 27)).size).toBeGreaterThan(10);
    // Aged 28 days and more.
    expect(new Set(history.slice(27))).toEqual(new Set([settled]));
  });

  it('gives longer windows more, and takes back what was not valid', () => {
    const world = new World({ isLively: false, now: new Date('2026-03-11T20:00:00Z') });
    const day = { accountId, since: '2026-03-10', until: '2026-03-10' };
    const [young] = world.insights({ ...day, level: 'account' });
    world.clock.advance({ days: 40 });
    const [old] = world.insights({ ...day, level: 'account' });
    const count = (row: AdInsight | undefined, window: '1d_click' | '7d_click' | '28d_click') =>
      (row?.events ?? []).reduce((total, { tallies }) => total + tallies[window].count, 0);
    expect(count(old, '28d_click')).toBeGreaterThan(count(old, '7d_click'));
    expect(count(old, '7d_click')).toBeGreaterThan(count(old, '1d_click'));
    expect(count(old, '28d_click')).toBeGreaterThan(count(young, '28d_click'));
    expect(old?.impressions).toBe(young?.impressions);
    expect(old?.spendMinor).toBeLessThan(young?.spendMinor ?? 0);
  });

  it('settles as early as the world is told to', () => {
    const world = new World({ isLively: false, settleDays: 3, now: new Date('2026-03-14T12:00:00Z') });
    const day = { accountId, since: '2026-03-10', until: '2026-03-10' };
    const before = world.insights(day);
    world.clock.advance({ days: 60 });
    expect(world.insights(day)).toEqual(before);
  });
});

describe('a restatement', () => {
  it('changes the days it names, of the ad it names, and no other', () => {
    const world = new World();
    const before = world.insights(march);
    const adId = before[0]?.adId ?? '';
    world.restate({ accountId, since: '2026-03-03', until: '2026-03-04', adId });
    const after = world.insights(march);
    const changed = after.filter((row, index) => JSON.stringify(row) !== JSON.stringify(before[index]));
    expect(changed.map((row) => [row.adId, row.dateStart])).toEqual([
      [adId, '2026-03-03'],
      [adId, '2026-03-04'],
    ]);
    world.restate({ accountId, since: '2026-03-05' });
    const days = world.insights(march).filter((row, index) => JSON.stringify(row) !== JSON.stringify(after[index]));
    expect(new Set(days.map(({ dateStart }) => dateStart))).toEqual(new Set(['2026-03-05']));
  });
});
