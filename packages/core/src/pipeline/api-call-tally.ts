import type { ApiCallEvent, ApiCallTotals } from '../api-call.ts';

/** No platform takes longer to give a quota back; what says so is damaged. */
const LONGEST_REGAIN_MS = 366 * 86_400_000;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Adds up the calls of a run, per stream and account. */
export class ApiCallTally {
  readonly #totals = new Map<string, Writable<ApiCallTotals>>();
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  get totals(): readonly ApiCallTotals[] {
    return [...this.#totals.values()];
  }

  add(stream: string, account: string, event: ApiCallEvent): void {
    const totals = this.#of(stream, account);
    if (event.type === 'call-waiting') {
      totals.waits += 1;
      totals.waitMs += wholeMs(event.waitMs);
      return;
    }
    const { status, attempt, durationMs, quotaUsed, quotaRegainMs } = event;
    totals.calls += 1;
    totals.callMs += wholeMs(durationMs);
    if (attempt > 1) totals.retries += 1;
    if (status === undefined || status >= 400) totals.failed += 1;
    if (quotaUsed === undefined) return;
    totals.lastQuotaUsed = quotaUsed;
    totals.quotaUsed = Math.max(totals.quotaUsed ?? 0, quotaUsed);
    if (quotaRegainMs !== undefined && quotaRegainMs > 0 && quotaRegainMs <= LONGEST_REGAIN_MS) {
      totals.quotaFreeAt = new Date(this.#now().getTime() + quotaRegainMs).toISOString();
    }
  }

  #of(stream: string, account: string): Writable<ApiCallTotals> {
    const key = JSON.stringify([stream, account]);
    const known = this.#totals.get(key);
    if (known !== undefined) return known;
    const totals = { stream, account, calls: 0, retries: 0, failed: 0, callMs: 0, waits: 0, waitMs: 0 };
    this.#totals.set(key, totals);
    return totals;
  }
}

/** A clock that is set back between two readings makes a duration negative. */
function wholeMs(duration: number): number {
  return duration > 0 ? Math.round(duration) : 0;
}
