import { Budget, type BudgetCost, type BudgetState } from './budget.ts';
import { rateLimited, type GraphError } from './graph-error.ts';

export interface BudgetOptions {
  /** Decides the other defaults. @default 'standard' */
  readonly accessTier?: 'standard' | 'development';
  /** Calls of the app in an hour, over all accounts. @default 200 per account, at least 5000 */
  readonly appCallsPerHour?: number;
  /** Points of an account in five minutes; a read is 1, a report 3. @default 9000, in development 60 */
  readonly accountPointsPer5Minutes?: number;
  /** Calls of an account in an hour for reports. @default 190000, in development 600, and 400 per active ad */
  readonly insightsCallsPerHour?: number;
  /** Calls of an account in an hour for everything else. @default 100000, in development 300, and 40 per active ad */
  readonly managementCallsPerHour?: number;
}

/** What a call is about, as far as budgets go. */
export interface BudgetSubject {
  readonly accountId: string | undefined;
  readonly isInsights: boolean;
}

interface AccountBudgets {
  readonly score: Budget;
  readonly insights: Budget;
  readonly management: Budget;
}

const HOUR_MS = 3_600_000;
const FIVE_MINUTES_MS = 300_000;

/** The budgets of the app and of each account, and the headers that tell of them. */
export class UsageBudgets {
  readonly #options: BudgetOptions;
  readonly #activeAds: (accountId: string) => number;
  readonly #app: Budget;
  readonly #appInsights: Budget;
  readonly #accounts = new Map<string, AccountBudgets>();

  constructor(options: BudgetOptions, accountCount: number, activeAds: (accountId: string) => number) {
    this.#options = options;
    this.#activeAds = activeAds;
    const callsPerWindow = options.appCallsPerHour ?? Math.max(5000, accountCount * 200);
    this.#app = new Budget({ callsPerWindow, windowMs: HOUR_MS, blockMs: HOUR_MS / 4 });
    this.#appInsights = new Budget({ callsPerWindow, windowMs: HOUR_MS, blockMs: HOUR_MS / 4 });
  }

  /** The error of a call that comes too soon. */
  refusal(subject: BudgetSubject, now: number): GraphError | undefined {
    if (this.#app.state(now).isBlocked || (subject.isInsights && this.#appInsights.state(now).isBlocked)) {
      return rateLimited(4);
    }
    if (subject.accountId === undefined) return undefined;
    const account = this.#account(subject.accountId);
    if (account.score.state(now).isBlocked) return rateLimited(17);
    if (subject.isInsights) return account.insights.state(now).isBlocked ? rateLimited(80_000) : undefined;
    return account.management.state(now).isBlocked ? rateLimited(80_004) : undefined;
  }

  spend(subject: BudgetSubject, cost: BudgetCost, now: number): void {
    this.#app.spend(cost, now);
    if (subject.isInsights) this.#appInsights.spend(cost, now);
    if (subject.accountId === undefined) return;
    const account = this.#account(subject.accountId);
    account.score.spend({ ...cost, calls: subject.isInsights ? 3 : 1 }, now);
    (subject.isInsights ? account.insights : account.management).spend(cost, now);
  }

  /** Refuses calls for a while as if the budget that the error code speaks of were used up. */
  exhaust(code: number, subject: BudgetSubject, now: number, milliseconds: number): void {
    if (code === 4 || subject.accountId === undefined) {
      this.#app.block(now, milliseconds);
      return;
    }
    const account = this.#account(subject.accountId);
    if (code === 17 || code === 613) account.score.block(now, milliseconds);
    else (code === 80_000 ? account.insights : account.management).block(now, milliseconds);
  }

  /** The four families of headers, as far as they apply to the call. */
  headers({ accountId, isInsights }: BudgetSubject, now: number): Record<string, string> {
    const tier = `${this.#options.accessTier ?? 'standard'}_access`;
    const headers: Record<string, string> = { 'x-app-usage': JSON.stringify(counters(this.#app.state(now))) };
    if (accountId === undefined) return headers;
    const account = this.#account(accountId);
    const score = account.score.state(now);
    headers['x-ad-account-usage'] = JSON.stringify({
      acc_id_util_pct: highest(score),
      reset_time_duration: Math.ceil(score.regainMs / 1000),
      ads_api_access_tier: tier,
    });
    const useCase = (isInsights ? account.insights : account.management).state(now);
    headers['x-business-use-case-usage'] = JSON.stringify({
      [accountId]: [
        {
          type: isInsights ? 'ads_insights' : 'ads_management',
          ...counters(useCase),
          // Minutes, while x-ad-account-usage speaks of seconds.
          estimated_time_to_regain_access: Math.ceil(useCase.regainMs / 60_000),
          ads_api_access_tier: tier,
        },
      ],
    });
    if (isInsights) {
      headers['x-fb-ads-insights-throttle'] = JSON.stringify({
        app_id_util_pct: highest(this.#appInsights.state(now)),
        acc_id_util_pct: highest(useCase),
        ads_api_access_tier: tier,
      });
    }
    return headers;
  }

  usage(now: number): FacebookUsage {
    return {
      app: this.#app.state(now),
      accounts: Object.fromEntries(
        [...this.#accounts].map(([id, { score, insights, management }]) => [
          id,
          { score: score.state(now), insights: insights.state(now), management: management.state(now) },
        ]),
      ),
    };
  }

  #account(accountId: string): AccountBudgets {
    let budgets = this.#accounts.get(accountId);
    if (budgets === undefined) {
      const isDevelopment = this.#options.accessTier === 'development';
      const ads = this.#activeAds(accountId);
      budgets = {
        score: new Budget({
          callsPerWindow: this.#options.accountPointsPer5Minutes ?? (isDevelopment ? 60 : 9000),
          windowMs: FIVE_MINUTES_MS,
          blockMs: isDevelopment ? FIVE_MINUTES_MS : 60_000,
        }),
        insights: hourly(this.#options.insightsCallsPerHour ?? (isDevelopment ? 600 : 190_000) + 400 * ads),
        management: hourly(this.#options.managementCallsPerHour ?? (isDevelopment ? 300 : 100_000) + 40 * ads),
      };
      this.#accounts.set(accountId, budgets);
    }
    return budgets;
  }
}

export interface FacebookUsage {
  readonly app: BudgetState;
  /** Of the accounts that were asked for, by id. */
  readonly accounts: Readonly<
    Record<string, { readonly score: BudgetState; readonly insights: BudgetState; readonly management: BudgetState }>
  >;
}

function hourly(callsPerWindow: number): Budget {
  return new Budget({ callsPerWindow, windowMs: HOUR_MS, blockMs: HOUR_MS / 2 });
}

function counters({ callCount, totalCpuTime, totalTime }: BudgetState): Record<string, number> {
  return { call_count: callCount, total_cputime: totalCpuTime, total_time: totalTime };
}

function highest({ callCount, totalCpuTime, totalTime }: BudgetState): number {
  return Math.max(callCount, totalCpuTime, totalTime);
}
