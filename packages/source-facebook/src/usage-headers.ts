import type { Usage } from '@etl/core/http';

/**
 * What an answer's headers say of the quotas it counted against; `undefined` when they say nothing.
 * Of several quotas the fullest, and the longest time until it is free. A header that cannot be read
 * costs pacing, never the answer.
 *
 * `x-business-use-case-usage` gives minutes, `x-ad-account-usage` seconds (Marketing API, Rate
 * limiting).
 */
export function usageOf(headers: Headers): Usage | undefined {
  const quotas = [
    ...entriesOf(headers, 'x-app-usage'),
    ...entriesOf(headers, 'x-ad-account-usage'),
    ...entriesOf(headers, 'x-fb-ads-insights-throttle'),
    ...entriesOf(headers, 'x-business-use-case-usage').flatMap((byId) => Object.values(byId).flat().map(Object)),
  ] as Record<string, unknown>[];
  if (quotas.length === 0) return undefined;
  const percent = Math.max(0, ...quotas.flatMap((quota) => PERCENTAGES.map((name) => numberOf(quota[name]))));
  const regainMs = Math.max(
    0,
    ...quotas.map((quota) => numberOf(quota['estimated_time_to_regain_access']) * 60_000),
    ...quotas.map((quota) => numberOf(quota['reset_time_duration']) * 1000),
  );
  return { usedRatio: percent / 100, ...(regainMs === 0 ? {} : { regainMs }) };
}

const PERCENTAGES = ['call_count', 'total_cputime', 'total_time', 'acc_id_util_pct', 'app_id_util_pct'] as const;

function entriesOf(headers: Headers, name: string): readonly Record<string, unknown>[] {
  const text = headers.get(name);
  if (text === null) return [];
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? [value as Record<string, unknown>] : [];
  } catch {
    return [];
  }
}

function numberOf(value: unknown): number {
  const number = Number(value ?? 0);
  return Number.isFinite(number) ? number : 0;
}
