import { LogicalClock } from '../logical-clock.ts';
import { createAccounts, DEFAULT_ACCOUNTS, type AdAccount, type AdAccountOptions } from './ad-account.ts';
import { createAdDay, type Cell } from './ad-day.ts';
import type { AdInsight, InsightKeys, InsightQuery, Level } from './ad-insights.ts';
import { AdStructure, type Ad, type AdSet, type Campaign, type Creative, type ObjectChange } from './ad-structure.ts';
import { dayNumber, dayText, localTime, type LocalTime } from './calendar.ts';
import type { WorldSize } from './campaign-plan.ts';
import { BREAKDOWNS, breakdownValue, tallyInsight, type CellView } from './tally-insights.ts';

export interface WorldOptions {
  /** Same seed, same bytes. @default 'etl' */
  readonly seed?: string;
  /** Where the clock stands. @default 2026-03-31T12:00:00Z */
  readonly now?: Date;
  /** Seconds of the world per real second; 0 stands still. @default 0 */
  readonly clockSpeed?: number;
  /** First day of the first campaigns, `YYYY-MM-DD`. @default '2025-09-01' */
  readonly firstDay?: string;
  readonly accounts?: readonly AdAccountOptions[];
  /** @default 3 campaigns, 2 ad sets each, 3 ads each; another campaign every three weeks */
  readonly size?: Partial<WorldSize>;
  /** Whether campaigns end and things are paused, renamed, archived and deleted. @default true */
  readonly isLively?: boolean;
  /** Days after which the numbers of a day stand still. @default 28 */
  readonly settleDays?: number;
}

export interface Restatement {
  readonly accountId: string;
  /** Both included, `YYYY-MM-DD`. */
  readonly since: string;
  readonly until?: string;
  /** Only this ad. */
  readonly adId?: string;
}

const DEFAULT_SIZE: WorldSize = { campaignsPerAccount: 3, adSetsPerCampaign: 2, adsPerAdSet: 3 };
const CACHED_AD_DAYS = 4000;
const LEVEL_OF_KIND = { campaign: 'campaign', adSet: 'adset', ad: 'ad' } as const;

/** What is true, whichever platform is asked about it: computed from the seed, nothing of it is stored. */
export class World {
  readonly seed: string;
  readonly clock: LogicalClock;
  readonly accounts: readonly AdAccount[];
  /** Days after which the numbers of a day stand still. */
  readonly settleDays: number;
  readonly #structure: AdStructure;
  readonly #revisions = new Map<string, number>();
  readonly #adDays = new Map<string, readonly Cell[]>();

  constructor(options: WorldOptions = {}) {
    this.seed = options.seed ?? 'etl';
    this.clock = new LogicalClock(options.now ?? new Date('2026-03-31T12:00:00Z'), options.clockSpeed ?? 0);
    this.settleDays = options.settleDays ?? 28;
    const firstDay = options.firstDay ?? '2025-09-01';
    this.accounts = createAccounts(this.seed, options.accounts ?? DEFAULT_ACCOUNTS, firstDay);
    this.#structure = new AdStructure({
      seed: this.seed,
      size: { ...DEFAULT_SIZE, ...options.size },
      worldFirstDay: dayNumber(firstDay),
      isLively: options.isLively ?? true,
    });
  }

  /** @throws RangeError if there is no such account. */
  account(accountId: string): AdAccount {
    const account = this.accounts.find(({ id }) => id === accountId);
    if (account === undefined) throw new RangeError(`The world has no account ${accountId}.`);
    return account;
  }

  /** Today in the account's time zone. */
  today(accountId: string): string {
    return dayText(localTime(this.clock.now(), this.account(accountId).timeZone).dayNumber);
  }

  /** All that were ever created, archived and deleted ones included. */
  campaigns(accountId: string): Campaign[] {
    return this.#structure.campaigns(this.account(accountId), this.clock.now());
  }

  adSets(accountId: string): AdSet[] {
    return this.#structure.adSets(this.account(accountId), this.clock.now());
  }

  ads(accountId: string): Ad[] {
    return this.#structure.ads(this.account(accountId), this.clock.now());
  }

  creatives(accountId: string): Creative[] {
    return this.#structure.creatives(this.account(accountId), this.clock.now());
  }

  /** A campaign, ad set, ad or creative by its id, deleted or not. */
  object(id: string): Campaign | AdSet | Ad | Creative | undefined {
    const place = this.#structure.placeOf(id);
    const account = this.accounts[place?.account ?? -1];
    if (place === undefined || account === undefined) return undefined;
    const objects = {
      campaign: () => this.campaigns(account.id),
      adSet: () => this.adSets(account.id),
      ad: () => this.ads(account.id),
      creative: () => this.creatives(account.id),
    }[place.kind]();
    return objects.find((object) => object.id === id);
  }

  /** Renames or switches an object, from now on. */
  change(id: string, change: ObjectChange): void {
    this.#structure.change(id, change, this.clock.now());
  }

  /** Gives days other numbers, settled or not, as a platform that corrects itself. */
  restate({ accountId, since, until = since, adId }: Restatement): void {
    const account = this.account(accountId);
    for (let day = dayNumber(since); day <= dayNumber(until); day += 1) {
      const key = `${adId ?? account.id} ${day}`;
      this.#revisions.set(key, (this.#revisions.get(key) ?? 0) + 1);
    }
  }

  /**
   * The rows a report holds at this moment, ordered by day, object and breakdowns: what a table must hold
   * after it was read.
   */
  insights(query: InsightQuery): AdInsight[] {
    const account = this.account(query.accountId);
    const { level = 'ad', breakdowns = [], timeIncrement = 1 } = query;
    const unknown = breakdowns.find((breakdown) => !BREAKDOWNS.includes(breakdown));
    if (unknown !== undefined) throw new RangeError(`${unknown} is no breakdown.`);
    const groups = new Map<string, { keys: InsightKeys; views: CellView[] }>();
    const ads = this.#reportedAds(query, level);
    const local = localTime(this.clock.now(), account.timeZone);
    for (const [since, until] of periods(dayNumber(query.since), dayNumber(query.until), timeIncrement)) {
      for (let day = since; day <= until; day += 1) {
        for (const ad of ads) {
          for (const view of this.#cells(account, ad, day, local)) {
            const values = breakdowns.map((breakdown) => breakdownValue(view.cell, breakdown));
            const objectId = { account: account.id, campaign: ad.campaignId, adset: ad.adSetId, ad: ad.id }[level];
            const key = [since, objectId, ...values].join('|');
            let group = groups.get(key);
            if (group === undefined) {
              const pairs = breakdowns.map((breakdown, index) => [breakdown, values[index] ?? '']);
              group = {
                keys: {
                  accountId: account.id,
                  ...idsAtLevel(ad, level),
                  dateStart: dayText(since),
                  dateStop: dayText(until),
                  breakdowns: Object.fromEntries(pairs) as Record<string, string>,
                },
                views: [],
              };
              groups.set(key, group);
            }
            group.views.push(view);
          }
        }
      }
    }
    return [...groups.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { keys, views }]) => tallyInsight(keys, account.currency, views));
  }

  // Removed objects have no rows of their own, but stay in the numbers of those above them.
  #reportedAds({ accountId, under, adIds, includeRemoved }: InsightQuery, level: Level): Ad[] {
    const wanted = adIds === undefined ? undefined : new Set(adIds);
    const ads = this.ads(accountId).filter(
      (ad) =>
        (under === undefined || [ad.id, ad.adSetId, ad.campaignId].includes(under)) &&
        (wanted === undefined || wanted.has(ad.id)),
    );
    if (includeRemoved === true || level === 'account') return ads;
    const removed = new Set<string>();
    const objects = { campaign: this.campaigns(accountId), adset: this.adSets(accountId), ad: ads }[level];
    for (const object of objects) {
      // An object that is asked for by its own id always answers.
      if (isRemoved(object) && object.id !== under) removed.add(object.id);
    }
    return ads.filter((ad) => !removed.has({ campaign: ad.campaignId, adset: ad.adSetId, ad: ad.id }[level]));
  }

  #cells(account: AdAccount, ad: Ad, day: number, { dayNumber: today, hour }: LocalTime): CellView[] {
    if (day > today || !this.#structure.isDelivering(ad, account, day)) return [];
    const views: CellView[] = [];
    for (const cell of this.#adDay(account, ad, day)) {
      if (day === today && cell.hour >= hour) continue;
      views.push({ cell, adId: ad.id, day, ageDays: today - day });
    }
    return views;
  }

  #adDay(account: AdAccount, ad: Ad, day: number): readonly Cell[] {
    const revision =
      (this.#revisions.get(`${ad.id} ${day}`) ?? 0) + 1000 * (this.#revisions.get(`${account.id} ${day}`) ?? 0);
    const key = `${ad.id} ${day} ${revision}`;
    let cells = this.#adDays.get(key);
    if (cells === undefined) {
      const { currency, timeZone } = account;
      const { profile } = ad.plan;
      const { seed, settleDays } = this;
      cells = createAdDay({ seed, adId: ad.id, day, revision, profile, currency, timeZone, settleDays });
      if (this.#adDays.size >= CACHED_AD_DAYS) this.#adDays.clear();
      this.#adDays.set(key, cells);
    }
    return cells;
  }
}

export function isRemoved({ effectiveStatus }: Campaign | AdSet | Ad | Creative): boolean {
  return effectiveStatus === 'DELETED' || effectiveStatus === 'ARCHIVED';
}

/** The level whose rows an object has for itself. */
export function levelOf(object: Campaign | AdSet | Ad): Level {
  return LEVEL_OF_KIND[object.kind];
}

function idsAtLevel(ad: Ad, level: Level): Partial<InsightKeys> {
  if (level === 'account') return {};
  if (level === 'campaign') return { campaignId: ad.campaignId };
  if (level === 'adset') return { campaignId: ad.campaignId, adSetId: ad.adSetId };
  return { campaignId: ad.campaignId, adSetId: ad.adSetId, adId: ad.id };
}

function periods(since: number, until: number, increment: number | 'monthly' | 'all_days'): [number, number][] {
  if (increment === 'all_days') return [[since, until]];
  const found: [number, number][] = [];
  for (let first = since; first <= until;) {
    const last = increment === 'monthly' ? lastOfMonth(first) : first + increment - 1;
    found.push([first, Math.min(last, until)]);
    first = last + 1;
  }
  return found;
}

function lastOfMonth(day: number): number {
  const date = new Date(`${dayText(day)}T00:00:00Z`);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0) / 86_400_000;
}
