import { addConversion, emptyTallies } from './attribution.ts';
import type { Cell, Traits } from './ad-day.ts';
import type { AdInsight, EventTallies, InsightKeys } from './ad-insights.ts';

export const HOURLY = 'hourly_stats_aggregated_by_advertiser_time_zone';

export const BREAKDOWNS: readonly string[] = [
  'age',
  'gender',
  'country',
  'region',
  'publisher_platform',
  'platform_position',
  'impression_device',
  'device_platform',
  HOURLY,
];

/** What is known of a cell at a moment. */
export interface CellView {
  readonly cell: Cell;
  readonly adId: string;
  readonly day: number;
  /** Whole days since, in the account's time zone. */
  readonly ageDays: number;
}

// Clicks found invalid are taken back, with what they cost, once the day is two days old.
const INVALID_CLICKS_GONE_AFTER_DAYS = 2;

export function breakdownValue(cell: Cell, breakdown: string): string {
  if (breakdown !== HOURLY) return cell.traits[breakdown as keyof Traits];
  const hour = String(cell.hour).padStart(2, '0');
  return `${hour}:00:00 - ${hour}:59:59`;
}

/** Adds up cells to one row. */
export function tallyInsight(keys: InsightKeys, currency: string, views: readonly CellView[]): AdInsight {
  const sums = {
    impressions: 0,
    reach: 0,
    clicks: 0,
    uniqueClicks: 0,
    linkClicks: 0,
    landingPageViews: 0,
    spendMinor: 0,
  };
  const events = new Map<string, EventTallies>();
  const adDays = new Set<string>();
  for (const { cell, adId, day, ageDays } of views) {
    const invalid = ageDays < INVALID_CLICKS_GONE_AFTER_DAYS ? 1 : 0;
    adDays.add(`${adId} ${day}`);
    sums.impressions += cell.impressions;
    sums.reach += cell.reach;
    sums.clicks += cell.clicks + invalid * cell.invalidClicks;
    sums.uniqueClicks += cell.uniqueClicks;
    sums.linkClicks += cell.linkClicks;
    sums.landingPageViews += cell.landingPageViews;
    sums.spendMinor += cell.spendMinor + invalid * cell.invalidSpendMinor;
    for (const conversion of cell.conversions) {
      if (conversion.knownAfterDays > ageDays) continue;
      const key = `${conversion.event}|${conversion.channel}`;
      let entry = events.get(key);
      if (entry === undefined) {
        entry = { event: conversion.event, channel: conversion.channel, tallies: emptyTallies() };
        events.set(key, entry);
      }
      addConversion(entry.tallies, conversion);
    }
  }
  // People who come back are counted once: the more ads and days, the more of them there are.
  const overlap = 0.7 + 0.3 / adDays.size;
  return {
    ...keys,
    currency,
    ...sums,
    reach: Math.max(1, Math.floor(sums.reach * overlap)),
    uniqueClicks: Math.floor(sums.uniqueClicks * overlap),
    events: [...events.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry),
  };
}
