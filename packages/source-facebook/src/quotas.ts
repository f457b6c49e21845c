import type { EtlError, ReadRequest } from '@etl/core';
import {
  paced,
  Pacer,
  quotaKey,
  sharedPacer,
  type AcquireOptions,
  type Clock,
  type PacerOptions,
  type Usage,
} from '@etl/core/http';
import type { ResolvedOptions } from './options.ts';
import { usageOf } from './usage-headers.ts';

/** Errors that speak of the app's own quota, which all accounts of the token share. */
const APP_QUOTA_CODES: ReadonlySet<unknown> = new Set([4]);

/**
 * A request for an account takes its turn with the account first, then with the app: whoever waits for an account
 * holds nothing that others wait for.
 */
class AccountPacer extends Pacer {
  readonly #app: Pacer;

  constructor(app: Pacer, options: PacerOptions) {
    super(options);
    this.#app = app;
  }

  override async acquire(options: AcquireOptions = {}): Promise<() => void> {
    const leave = await super.acquire(options);
    try {
      const leaveApp = await this.#app.acquire(options);
      const leaveBoth = (): void => {
        leaveApp();
        leave();
      };
      // Used up while it waited for the app: a call now would be refused.
      if (this.parkedUntil === 0) return leaveBoth;
      leaveBoth();
      return await this.acquire(options);
    } catch (error) {
      leave();
      throw error;
    }
  }
}

/**
 * The quotas of one token: the app's, shared by everything in this process that uses the token, and one for
 * each account. Both follow what the platform says in its headers and are remembered across runs.
 */
export class Quotas {
  /** For requests that are about no account. */
  readonly app: Pacer;
  readonly #options: PacerOptions;
  readonly #accounts = new Map<string, AccountPacer>();
  readonly #token: string;

  constructor(options: ResolvedOptions, clock: Clock) {
    const { token, baseUrl, slowDownAt, longestSpacingSeconds } = options;
    this.#token = token;
    this.#options = { name: 'the app', slowDownAt, longestSpacingMs: longestSpacingSeconds * 1000, clock };
    this.app = sharedPacer(`${baseUrl} ${token}`, this.#options);
  }

  of(accountId: string | undefined): Pacer {
    if (accountId === undefined) return this.app;
    const known = this.#accounts.get(accountId);
    if (known !== undefined) return known;
    const pacer = new AccountPacer(this.app, { ...this.#options, name: `the ad account ${accountId}` });
    this.#accounts.set(accountId, pacer);
    return pacer;
  }

  /** Takes note of an answer's headers. Gives back how full the quota is that the request counted against. */
  observe(headers: Headers, accountId: string | undefined): Usage | undefined {
    const { account, app } = usageOf(headers);
    if (app !== undefined) this.app.observe(app);
    if (account !== undefined && accountId !== undefined) this.of(accountId).observe(account);
    return accountId === undefined ? app : account;
  }

  /** Takes note of an answer that refuses because a quota is used up. */
  refused(error: EtlError, accountId: string | undefined, now: number): void {
    if (error.kind !== 'rate-limit' || error.retryAfterMs === undefined) return;
    const isOfApp = APP_QUOTA_CODES.has(error.context['graphCode']);
    (isOfApp ? this.app : this.of(accountId)).parkUntil(now + error.retryAfterMs);
  }

  /** Takes up what others with the token know of its quotas, and keeps what this work learns, however it ends. */
  remembered<T>(
    accountId: string,
    { quotaMemory: memory }: ReadRequest,
    work: () => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    const key = quotaKey(this.#token, 'facebook', accountId);
    return paced(this.app, { memory, key: quotaKey(this.#token, 'facebook', 'app') }, () =>
      paced(this.of(accountId), { memory, key }, work),
    );
  }
}
