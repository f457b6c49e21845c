import type { Usage } from '@etl/core/http';

/** How full the quotas are that an answer counted against: those of its account, and those of the app. */
export interface QuotaUsage {
  readonly account?: Usage;
  readonly app?: Usage;
}

type Quota = Readonly<Record<string, unknown>>;

const COUNTERS = ['call_count', 'total_cputime', 'total_time', 'acc_id_util_pct'] as const;
const APP_COUNTERS = ['app_id_util_pct', ...COUNTERS.slice(0, 3)] as const;

/**
 * What an answer's headers say of the quotas it counted against. Of several quotas the fullest, and the
 * longest time until it is free. A header that cannot be read costs pacing, never the answer.
 *
 * `x-business-use-case-usage` gives minutes, `x-ad-account-usage` seconds (Marketing API, Rate
 * limiting).
 */
export function usageOf(headers: Headers): QuotaUsage {
  const throttle = entriesOf(headers, 'x-fb-ads-insights-throttle');
  const account = fullest(
    [
      ...entriesOf(headers, 'x-ad-account-usage'),
      ...throttle,
      ...entriesOf(headers, 'x-business-use-case-usage').flatMap((byId) => Object.values(byId).flat().map(Object)),
    ],
    COUNTERS,
  );
  const app = fullest([...entriesOf(headers, 'x-app-usage'), ...throttle], APP_COUNTERS);
  return { ...(account === undefined ? {} : { account }), ...(app === undefined ? {} : { app }) };
}

/** Of both, for what does not tell them apart. */
export function longestRegainMs({ account, app }: QuotaUsage): number | undefined {
  const longest = Math.max(account?.regainMs ?? 0, app?.regainMs ?? 0);
  return longest === 0 ? undefined : longest;
}

function fullest(quotas: readonly Quota[], counters: readonly string[]): Usage | undefined {
  if (quotas.length === 0) return undefined;
  const percent = Math.max(0, ...quotas.flatMap((quota) => counters.map((name) => numberOf(quota[name]))));
  const regainMs = Math.max(
    0,
    ...quotas.map((quota) => numberOf(quota['estimated_time_to_regain_access']) * 60_000),
    ...quotas.map((quota) => numberOf(quota['reset_time_duration']) * 1000),
  );
  return { usedRatio: percent / 100, ...(regainMs === 0 ? {} : { regainMs }) };
}

function entriesOf(headers: Headers, name: string): readonly Quota[] {
  const text = headers.get(name);
  if (text === null) return [];
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? [value as Quota] : [];
  } catch {
    return [];
  }
}

function numberOf(value: unknown): number {
  const number = Number(value ?? 0);
  return Number.isFinite(number) ? number : 0;
}
