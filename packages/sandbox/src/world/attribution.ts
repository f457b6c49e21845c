import type { ActionEvent, Channel } from './action-events.ts';

/** Days between the click on an ad, or the view of one, and what the person did. */
export const ATTRIBUTION_WINDOWS = ['1d_click', '7d_click', '28d_click', '1d_view', '7d_view', '28d_view'] as const;
export type AttributionWindow = (typeof ATTRIBUTION_WINDOWS)[number];

/** One thing that one person did, on account of an ad shown on the day it is counted for. */
export interface Conversion {
  readonly event: ActionEvent;
  readonly channel: Channel;
  readonly via: 'click' | 'view';
  /** Days from the ad to the conversion, which decides its windows. */
  readonly delayDays: number;
  /** Days from the ad until reports know of it. */
  readonly knownAfterDays: number;
  readonly valueMinor: number;
}

const REACH: Readonly<Record<AttributionWindow, { readonly via: Conversion['via']; readonly days: number }>> = {
  '1d_click': { via: 'click', days: 1 },
  '7d_click': { via: 'click', days: 7 },
  '28d_click': { via: 'click', days: 28 },
  '1d_view': { via: 'view', days: 1 },
  '7d_view': { via: 'view', days: 7 },
  '28d_view': { via: 'view', days: 28 },
};

export function isInWindow({ via, delayDays }: Conversion, window: AttributionWindow): boolean {
  return REACH[window].via === via && delayDays <= REACH[window].days;
}

/** The account's own setting, which is the platform's default: seven days after a click, one after a view. */
export function isInDefaultWindows(conversion: Conversion): boolean {
  return isInWindow(conversion, '7d_click') || isInWindow(conversion, '1d_view');
}

export interface Tally {
  count: number;
  valueMinor: number;
}

/** Counts and values of conversions, by window. `default` is the account's own attribution setting. */
export type WindowTallies = Readonly<Record<AttributionWindow | 'default', Tally>>;

export function emptyTallies(): WindowTallies {
  const tallies: Partial<Record<AttributionWindow | 'default', Tally>> = { default: { count: 0, valueMinor: 0 } };
  for (const window of ATTRIBUTION_WINDOWS) tallies[window] = { count: 0, valueMinor: 0 };
  return tallies as WindowTallies;
}

export function addConversion(tallies: WindowTallies, conversion: Conversion): void {
  for (const window of ATTRIBUTION_WINDOWS) {
    if (isInWindow(conversion, window)) add(tallies[window], conversion);
  }
  if (isInDefaultWindows(conversion)) add(tallies.default, conversion);
}

function add(tally: Tally, { valueMinor }: Conversion): void {
  tally.count += 1;
  tally.valueMinor += valueMinor;
}
