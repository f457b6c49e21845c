import type { ActionEvent, Channel, Naming } from '../../world/action-events.ts';
import type { AdInsight } from '../../world/ad-insights.ts';
import { ATTRIBUTION_WINDOWS, type Tally, type WindowTallies } from '../../world/attribution.ts';

/** Which list of a row an action type is in: `actions` and `action_values`, or `conversions` and `conversion_values`. */
export type ActionList = 'actions' | 'conversions';

interface EventNames {
  readonly bare: string;
  readonly omni?: string;
  readonly web?: string;
  readonly app?: string;
  /** Begins the names in `conversions`: `_total`, `_website`, `_mobile_app`. */
  readonly conversion?: string;
}

const NAMES: Readonly<Record<ActionEvent, EventNames>> = {
  purchase: {
    bare: 'purchase',
    omni: 'omni_purchase',
    web: 'offsite_conversion.fb_pixel_purchase',
    app: 'app_custom_event.fb_mobile_purchase',
  },
  'initiate-checkout': {
    bare: 'initiate_checkout',
    omni: 'omni_initiated_checkout',
    web: 'offsite_conversion.fb_pixel_initiate_checkout',
    app: 'app_custom_event.fb_mobile_initiated_checkout',
  },
  'complete-registration': {
    bare: 'complete_registration',
    omni: 'omni_complete_registration',
    web: 'offsite_conversion.fb_pixel_complete_registration',
    app: 'app_custom_event.fb_mobile_complete_registration',
  },
  search: {
    bare: 'search',
    omni: 'omni_search',
    web: 'offsite_conversion.fb_pixel_search',
    app: 'app_custom_event.fb_mobile_search',
  },
  'app-install': { bare: 'app_install', omni: 'omni_app_install', app: 'mobile_app_install' },
  'activate-app': {
    bare: 'activate_app',
    omni: 'omni_activate_app',
    app: 'app_custom_event.fb_mobile_activate_app',
  },
  donate: {
    bare: 'donate',
    omni: 'donate_total',
    web: 'offsite_conversion.fb_pixel_donate',
    app: 'donate_mobile_app',
    conversion: 'donate',
  },
  'start-trial': {
    bare: 'start_trial',
    omni: 'omni_start_trial',
    web: 'offsite_conversion.fb_pixel_start_trial',
    app: 'app_custom_event.fb_mobile_start_trial',
    conversion: 'start_trial',
  },
  subscribe: {
    bare: 'subscribe',
    omni: 'omni_subscribe',
    web: 'offsite_conversion.fb_pixel_subscribe',
    app: 'app_custom_event.fb_mobile_subscribe',
    conversion: 'subscribe',
  },
};

const NAMED_BY_ACCOUNT: ReadonlySet<ActionEvent> = new Set(['start-trial', 'subscribe']);

/** Sums per action type of one list of a row, in the order of the types' names. */
export function tallyActionTypes(row: AdInsight, naming: Naming, list: ActionList): [string, WindowTallies][] {
  const sums = new Map<string, WindowTallies>();
  const add = (type: string, tallies: WindowTallies) => sums.set(type, plus(sums.get(type), tallies));
  if (list === 'actions') {
    for (const [type, count] of immediateActions(row)) if (count > 0) add(type, immediate(count));
  }
  for (const { event, channel, tallies } of row.events) {
    const types = list === 'actions' ? actionTypes(event, channel, naming) : conversionTypes(event, channel, naming);
    for (const type of types) add(type, tallies);
  }
  return [...sums.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The action type that stands for what a row was meant to bring about. */
export function resultType(row: AdInsight): string {
  for (const event of ['purchase', 'subscribe', 'start-trial', 'donate', 'app-install'] as const) {
    if (row.events.some((entry) => entry.event === event)) return NAMES[event].omni ?? NAMES[event].bare;
  }
  return 'link_click';
}

function actionTypes(event: ActionEvent, channel: Channel, naming: Naming): string[] {
  const { bare, omni = bare, [channel]: byChannel = bare } = NAMES[event];
  if (!NAMED_BY_ACCOUNT.has(event)) return [...new Set([bare, omni, byChannel])];
  if (naming === 'plain') return [bare];
  return naming === 'split' ? [byChannel] : [omni, byChannel];
}

function conversionTypes(event: ActionEvent, channel: Channel, naming: Naming): string[] {
  const { conversion } = NAMES[event];
  if (conversion === undefined || (naming === 'plain' && NAMED_BY_ACCOUNT.has(event))) return [];
  const types = [`${conversion}_${channel === 'web' ? 'website' : 'mobile_app'}`];
  if (naming === 'omni') {
    types.push(`${conversion}_total`);
    // A conversion of the advertiser's own making, fired with the standard one.
    if (event === 'subscribe' && channel === 'web') types.push('offsite_conversion.fb_pixel_custom.subscribe_premium');
  }
  return types;
}

function immediateActions(row: AdInsight): [string, number][] {
  const engagement = row.linkClicks + Math.floor(row.clicks / 10);
  return [
    ['landing_page_view', row.landingPageViews],
    ['link_click', row.linkClicks],
    ['page_engagement', engagement],
    ['post_engagement', engagement],
  ];
}

// They happen at once, on a click: the same number in every window after a click.
function immediate(count: number): WindowTallies {
  const tally = (value: number): Tally => ({ count: value, valueMinor: 0 });
  const windows = ATTRIBUTION_WINDOWS.map((window) => [window, tally(window.endsWith('click') ? count : 0)]);
  return { ...Object.fromEntries(windows), default: tally(count) } as WindowTallies;
}

function plus(left: WindowTallies | undefined, right: WindowTallies): WindowTallies {
  if (left === undefined) return right;
  const keys = Object.keys(right) as (keyof WindowTallies)[];
  return Object.fromEntries(
    keys.map((key) => [
      key,
      { count: left[key].count + right[key].count, valueMinor: left[key].valueMinor + right[key].valueMinor },
    ]),
  ) as WindowTallies;
}
