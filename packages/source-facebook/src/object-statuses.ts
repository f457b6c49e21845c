const CAMPAIGN = ['ACTIVE', 'PAUSED', 'ARCHIVED', 'IN_PROCESS', 'WITH_ISSUES'];
const AD_SET = [...CAMPAIGN, 'CAMPAIGN_PAUSED'];
const AD = [...AD_SET, 'ADSET_PAUSED', 'PENDING_REVIEW', 'DISAPPROVED', 'PREAPPROVED', 'PENDING_BILLING_INFO'];

/**
 * Every effective status that a list can be asked for. It leaves archived objects out unless they are asked for
 * by name; deleted ones cannot be asked for (Marketing API, Manage Your Ad Object's Status).
 */
export const STATUSES = { campaign: CAMPAIGN, adset: AD_SET, ad: AD } as const;

/**
 * Every effective status that a report can be asked for: what deleted objects have cost stays in the account's
 * sums, and is given below the account to who asks for it by `effective_status` (the same page, read 2026-11-28).
 */
export const REPORT_STATUSES = {
  campaign: [...CAMPAIGN, 'DELETED'],
  adset: [...AD_SET, 'DELETED'],
  ad: [...AD, 'DELETED'],
} as const;
