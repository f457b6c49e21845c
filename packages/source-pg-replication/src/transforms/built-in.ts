import type { DerivedStream } from '../derived-stream.ts';
import { adRequestStats } from './ad-request-stats.ts';
import { inlineAdLogs } from './inline-ad-logs.ts';

/** Transforms that a configuration may name. */
export const builtInTransforms: Readonly<Record<string, (options?: Record<string, string>) => DerivedStream>> = {
  inline_ad_logs: inlineAdLogs,
  ad_request_stats: adRequestStats,
};
