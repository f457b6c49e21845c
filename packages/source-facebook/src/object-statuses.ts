const CAMPAIGN = ['ACTIVE', 'PAUSED', 'ARCHIVED', 'IN_PROCESS', 'WITH_ISSUES'];
const AD_SET = [...CAMPAIGN, 'CAMPAIGN_PAUSED'];
const AD = [...AD_SET, 'ADSET_PAUSED', 'PENDING_REVIEW', 'DISAPPROVED', 'PREAPPROVED', 'PENDING_BILLING_INFO'];

/**
 * Every effective status that can be asked for. Lists and reports leave archived objects out unless
 * they are asked for by name; deleted ones cannot be asked for (Marketing API, Manage Your Ad
 * Object's Status).
 */
export const STATUSES = { campaign: CAMPAIGN, adset: AD_SET, ad: AD } as const;
