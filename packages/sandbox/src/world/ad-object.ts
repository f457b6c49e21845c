/** The kinds of things an account holds, with the digit that stands for them in an id. */
export const KINDS = { campaign: '1', adSet: '2', ad: '3', creative: '4' } as const;
export type AdObjectKind = keyof typeof KINDS;

/** `status` as it was set; a paused parent does not change it. */
export type AdObjectStatus = 'ACTIVE' | 'PAUSED' | 'ARCHIVED' | 'DELETED';
export type EffectiveStatus = AdObjectStatus | 'CAMPAIGN_PAUSED' | 'ADSET_PAUSED';

/** What every campaign, ad set and ad has, as of a moment. */
export interface AdObject {
  readonly kind: AdObjectKind;
  /** 18 digits, beyond 2^53; neighbours differ in the last digits only, so a double cannot tell them apart. */
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  readonly status: AdObjectStatus;
  readonly effectiveStatus: EffectiveStatus;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Where an object stands in its account. Absent parts are those below its kind. */
export interface ObjectPlace {
  readonly kind: AdObjectKind;
  readonly account: number;
  readonly campaign: number;
  readonly adSet: number;
  readonly ad: number;
}

/** Ids tell where an object stands, so that one is found without a search. */
export class ObjectIds {
  readonly #prefix: string;

  constructor(seedDigits: string) {
    this.#prefix = `1202${seedDigits}`;
  }

  idOf({ kind, account, campaign, adSet, ad }: ObjectPlace): string {
    const pad = (value: number, length: number) => String(value).padStart(length, '0');
    return `${this.#prefix}${KINDS[kind]}${pad(account, 2)}${pad(campaign, 4)}${pad(adSet, 2)}${pad(ad, 2)}`;
  }

  placeOf(id: string): ObjectPlace | undefined {
    if (!/^\d{18}$/.test(id) || !id.startsWith(this.#prefix)) return undefined;
    const kind = (Object.keys(KINDS) as AdObjectKind[]).find((name) => KINDS[name] === id[7]);
    if (kind === undefined) return undefined;
    return {
      kind,
      account: Number(id.slice(8, 10)),
      campaign: Number(id.slice(10, 14)),
      adSet: Number(id.slice(14, 16)),
      ad: Number(id.slice(16, 18)),
    };
  }
}
