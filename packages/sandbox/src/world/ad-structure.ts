import type { AdAccount } from './ad-account.ts';
import { ObjectIds, type AdObject, type AdObjectStatus, type EffectiveStatus, type ObjectPlace } from './ad-object.ts';
import { instantOf, localTime } from './calendar.ts';
import {
  campaignCount,
  isPausedWeek,
  mondayOf,
  planAd,
  planAdSet,
  planCampaign,
  weekOf,
  type Plan,
  type PlanContext,
  type WorldSize,
} from './campaign-plan.ts';
import { hashDigits } from '../random.ts';

export interface Campaign extends AdObject {
  readonly kind: 'campaign';
  readonly plan: Plan;
}

export interface AdSet extends AdObject {
  readonly kind: 'adSet';
  readonly campaignId: string;
  readonly plan: Plan;
}

export interface Ad extends AdObject {
  readonly kind: 'ad';
  readonly campaignId: string;
  readonly adSetId: string;
  readonly creativeId: string;
  readonly plan: Plan;
}

export interface Creative extends AdObject {
  readonly kind: 'creative';
}

export interface ObjectChange {
  readonly name?: string;
  readonly status?: AdObjectStatus;
}

interface AppliedChange extends ObjectChange {
  readonly at: number;
}

export interface StructureOptions {
  readonly seed: string;
  readonly size: WorldSize;
  readonly worldFirstDay: number;
  readonly isLively: boolean;
}

/** What accounts hold, as of a moment. Nothing is stored but the changes made by hand. */
export class AdStructure {
  readonly #options: StructureOptions;
  readonly #ids: ObjectIds;
  readonly #plans = new Map<string, Plan>();
  readonly #changes = new Map<string, AppliedChange>();
  // Lists as of one moment: most questions come while the clock stands still.
  readonly #lists = new Map<string, readonly AdObject[]>();
  #listedAt = Number.NaN;

  constructor(options: StructureOptions) {
    this.#options = options;
    // Three decimal digits of the seed.
    this.#ids = new ObjectIds(String(Number.parseInt(hashDigits(options.seed, 4), 16) % 1000).padStart(3, '0'));
  }

  placeOf(id: string): ObjectPlace | undefined {
    return this.#ids.placeOf(id);
  }

  /** Renames or switches an object from `at` on. */
  change(id: string, change: ObjectChange, at: number): void {
    if (this.#ids.placeOf(id) === undefined) throw new RangeError(`${id} is no campaign, ad set, ad or creative.`);
    this.#changes.set(id, { ...this.#changes.get(id), ...change, at });
    this.#lists.clear();
  }

  campaigns(account: AdAccount, now: number): Campaign[] {
    if (account.isEmpty) return [];
    const { size, worldFirstDay } = this.#options;
    return this.#list('campaigns', account, now, () => {
      // A campaign is created on the day before its first.
      const count = campaignCount(size, worldFirstDay, localTime(now, account.timeZone).dayNumber + 1);
      return Array.from({ length: count }, (_, campaign) => this.#campaign(account, campaign, now));
    });
  }

  adSets(account: AdAccount, now: number): AdSet[] {
    const { adSetsPerCampaign } = this.#options.size;
    return this.#list('adSets', account, now, () =>
      this.campaigns(account, now).flatMap((parent) =>
        Array.from({ length: adSetsPerCampaign }, (_, adSet) => this.#adSet(account, parent, adSet, now)),
      ),
    );
  }

  ads(account: AdAccount, now: number): Ad[] {
    const { adsPerAdSet } = this.#options.size;
    return this.#list('ads', account, now, () =>
      this.adSets(account, now).flatMap((parent) =>
        Array.from({ length: adsPerAdSet }, (_, ad) => this.#ad(account, parent, ad, now)),
      ),
    );
  }

  /** Those of the ads: some ads share one. A creative outlives its ads. */
  creatives(account: AdAccount, now: number): Creative[] {
    return this.#list('creatives', account, now, () => {
      const creatives = new Map<string, Creative>();
      for (const ad of this.ads(account, now)) {
        if (!creatives.has(ad.creativeId)) creatives.set(ad.creativeId, this.#creative(ad));
      }
      return [...creatives.values()];
    });
  }

  /** Whether an ad is shown on a day, as things stand. */
  isDelivering(ad: Ad, account: AdAccount, day: number): boolean {
    const { plan } = ad;
    if (day < plan.firstDay || (plan.lastDay !== undefined && day > plan.lastDay)) return false;
    if (this.#isPausable(ad.id) && isPausedWeek(this.#options.seed, ad.id, day)) return false;
    return [ad.id, ad.adSetId, ad.campaignId].every((id) => {
      const change = this.#changes.get(id);
      if (change?.status === undefined || change.status === 'ACTIVE') return true;
      return day <= localTime(change.at, account.timeZone).dayNumber;
    });
  }

  #list<T extends AdObject>(name: string, account: AdAccount, now: number, create: () => T[]): T[] {
    if (this.#listedAt !== now) {
      this.#lists.clear();
      this.#listedAt = now;
    }
    const key = `${name} ${account.index}`;
    let list = this.#lists.get(key) as readonly T[] | undefined;
    if (list === undefined) {
      list = create().filter(({ createdAt }) => createdAt <= now);
      this.#lists.set(key, list);
    }
    return [...list];
  }

  #context(account: AdAccount): PlanContext {
    return { ...this.#options, account };
  }

  #campaign(account: AdAccount, campaign: number, now: number): Campaign {
    const id = this.#ids.idOf({ kind: 'campaign', account: account.index, campaign, adSet: 0, ad: 0 });
    const plan = this.#plan(id, () => planCampaign(this.#context(account), campaign));
    const name = `${plan.profile} campaign ${campaign + 1}`;
    return this.#stateOf({ kind: 'campaign', id, accountId: account.id, name, plan }, account, now, undefined);
  }

  #adSet(account: AdAccount, parent: Campaign, adSet: number, now: number): AdSet {
    const campaign = this.#ids.placeOf(parent.id)?.campaign ?? 0;
    const id = this.#ids.idOf({ kind: 'adSet', account: account.index, campaign, adSet, ad: 0 });
    const plan = this.#plan(id, () => planAdSet(this.#context(account), parent.plan, campaign, adSet));
    const name = `Audience ${campaign + 1}.${adSet + 1}`;
    const base = { kind: 'adSet', id, accountId: account.id, name, campaignId: parent.id, plan } as const;
    return this.#stateOf(base, account, now, parent);
  }

  #ad(account: AdAccount, parent: AdSet, ad: number, now: number): Ad {
    const { campaign = 0, adSet = 0 } = this.#ids.placeOf(parent.id) ?? {};
    const place = { account: account.index, campaign, adSet };
    const id = this.#ids.idOf({ ...place, kind: 'ad', ad });
    const plan = this.#plan(id, () => planAd(this.#context(account), parent.plan, campaign, adSet, ad));
    const base = {
      kind: 'ad',
      id,
      accountId: account.id,
      name: `Ad ${campaign + 1}.${adSet + 1}.${ad + 1}`,
      campaignId: parent.campaignId,
      adSetId: parent.id,
      // Every third ad shows what the one before it shows.
      creativeId: this.#ids.idOf({ ...place, kind: 'creative', ad: ad % 3 === 2 ? ad - 1 : ad }),
      plan,
    } as const;
    return this.#stateOf(base, account, now, parent);
  }

  #creative(ad: Ad): Creative {
    const id = ad.creativeId;
    const change = this.#changes.get(id);
    return {
      kind: 'creative',
      id,
      accountId: ad.accountId,
      name: change?.name ?? `Creative of ${ad.name.replace(/ v\d+$/, '')}`,
      status: change?.status ?? 'ACTIVE',
      effectiveStatus: change?.status ?? 'ACTIVE',
      createdAt: ad.plan.createdAt,
      updatedAt: change?.at ?? ad.plan.createdAt,
    };
  }

  #stateOf<T extends Omit<AdObject, 'status' | 'effectiveStatus' | 'createdAt' | 'updatedAt'> & { plan: Plan }>(
    base: T,
    account: AdAccount,
    now: number,
    parent: AdObject | undefined,
  ): T & AdObject {
    const { plan, id, kind } = base;
    const change = this.#changes.get(id);
    const today = localTime(now, account.timeZone).dayNumber;
    const events = [plan.createdAt, ...plan.renamedAt.filter((at) => at <= now)];
    let status: AdObjectStatus = 'ACTIVE';
    if (plan.lastDay !== undefined && today > plan.lastDay) {
      status = 'PAUSED';
      events.push(instantOf(plan.lastDay + 1, 0, account.timeZone));
    } else if (kind === 'ad' && this.#isPausable(id)) {
      if (isPausedWeek(this.#options.seed, id, today)) status = 'PAUSED';
      events.push(this.#lastToggle(id, plan, account, today));
    }
    if (plan.removal !== undefined && plan.removal.at <= now) {
      status = plan.removal.status;
      events.push(plan.removal.at);
    }
    if (change !== undefined) {
      status = change.status ?? status;
      events.push(change.at);
    }
    const version = 1 + plan.renamedAt.filter((at) => at <= now).length;
    return {
      ...base,
      name: change?.name ?? (version === 1 ? base.name : `${base.name} v${version}`),
      status,
      effectiveStatus: effectiveStatus(status, parent),
      createdAt: plan.createdAt,
      updatedAt: Math.max(...events.filter((at) => at <= now), plan.createdAt),
    };
  }

  // The last Monday on which it was paused or resumed, looking back two months.
  #lastToggle(id: string, plan: Plan, account: AdAccount, today: number): number {
    const { seed } = this.#options;
    const week = weekOf(today);
    const isPaused = isPausedWeek(seed, id, today);
    for (let back = 1; back <= 8; back += 1) {
      const monday = mondayOf(week - back + 1);
      if (monday <= plan.firstDay) break;
      if (isPausedWeek(seed, id, monday - 1) !== isPaused) return instantOf(monday, 0, account.timeZone);
    }
    return plan.createdAt;
  }

  #isPausable(adId: string): boolean {
    return this.#options.isLively && (this.#ids.placeOf(adId)?.ad ?? 0) > 0;
  }

  #plan(id: string, create: () => Plan): Plan {
    let plan = this.#plans.get(id);
    if (plan === undefined) {
      plan = create();
      this.#plans.set(id, plan);
    }
    return plan;
  }
}

// What is filed away takes along what is below it; what is paused only stops it.
function effectiveStatus(status: AdObjectStatus, parent: AdObject | undefined): EffectiveStatus {
  if (status === 'DELETED' || parent === undefined) return status;
  const above = parent.effectiveStatus;
  if (above === 'DELETED' || (above === 'ARCHIVED' && status !== 'ARCHIVED')) return above;
  if (status !== 'ACTIVE' || above === 'ACTIVE') return status;
  if (above === 'PAUSED') return parent.kind === 'campaign' ? 'CAMPAIGN_PAUSED' : 'ADSET_PAUSED';
  return above;
}
