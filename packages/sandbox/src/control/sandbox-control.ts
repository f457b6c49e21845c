import type { Duration } from '../logical-clock.ts';
import type { TokenOptions, TokenSubcode } from '../platforms/facebook/access-tokens.ts';
import type { Platform } from '../platforms/platform.ts';
import type { EsimPlatform, ExportChange } from '../platforms/esim/esim-platform.ts';
import type { PlatformName } from '../platforms/registry.ts';
import type { AdInsight, InsightQuery } from '../world/ad-insights.ts';
import type { ObjectChange } from '../world/ad-structure.ts';
import type { AdAccount } from '../world/ad-account.ts';
import type { Restatement, World } from '../world/world.ts';
import type { FaultRule } from './fault.ts';
import type { FaultPlan, FaultState } from './fault-plan.ts';
import type { LoggedRequest, RequestFilter, RequestLog } from './request-log.ts';

export interface ControlParts {
  readonly world: World;
  readonly faults: FaultPlan;
  readonly log: RequestLog;
  readonly platforms: ReadonlyMap<string, Platform>;
}

export interface TokenRevocation {
  readonly platform: PlatformName;
  readonly token: string;
  readonly subcode?: TokenSubcode;
}

/**
 * What a test does to the sandbox, and asks of it. Every method takes at most one argument and gives back
 * one value, both JSON, so that {@link connectControl} offers the same over HTTP.
 */
export class SandboxControl {
  readonly #parts: ControlParts;

  constructor(parts: ControlParts) {
    this.#parts = parts;
  }

  /** Time of the sandbox, ISO 8601. */
  now(): string {
    return new Date(this.#parts.world.clock.now()).toISOString();
  }

  /** Lets time pass: reports complete, budgets recover, late conversions arrive. Gives back the new time. */
  advance(by: Duration): string {
    this.#parts.world.clock.advance(by);
    return this.now();
  }

  /** Lets time pass until `to`, ISO 8601. Gives back the new time. */
  advanceTo(to: string): string {
    this.#parts.world.clock.set(Date.parse(to));
    return this.now();
  }

  /** Gives days of an account other numbers, settled or not. */
  restate(restatement: Restatement): void {
    this.#parts.world.restate(restatement);
  }

  /** Renames, pauses, archives or deletes a campaign, ad set, ad or creative from now on. */
  change({ id, ...change }: ObjectChange & { readonly id: string }): void {
    this.#parts.world.change(id, change);
  }

  /** Changes the export API: another column or version, rows touched at one moment. */
  changeExport(change: ExportChange): void {
    (this.#platform('esim') as EsimPlatform).change(change);
  }

  /** Orders a fault; gives back its number. */
  fault(rule: FaultRule): number {
    return this.#parts.faults.add(rule);
  }

  /** The faults ordered so far, and how many requests met them. */
  faults(): FaultState[] {
    return this.#parts.faults.list();
  }

  clearFaults(): void {
    this.#parts.faults.clear();
  }

  /** The requests that came, in their order, without secrets. */
  requests(filter?: RequestFilter): LoggedRequest[] {
    return this.#parts.log.list(filter);
  }

  clearRequests(): void {
    this.#parts.log.clear();
  }

  /** How much of each budget is used, by platform. */
  usage(): Record<string, unknown> {
    return Object.fromEntries([...this.#parts.platforms].map(([name, platform]) => [name, platform.usage()]));
  }

  /** Where each platform is reached and with which credentials. */
  platforms(): Record<string, Readonly<Record<string, string>>> {
    return Object.fromEntries([...this.#parts.platforms].map(([name, platform]) => [name, platform.describe()]));
  }

  /** Another access token of a platform, with limits of its own. */
  issueToken({ platform, ...options }: TokenOptions & { readonly platform: PlatformName }): string {
    return this.#platform(platform).issueToken(options);
  }

  /** Makes an access token invalid; the subcode says why. */
  revokeToken({ platform, token, subcode }: TokenRevocation): void {
    this.#platform(platform).revokeToken(token, subcode);
  }

  accounts(): AdAccount[] {
    return [...this.#parts.world.accounts];
  }

  /** The rows that reports hold at this moment: see {@link World.insights}. */
  insights(query: InsightQuery): AdInsight[] {
    return this.#parts.world.insights(query);
  }

  #platform(name: PlatformName): Platform {
    const platform = this.#parts.platforms.get(name);
    if (platform === undefined) throw new RangeError(`The sandbox was started without the platform ${name}.`);
    return platform;
  }
}

/** The methods that can be called over HTTP. */
export const CONTROL_METHODS = [
  'now',
  'advance',
  'advanceTo',
  'restate',
  'change',
  'changeExport',
  'fault',
  'faults',
  'clearFaults',
  'requests',
  'clearRequests',
  'usage',
  'platforms',
  'issueToken',
  'revokeToken',
  'accounts',
  'insights',
] as const satisfies (keyof SandboxControl)[];

export type ControlMethod = (typeof CONTROL_METHODS)[number];
