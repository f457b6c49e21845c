import type { ActionEvent, Channel } from './action-events.ts';
import type { WindowTallies } from './attribution.ts';

/** What one row of a report stands for: nothing below its level is set. */
export interface InsightKeys {
  readonly accountId: string;
  readonly campaignId?: string;
  readonly adSetId?: string;
  readonly adId?: string;
  /** First and last day, `YYYY-MM-DD`, in the account's time zone. */
  readonly dateStart: string;
  readonly dateStop: string;
  /** Value of each breakdown that was asked for. */
  readonly breakdowns: Readonly<Record<string, string>>;
}

/** Conversions of one kind within a row. */
export interface EventTallies {
  readonly event: ActionEvent;
  readonly channel: Channel;
  readonly tallies: WindowTallies;
}

/** One row of a report. Everything but `reach` and `uniqueClicks` adds up over days, ads and breakdowns. */
export interface AdInsight extends InsightKeys {
  readonly currency: string;
  readonly impressions: number;
  /** People; those who saw two ads, or came on two days, count once. */
  readonly reach: number;
  readonly clicks: number;
  readonly uniqueClicks: number;
  readonly linkClicks: number;
  readonly landingPageViews: number;
  /** In the smallest unit of the currency. */
  readonly spendMinor: number;
  readonly events: readonly EventTallies[];
}

export const LEVELS = ['account', 'campaign', 'adset', 'ad'] as const;
export type Level = (typeof LEVELS)[number];

export interface InsightQuery {
  readonly accountId: string;
  /** Both included, `YYYY-MM-DD`, in the account's time zone. */
  readonly since: string;
  readonly until: string;
  /** @default 'ad' */
  readonly level?: Level;
  /** Days per row, `monthly`, or `all_days` for one row over all. @default 1 */
  readonly timeIncrement?: number | 'monthly' | 'all_days';
  /** Names of `Traits`, or `hourly_stats_aggregated_by_advertiser_time_zone`. @default [] */
  readonly breakdowns?: readonly string[];
  /** Only what is below this campaign, ad set or ad. */
  readonly under?: string;
  /** Only these ads. */
  readonly adIds?: readonly string[];
  /**
   * Rows of archived and deleted objects as well. Without it they are in the numbers of the levels above
   * only, as on the platform.
   * @default false
   */
  readonly includeRemoved?: boolean;
}
