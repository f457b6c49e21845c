import { hashDigits } from '../../random.ts';
import { GraphError } from './graph-error.ts';

export interface TokenOptions {
  /** Shown in the log of requests. @default 'token-1', 'token-2', … */
  readonly name?: string;
  /** Accounts it may read. @default all */
  readonly accountIds?: readonly string[];
  /** @default ads_read, ads_management, business_management */
  readonly scopes?: readonly string[];
  /** ISO 8601. @default never */
  readonly expiresAt?: string;
  /** The error that every request about an account gets, whatever it asks. */
  readonly refusedWith?: 10 | 200 | 294;
}

export interface Grant {
  readonly token: string;
  readonly name: string;
  readonly accountIds: readonly string[] | undefined;
  readonly scopes: readonly string[];
  readonly issuedAt: number;
  readonly expiresAt: number | undefined;
  readonly refusedWith: 10 | 200 | 294 | undefined;
  /** Subcode that says why it is no longer valid. */
  readonly revokedWith?: TokenSubcode;
}

/** 458 the app was removed, 460 the password changed, 463 expired, 467 logged out. */
export type TokenSubcode = 458 | 460 | 463 | 467;

export const APP_ID = '640000000000017';
export const USER_ID = '122100000000000042';
export const SCOPES: readonly string[] = ['ads_read', 'ads_management', 'business_management'];

const DEBUG_NEVER = 0;

const REVOKED: Readonly<Record<TokenSubcode, string>> = {
  458: `Error validating access token: The user has not authorized application ${APP_ID}.`,
  460: 'Error validating access token: The session has been invalidated because the user changed their password or Facebook has changed the session for security reasons.',
  463: 'Error validating access token: Session has expired.',
  467: 'Error validating access token: The session is invalid because the user logged out.',
};

/** The tokens there are, and what each may do. */
export class AccessTokens {
  readonly #seed: string;
  readonly #grants = new Map<string, Grant>();

  constructor(seed: string) {
    this.#seed = seed;
  }

  issue(options: TokenOptions, now: number): string {
    const number = this.#grants.size + 1;
    const token = `EAAS${hashDigits(`${this.#seed}|token|${number}`, 96)}`;
    this.#grants.set(token, {
      token,
      name: options.name ?? `token-${number}`,
      accountIds: options.accountIds?.map((id) => id.replace(/^act_/, '')),
      scopes: options.scopes ?? SCOPES,
      issuedAt: now,
      expiresAt: options.expiresAt === undefined ? undefined : Date.parse(options.expiresAt),
      refusedWith: options.refusedWith,
    });
    return token;
  }

  revoke(token: string, subcode: TokenSubcode): void {
    const grant = this.#grants.get(token);
    if (grant === undefined) throw new RangeError('There is no such token.');
    this.#grants.set(token, { ...grant, revokedWith: subcode });
  }

  /** Who asks. @throws GraphError 104, 2500 or 190 */
  authenticate(token: string | undefined, now: number): Grant {
    if (token === undefined || token === '') {
      throw new GraphError({ code: 104, message: 'An access token is required to request this resource.' });
    }
    const grant = this.#grants.get(token);
    if (grant === undefined) {
      throw new GraphError({ code: 190, message: 'Invalid OAuth access token - Cannot parse access token' });
    }
    const problem = problemOf(grant, now);
    if (problem !== undefined) throw new GraphError({ code: 190, ...problem });
    return grant;
  }

  /** What `debug_token` says of a token. */
  describe(token: string, now: number): Record<string, unknown> {
    const grant = this.#grants.get(token);
    if (grant === undefined) {
      const error = { code: 190, message: 'The access token could not be decrypted' };
      return { data: { error, is_valid: false, scopes: [] } };
    }
    const problem = problemOf(grant, now);
    const seconds = (instant: number | undefined) => (instant === undefined ? DEBUG_NEVER : Math.floor(instant / 1000));
    return {
      data: {
        app_id: APP_ID,
        type: grant.expiresAt === undefined ? 'SYSTEM_USER' : 'USER',
        application: 'Reports',
        data_access_expires_at: seconds(grant.expiresAt),
        expires_at: seconds(grant.expiresAt),
        ...(problem === undefined ? {} : { error: { code: 190, ...problem } }),
        is_valid: problem === undefined,
        issued_at: seconds(grant.issuedAt),
        scopes: grant.scopes,
        granular_scopes: grant.scopes.map((scope) => ({
          scope,
          ...(grant.accountIds === undefined ? {} : { target_ids: grant.accountIds }),
        })),
        user_id: USER_ID,
      },
    };
  }
}

/** @throws GraphError 10, 200 or 294 if the token may not read the account. */
export function checkAccountAccess(grant: Grant, accountId: string): void {
  const refusal = grant.refusedWith ?? (canRead(grant, accountId) ? undefined : 200);
  if (refusal !== undefined) throw refused(refusal);
  if (!grant.scopes.includes('ads_read') && !grant.scopes.includes('ads_management')) throw refused(10);
}

export function canRead(grant: Grant, accountId: string): boolean {
  return grant.accountIds === undefined || grant.accountIds.includes(accountId);
}

function refused(code: 10 | 200 | 294): GraphError {
  const message = {
    10: '(#10) Application does not have permission for this action',
    200: '(#200) Ad account owner has NOT grant ads_management or ads_read permission',
    294: '(#294) Managing advertisements requires an access token with the extended permission ads_management',
  }[code];
  return new GraphError({ code, status: 403, message });
}

function problemOf(grant: Grant, now: number): { subcode: number; message: string } | undefined {
  if (grant.revokedWith !== undefined) return { subcode: grant.revokedWith, message: REVOKED[grant.revokedWith] };
  if (grant.expiresAt === undefined || grant.expiresAt > now) return undefined;
  const message =
    `Error validating access token: Session has expired on ${new Date(grant.expiresAt).toUTCString()}. ` +
    `The current time is ${new Date(now).toUTCString()}.`;
  return { subcode: 463, message };
}
