import type { ApiCallTotals } from '@etl/core';
import { count, duration, number } from '../quantity.ts';

/** Below it, a quota is as good as unused. */
const WORTH_TELLING = 0.01;

/** `124 calls, 3 retries, 1 failed, waited 41 s; quota 97 % used (9913)`; `undefined` where the source tells of none. */
export function callsText(calls: readonly ApiCallTotals[]): string | undefined {
  const sum = (of: (totals: ApiCallTotals) => number): number => calls.reduce((all, totals) => all + of(totals), 0);
  const asked = sum((totals) => totals.calls);
  const waitMs = sum((totals) => totals.waitMs);
  if (asked === 0 && waitMs === 0) return undefined;
  const retries = sum((totals) => totals.retries);
  const failed = sum((totals) => totals.failed);
  const parts = [
    count(asked, 'call'),
    ...(retries === 0 ? [] : [retries === 1 ? '1 retry' : `${number(retries)} retries`]),
    ...(failed === 0 ? [] : [`${number(failed)} failed`]),
    ...(waitMs === 0 ? [] : [`waited ${duration(waitMs)}`]),
  ].join(', ');
  const fullest = quotasOf(calls, ({ quotaUsed }) => quotaUsed)[0];
  return fullest === undefined || fullest.used < WORTH_TELLING ? parts : `${parts}; quota ${quotaText(fullest)}`;
}

/** How full the quota of one account was. */
export interface AccountQuota {
  readonly account: string;
  readonly used: number;
  /** ISO instant; absent where the platform did not say. */
  readonly freeAt?: string;
}

/** One entry an account, the fullest first. */
export function quotasOf(
  calls: readonly ApiCallTotals[],
  usedOf: (totals: ApiCallTotals) => number | undefined,
): readonly AccountQuota[] {
  const quotas = new Map<string, AccountQuota>();
  for (const totals of calls) {
    const used = usedOf(totals);
    const { account, quotaFreeAt } = totals;
    if (used === undefined || used < (quotas.get(account)?.used ?? 0)) continue;
    quotas.set(account, { account, used, ...(quotaFreeAt === undefined ? {} : { freeAt: quotaFreeAt }) });
  }
  return [...quotas.values()].toSorted((a, b) => b.used - a.used);
}

/** `97 % used (9913)`. */
export function quotaText({ account, used }: AccountQuota): string {
  return `${Math.round(used * 100)} % used${account === '' ? '' : ` (${account})`}`;
}
