import { Random } from '../random.ts';
import { EVENTS_OF_PROFILE, type EventRate, type Profile } from './action-events.ts';
import { minorDigits } from './ad-account.ts';
import type { Conversion } from './attribution.ts';
import { hoursOf } from './calendar.ts';

/** The people an ad was shown to in one hour: every breakdown of a report groups cells, so that all add up. */
export interface Cell {
  readonly hour: number;
  readonly traits: Traits;
  readonly impressions: number;
  readonly reach: number;
  readonly clicks: number;
  readonly uniqueClicks: number;
  readonly linkClicks: number;
  readonly landingPageViews: number;
  readonly spendMinor: number;
  /** Clicks that are found to be invalid, and refunded, two days later. */
  readonly invalidClicks: number;
  readonly invalidSpendMinor: number;
  readonly conversions: readonly Conversion[];
}

export interface Traits {
  readonly age: string;
  readonly gender: string;
  readonly country: string;
  readonly region: string;
  readonly publisher_platform: string;
  readonly platform_position: string;
  readonly impression_device: string;
  readonly device_platform: string;
}

export interface AdDayRequest {
  readonly seed: string;
  readonly adId: string;
  readonly day: number;
  /** How often the platform has restated this day of this ad. */
  readonly revision: number;
  readonly profile: Profile;
  readonly currency: string;
  readonly timeZone: string;
  /** Days after which nothing about a day changes any more. */
  readonly settleDays: number;
}

type TraitPair = readonly [string, string];

const AGES = ['18-24', '25-34', '35-44', '45-54', '55-64', '65+'] as const;
const GENDERS = ['female', 'male', 'unknown'] as const;
const REGIONS = {
  US: ['California', 'New York', 'Texas'],
  GB: ['England', 'Scotland', 'Wales'],
  AE: ['Dubai', 'Abu Dhabi Emirate', 'Unknown'],
  JP: ['Tokyo', 'Osaka Prefecture', 'Hokkaido'],
} as const;
const COUNTRIES = ['US', 'GB', 'AE', 'JP'] as const;
const PLACEMENTS: readonly [TraitPair, ...TraitPair[]] = [
  ['facebook', 'feed'],
  ['facebook', 'marketplace'],
  ['instagram', 'feed'],
  ['instagram', 'instagram_stories'],
  ['audience_network', 'an_classic'],
  ['messenger', 'messenger_inbox'],
];
const DEVICES: readonly [TraitPair, ...TraitPair[]] = [
  ['iphone', 'mobile'],
  ['android_smartphone', 'mobile'],
  ['desktop', 'desktop'],
];

// Of conversions: the same or the next day, within a week, within four.
const DELAYS = [
  { share: 0.6, days: [0, 1] },
  { share: 0.85, days: [2, 7] },
  { share: 1, days: [8, 28] },
] as const;

/** What an ad did on a day, in full: what is known of it at a moment is the caller's to choose. */
export function createAdDay(request: AdDayRequest): readonly Cell[] {
  const { seed, adId, day, revision } = request;
  const size = new Random(`${seed}|size|${adId}`).integer(40, 400);
  const random = new Random(`${seed}|day|${adId}|${day}|${revision}`);
  const isWeekend = [0, 6].includes((day + 4) % 7);
  const hours = hoursOf(day, request.timeZone);
  const count = random.integer(4, 8);
  return Array.from({ length: count }, () => createCell(request, random, hours, isWeekend ? size * 0.6 : size));
}

function createCell(request: AdDayRequest, random: Random, hours: readonly [number, ...number[]], size: number): Cell {
  const unit = 10 ** minorDigits(request.currency);
  // A yen is not a dollar: amounts are of the currency's own order.
  const scale = minorDigits(request.currency) === 0 ? 150 : 1;
  const impressions = random.integer(Math.ceil(size / 2), Math.ceil(size * 1.5));
  const reach = Math.max(1, Math.floor(impressions * (0.6 + random.next() * 0.4)));
  const clicks = random.count(impressions * (0.01 + random.next() * 0.05));
  const uniqueClicks = Math.min(clicks, reach, Math.ceil(clicks * 0.9));
  const linkClicks = Math.floor(clicks * 0.8);
  const spendMinor = Math.round((impressions / 1000) * (4 + random.next() * 8) * scale * unit);
  const invalidClicks = random.chance(0.2) ? 1 : 0;
  return {
    hour: random.pick(hours),
    traits: createTraits(random),
    impressions,
    reach,
    clicks,
    uniqueClicks,
    linkClicks,
    landingPageViews: Math.floor(linkClicks * 0.85),
    spendMinor,
    invalidClicks,
    invalidSpendMinor: invalidClicks * Math.round(spendMinor * 0.02),
    conversions: EVENTS_OF_PROFILE[request.profile].flatMap((rate) =>
      Array.from({ length: random.count(linkClicks * rate.rate * 3) }, () =>
        createConversion(random, rate, request.settleDays, scale * unit),
      ),
    ),
  };
}

function createTraits(random: Random): Traits {
  const country = random.pick(COUNTRIES);
  const [publisher, position] = random.pick(PLACEMENTS);
  const [device, devicePlatform] = random.pick(DEVICES);
  return {
    age: random.pick(AGES),
    gender: random.pick(GENDERS),
    country,
    region: random.pick(REGIONS[country]),
    publisher_platform: publisher,
    platform_position: position,
    impression_device: device,
    device_platform: devicePlatform,
  };
}

function createConversion(random: Random, rate: EventRate, settleDays: number, unit: number): Conversion {
  const kind = random.next();
  const [shortest, longest] = (DELAYS.find(({ share }) => kind < share) ?? DELAYS[2]).days;
  const delayDays = Math.min(random.integer(shortest, longest), settleDays);
  const value = rate.value;
  return {
    event: rate.event,
    channel: random.pick(rate.channels),
    via: random.chance(0.75) ? 'click' : 'view',
    delayDays,
    knownAfterDays: Math.min(delayDays + random.integer(0, 1), settleDays),
    valueMinor: value === undefined ? 0 : random.integer(value[0] * unit, value[1] * unit),
  };
}
