/** What people do after an ad, whatever a platform calls it. */
export const EVENTS = [
  'purchase',
  'initiate-checkout',
  'complete-registration',
  'search',
  'app-install',
  'activate-app',
  'donate',
  'start-trial',
  'subscribe',
] as const;
export type ActionEvent = (typeof EVENTS)[number];

export type Channel = 'web' | 'app';

/** What a campaign sells, which says what its events are. */
export const PROFILES = ['shop', 'app', 'subscription', 'charity'] as const;
export type Profile = (typeof PROFILES)[number];

/**
 * How the trials and subscriptions of an account are named: with an alias over all channels beside them (`omni`), by
 * channel only (`split`), or by the bare name (`plain`).
 */
export const NAMINGS = ['omni', 'split', 'plain'] as const;
export type Naming = (typeof NAMINGS)[number];

export interface EventRate {
  readonly event: ActionEvent;
  readonly channels: readonly [Channel, ...Channel[]];
  /** Conversions per link click. */
  readonly rate: number;
  /** In whole units of the currency; absent where an event has no value. */
  readonly value?: readonly [minimum: number, maximum: number];
}

const REGISTRATION: EventRate = { event: 'complete-registration', channels: ['web', 'app'], rate: 0.04 };

export const EVENTS_OF_PROFILE: Readonly<Record<Profile, readonly EventRate[]>> = {
  shop: [
    { event: 'purchase', channels: ['web', 'app'], rate: 0.05, value: [9, 180] },
    { event: 'initiate-checkout', channels: ['web', 'app'], rate: 0.09 },
    { event: 'search', channels: ['web', 'app'], rate: 0.06 },
    REGISTRATION,
  ],
  app: [
    { event: 'app-install', channels: ['app'], rate: 0.12 },
    { event: 'activate-app', channels: ['app'], rate: 0.2 },
    { event: 'purchase', channels: ['app'], rate: 0.02, value: [1, 40] },
    REGISTRATION,
  ],
  subscription: [
    { event: 'start-trial', channels: ['web', 'app'], rate: 0.05, value: [0, 3] },
    { event: 'subscribe', channels: ['web', 'app'], rate: 0.03, value: [5, 60] },
    REGISTRATION,
  ],
  charity: [
    { event: 'donate', channels: ['web'], rate: 0.05, value: [5, 75] },
    { event: 'search', channels: ['web'], rate: 0.03 },
  ],
};
