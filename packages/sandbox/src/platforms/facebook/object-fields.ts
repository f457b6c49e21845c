import { without } from '../../without.ts';
import { hashText } from '../../random.ts';
import { minorDigits, type AdAccount } from '../../world/ad-account.ts';
import type { Profile } from '../../world/action-events.ts';
import type { AdObject } from '../../world/ad-object.ts';
import type { Ad, AdSet, Campaign, Creative } from '../../world/ad-structure.ts';
import { instantOf, localTime, offsetTimeText } from '../../world/calendar.ts';
import type { World } from '../../world/world.ts';
import type { NodeReference } from './graph-node.ts';

export interface FieldContext {
  readonly world: World;
  readonly account: AdAccount;
  readonly now: number;
}

/** How each field of a kind of object is found; `undefined` is a field that is not set, and not sent. */
export type Fields<T> = Readonly<Record<string, (object: T, context: FieldContext) => unknown>>;

const APP_ID = '770000000000055';
const PAGE_ID = '110000000000023';

const OBJECTIVES: Readonly<Record<Profile, string>> = {
  shop: 'OUTCOME_SALES',
  app: 'OUTCOME_APP_PROMOTION',
  subscription: 'OUTCOME_LEADS',
  charity: 'OUTCOME_ENGAGEMENT',
};

const GOALS: Readonly<Record<Profile, string>> = {
  shop: 'OFFSITE_CONVERSIONS',
  app: 'APP_INSTALLS',
  subscription: 'LEAD_GENERATION',
  charity: 'LINK_CLICKS',
};

function commonFields<T extends AdObject>(): Fields<T> {
  return {
    id: ({ id }) => id,
    account_id: ({ accountId }) => accountId,
    name: ({ name }) => name,
    status: ({ status }) => status,
    configured_status: ({ status }) => status,
    effective_status: ({ effectiveStatus }) => effectiveStatus,
    created_time: ({ createdAt }, { account }) => offsetTimeText(createdAt, account.timeZone),
    updated_time: ({ updatedAt }, { account }) => offsetTimeText(updatedAt, account.timeZone),
  };
}

export const CAMPAIGN_FIELDS: Fields<Campaign> = {
  ...commonFields<Campaign>(),
  objective: ({ plan }) => OBJECTIVES[plan.profile],
  buying_type: () => 'AUCTION',
  bid_strategy: () => 'LOWEST_COST_WITHOUT_CAP',
  special_ad_categories: () => [],
  start_time: ({ plan }, { account }) =>
    offsetTimeText(instantOf(plan.firstDay, 0, account.timeZone), account.timeZone),
  stop_time: ({ plan }, context) => endOf(plan.lastDay, context),
  // A budget is either the campaign's or its ad sets'; in the smallest unit of the currency, as text.
  daily_budget: ({ id }, { account }) => (hasOwnBudget(id) ? money(id, account, 50, 500) : undefined),
  lifetime_budget: () => undefined,
  budget_remaining: ({ id }, { account }) => (hasOwnBudget(id) ? money(`${id} left`, account, 1, 49) : '0'),
};

export const AD_SET_FIELDS: Fields<AdSet> = {
  ...commonFields<AdSet>(),
  campaign_id: ({ campaignId }) => campaignId,
  campaign: ({ campaignId }, context) => referenceTo(campaignId, context),
  start_time: ({ plan }, { account }) =>
    offsetTimeText(instantOf(plan.firstDay, 0, account.timeZone), account.timeZone),
  end_time: ({ plan }, context) => endOf(plan.lastDay, context),
  daily_budget: ({ id, campaignId }, { account }) =>
    hasOwnBudget(campaignId) ? undefined : money(id, account, 10, 200),
  lifetime_budget: () => '0',
  budget_remaining: ({ id }, { account }) => money(`${id} left`, account, 1, 9),
  optimization_goal: ({ plan }) => GOALS[plan.profile],
  billing_event: () => 'IMPRESSIONS',
  bid_strategy: ({ id }) => (hashText(id) % 3 === 0 ? 'LOWEST_COST_WITH_BID_CAP' : 'LOWEST_COST_WITHOUT_CAP'),
  bid_amount: ({ id }) => (hashText(id) % 3 === 0 ? 100 + (hashText(`${id} bid`) % 900) : undefined),
  promoted_object: ({ plan }, { account }) =>
    plan.profile === 'app'
      ? { application_id: APP_ID, object_store_url: 'https://apps.example/id1' }
      : { pixel_id: pixelOf(account), custom_event_type: plan.profile === 'shop' ? 'PURCHASE' : 'SUBSCRIBE' },
  attribution_spec: () => [
    { event_type: 'CLICK_THROUGH', window_days: 7 },
    { event_type: 'VIEW_THROUGH', window_days: 1 },
  ],
  targeting: ({ id }) => targetingOf(id),
};

export const AD_FIELDS: Fields<Ad> = {
  ...commonFields<Ad>(),
  campaign_id: ({ campaignId }) => campaignId,
  campaign: ({ campaignId }, context) => referenceTo(campaignId, context),
  adset_id: ({ adSetId }) => adSetId,
  adset: ({ adSetId }, context) => referenceTo(adSetId, context),
  creative: ({ creativeId }, context) => referenceTo(creativeId, context),
  bid_type: () => 'ABSOLUTE_OCPM',
  targeting: ({ adSetId }) => targetingOf(adSetId),
  tracking_specs: (_, { account }) => [
    { 'action.type': ['offsite_conversion'], fb_pixel: [pixelOf(account)] },
    { 'action.type': ['post_engagement'], page: [PAGE_ID] },
  ],
  conversion_specs: (_, { account }) => [{ 'action.type': ['offsite_conversion'], conversion_id: [pixelOf(account)] }],
};

export const CREATIVE_FIELDS: Fields<Creative> = {
  ...without(commonFields<Creative>(), 'configured_status', 'effective_status', 'created_time', 'updated_time'),
  title: ({ name }) => name,
  body: ({ id }) => `Book early and save. ${hashText(id) % 90}% off — today only ✨`,
  object_type: ({ id }) => (hashText(id) % 2 === 0 ? 'SHARE' : 'VIDEO'),
  call_to_action_type: ({ id }) =>
    (['BOOK_TRAVEL', 'LEARN_MORE', 'SIGN_UP', 'INSTALL_MOBILE_APP'] as const)[hashText(id) % 4],
  thumbnail_url: ({ id }) => `https://images.example/${id}/thumbnail.jpg`,
  image_hash: ({ id }) => hashText(id).toString(16).padStart(8, '0').repeat(4),
  actor_id: () => PAGE_ID,
  effective_object_story_id: ({ id }) => `${PAGE_ID}_${id}`,
  object_story_spec: ({ id, name }) => ({
    page_id: PAGE_ID,
    link_data: {
      link: `https://shop.example/?ad=${id.slice(-6)}`,
      message: `${name}: “see for yourself”`,
      call_to_action: { type: 'LEARN_MORE', value: { link: 'https://shop.example/' } },
    },
  }),
  url_tags: ({ id }) => `utm_source=facebook&utm_content=${id}`,
  template_url: () => undefined,
  instagram_user_id: () => '178414000000000011',
  product_set_id: ({ id }) => (hashText(id) % 5 === 0 ? '330000000000000009' : undefined),
};

function targetingOf(adSetId: string): unknown {
  const hash = hashText(adSetId);
  return {
    age_min: 18 + (hash % 3) * 7,
    age_max: 65,
    genders: [1 + (hash % 2)],
    geo_locations: { countries: hash % 2 === 0 ? ['US', 'GB'] : ['AE', 'JP'], location_types: ['home', 'recent'] },
    flexible_spec: [{ interests: [{ id: `600${hash}`, name: 'Travel' }] }],
    publisher_platforms: ['facebook', 'instagram'],
  };
}

function referenceTo(id: string, { world, account }: FieldContext): NodeReference | undefined {
  const object = world.object(id);
  switch (object?.kind) {
    case 'campaign':
      return { node: { type: 'Campaign', account, object } };
    case 'adSet':
      return { node: { type: 'AdSet', account, object } };
    case 'creative':
      return { node: { type: 'AdCreative', account, object } };
    default:
      return undefined;
  }
}

// An end is set when it is a month away; before, nobody has decided on it.
function endOf(lastDay: number | undefined, { account, now }: FieldContext): string | undefined {
  if (lastDay === undefined || lastDay - localTime(now, account.timeZone).dayNumber > 30) return undefined;
  return offsetTimeText(instantOf(lastDay + 1, 0, account.timeZone), account.timeZone);
}

function hasOwnBudget(campaignId: string): boolean {
  return hashText(campaignId) % 2 === 0;
}

function money(name: string, account: AdAccount, minimum: number, maximum: number): string {
  return String((minimum + (hashText(name) % (maximum - minimum + 1))) * 10 ** minorDigits(account.currency));
}

function pixelOf(account: AdAccount): string {
  return `88${account.id.slice(-13)}`;
}
