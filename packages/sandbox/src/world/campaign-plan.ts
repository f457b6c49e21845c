import { Random } from '../random.ts';
import { PROFILES, type Profile } from './action-events.ts';
import type { AdAccount } from './ad-account.ts';
import { instantOf } from './calendar.ts';

/** How many of what an account holds. */
export interface WorldSize {
  readonly campaignsPerAccount: number;
  readonly adSetsPerCampaign: number;
  readonly adsPerAdSet: number;
}

/** What happens to a campaign, an ad set or an ad, from before it exists until after it is gone. */
export interface Plan {
  readonly createdAt: number;
  /** First day on which it is meant to be shown, in days since 1970. */
  readonly firstDay: number;
  /** Last one; `undefined` if it never ends. */
  readonly lastDay: number | undefined;
  /** When it is filed away for good, and how; always after the last day. */
  readonly removal: { readonly at: number; readonly status: 'ARCHIVED' | 'DELETED' } | undefined;
  /** When it gets another name; the names differ by a version. */
  readonly renamedAt: readonly number[];
  readonly profile: Profile;
}

// Days between the campaigns that come after the first ones.
const CAMPAIGN_INTERVAL_DAYS = 21;

/** How many campaigns an account has begun by a day. */
export function campaignCount(size: WorldSize, firstDay: number, day: number): number {
  if (size.campaignsPerAccount === 0) return 0;
  return size.campaignsPerAccount + Math.max(0, Math.floor((day - firstDay) / CAMPAIGN_INTERVAL_DAYS));
}

export interface PlanContext {
  readonly seed: string;
  readonly account: AdAccount;
  readonly size: WorldSize;
  readonly worldFirstDay: number;
  /** Whether things end, are renamed, archived and deleted. */
  readonly isLively: boolean;
}

/** The first campaign of an account never ends; the others last two to five months. */
export function planCampaign(context: PlanContext, campaign: number): Plan {
  const { account, size, worldFirstDay, isLively } = context;
  const random = new Random(`${context.seed}|plan|${account.index}|${campaign}`);
  const order = campaign - size.campaignsPerAccount;
  const firstDay = order < 0 ? worldFirstDay : worldFirstDay + (order + 1) * CAMPAIGN_INTERVAL_DAYS;
  const endsOn = firstDay + random.integer(60, 150);
  const lastDay = campaign === 0 || !isLively ? undefined : endsOn;
  const fate = random.next();
  return {
    createdAt: instantOf(firstDay - 1, random.integer(8 * 60, 18 * 60), account.timeZone),
    firstDay,
    lastDay,
    removal:
      lastDay === undefined || fate > 0.6
        ? undefined
        : {
            at: instantOf(lastDay + random.integer(3, 20), random.integer(8 * 60, 18 * 60), account.timeZone),
            status: fate > 0.3 ? 'ARCHIVED' : 'DELETED',
          },
    renamedAt: renames(context, random, firstDay),
    profile: PROFILES[campaign % PROFILES.length] ?? 'shop',
  };
}

/** Ad sets begin within days of their campaign and end with it. */
export function planAdSet(context: PlanContext, parent: Plan, campaign: number, adSet: number): Plan {
  const random = new Random(`${context.seed}|plan|${context.account.index}|${campaign}|${adSet}`);
  const firstDay = parent.firstDay + (adSet === 0 ? 0 : random.integer(0, 3));
  return {
    ...parent,
    createdAt: instantOf(firstDay - 1, random.integer(18 * 60 + 1, 20 * 60), context.account.timeZone),
    firstDay,
    removal: undefined,
    renamedAt: renames(context, random, firstDay),
  };
}

/** The first ad of an ad set stays; of the others, some are deleted or archived on the way. */
export function planAd(context: PlanContext, parent: Plan, campaign: number, adSet: number, ad: number): Plan {
  const random = new Random(`${context.seed}|plan|${context.account.index}|${campaign}|${adSet}|${ad}`);
  const firstDay = parent.firstDay + (ad === 0 ? 0 : random.integer(0, 10));
  const endsEarly = context.isLively && ad > 0 && random.chance(0.4);
  const lastDay = endsEarly ? firstDay + random.integer(30, 120) : parent.lastDay;
  const minute = random.integer(8 * 60, 18 * 60);
  return {
    ...parent,
    createdAt: instantOf(firstDay - 1, 20 * 60 + 1 + ad, context.account.timeZone),
    firstDay,
    lastDay,
    removal:
      endsEarly && lastDay !== undefined
        ? {
            at: instantOf(lastDay + 1, minute, context.account.timeZone),
            status: random.chance(0.5) ? 'DELETED' : 'ARCHIVED',
          }
        : undefined,
    renamedAt: renames(context, random, firstDay),
  };
}

/** Ads, except the first of an ad set, pause for whole weeks now and then. */
export function isPausedWeek(seed: string, adId: string, day: number): boolean {
  return new Random(`${seed}|pause|${adId}|${weekOf(day)}`).chance(0.15);
}

/** Weeks begin on Monday. */
export function weekOf(day: number): number {
  return Math.floor((day + 3) / 7);
}

export function mondayOf(week: number): number {
  return week * 7 - 3;
}

function renames({ account, isLively }: PlanContext, random: Random, firstDay: number): number[] {
  if (!isLively || !random.chance(0.5)) return [];
  const minute = random.integer(8 * 60, 18 * 60);
  const first = firstDay + random.integer(10, 60);
  return [first, first + random.integer(20, 90)].map((day) => instantOf(day, minute, account.timeZone));
}
