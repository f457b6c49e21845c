import type { Level } from './insight-fields.ts';

const CAMPAIGN = ['ACTIVE', 'PAUSED', 'ARCHIVED', 'IN_PROCESS', 'WITH_ISSUES'];
const AD_SET = [...CAMPAIGN, 'CAMPAIGN_PAUSED'];
const AD = [...AD_SET, 'ADSET_PAUSED', 'PENDING_REVIEW', 'DISAPPROVED', 'PREAPPROVED', 'PENDING_BILLING_INFO'];

/**
 * Every effective status that can be asked for. Lists and reports leave archived objects out unless
 * they are asked for by name; deleted ones cannot be asked for (Marketing API, Manage Your Ad
 * Object's Status).
 */
export const STATUSES = { campaign: CAMPAIGN, adset: AD_SET, ad: AD } as const;

/** The filter by which a report has the rows of archived objects too; of a whole account they are always part. */
export function statusFilter(level: Level): string | undefined {
  if (level === 'account') return undefined;
  return JSON.stringify([{ field: `${level}.effective_status`, operator: 'IN', value: STATUSES[level] }]);
}
