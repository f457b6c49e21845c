import type { Fault, FaultKind } from '../control/fault.ts';
import type { FaultPlan } from '../control/fault-plan.ts';
import type { RequestLog } from '../control/request-log.ts';
import type { SandboxRequest, SandboxResponse } from '../http/exchange.ts';
import type { TokenOptions, TokenSubcode } from './facebook/access-tokens.ts';
import type { World } from '../world/world.ts';

/** What a platform is given to be imitated with. */
export interface PlatformContext {
  readonly world: World;
  readonly faults: FaultPlan;
  readonly log: RequestLog;
  /** Where the platform is reached; known once the server listens. */
  readonly baseUrl: () => string;
}

/** A platform that answers requests. */
export interface Platform {
  /** Whether a fault would have an effect on a request; one that has none waits for the next. */
  canMeet(kind: FaultKind, request: SandboxRequest): boolean;
  handle(request: SandboxRequest, fault: Fault | undefined): SandboxResponse;
  /** How much of each budget is used. */
  usage(): unknown;
  /** Where it is reached and with which credentials, as text by name. */
  describe(): Readonly<Record<string, string>>;
  issueToken(options: TokenOptions): string;
  revokeToken(token: string, subcode?: TokenSubcode): void;
}
