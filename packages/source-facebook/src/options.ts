import { EtlError } from '@etl/core';
import type { Clock, Fetch } from '@etl/core/http';
import { z } from 'zod';
import { API_VERSION } from './api-version.ts';
import { ATTRIBUTION_WINDOWS, DEFAULT_FIELDS, FIELD_NAMES, LEVELS } from './insight-fields.ts';

const accountId = z
  .string()
  .regex(/^(?:act_)?\d{1,25}$/, 'expected digits, with or without act_')
  .transform((id) => id.replace(/^act_/, ''));

const insightsSchema = z
  .strictObject({
    level: z.enum(LEVELS).default('ad').describe('What one row is about.'),
    fields: z
      .array(z.enum(FIELD_NAMES))
      .min(1)
      .default([...DEFAULT_FIELDS])
      .describe('Fields to read beside ids, names and the day.'),
    breakdowns: z
      .array(z.string().regex(/^[a-z][a-z0-9_]*$/, 'expected the name of a breakdown'))
      .default([])
      .describe('Breakdowns; each becomes a column and a part of the key.'),
    attributionWindows: z.array(z.enum(ATTRIBUTION_WINDOWS)).default([...ATTRIBUTION_WINDOWS]),
    historyDays: z.int().min(1).max(1000).default(30).describe('Days before today that are expected to be there.'),
    lookbackDays: z.int().min(0).max(90).default(28).describe('For how many days a day is read again.'),
    windowDays: z.int().min(1).max(90).default(8).describe('Most days of one report.'),
    loadWindowDays: z
      .int()
      .min(1)
      .max(90)
      .default(32)
      .describe('Most days of an account that are read and published together; its reports are in flight together.'),
    isReconciled: z
      .boolean()
      .optional()
      .describe('Compare with the totals of the account. Default: when there are no breakdowns.'),
    reconcileTolerance: z
      .number()
      .min(0)
      .max(1)
      .default(0.001)
      .describe('Share by which sums of a day may differ that is still restated; later days must be equal.'),
    numbers: z
      .enum(['exact', 'text'])
      .default('exact')
      .describe('`text` keeps every number of the platform as the text it sends, in String columns.'),
    hasSubscriptionRevenue: z.boolean().default(false).describe('Add the column subscription_revenue.'),
  })
  .refine(({ fields, hasSubscriptionRevenue: has }) => !has || fields.includes('conversion_values'), {
    path: ['hasSubscriptionRevenue'],
    message: 'needs the field conversion_values',
  });

const reportsSchema = z.strictObject({
  startTimeoutSeconds: z.int().min(1).default(300).describe('Longest time at 0 %.'),
  timeoutSeconds: z.int().min(1).default(3600).describe('Longest time until a report is complete.'),
  maxPollSeconds: z.int().min(1).default(60).describe('Longest time between two looks at a report.'),
  maxRetries: z.int().min(0).max(10).default(2).describe('How often a failed report is submitted again.'),
  retryDelaySeconds: z.number().min(0).default(30).describe('Wait before it is; doubled each time.'),
  maxInFlight: z.int().min(1).max(500).default(50).describe('Most reports of an account at the same time.'),
  pageSize: z.int().min(1).max(5000).default(500).describe('Rows of a page; halved when the platform asks for it.'),
  reattachSeconds: z.int().min(0).default(21_600).describe('How old a report may be that a killed run had submitted.'),
});

const creativesSchema = z.strictObject({
  refresh: z
    .enum(['auto', 'full', 'incremental'])
    .default('auto')
    .describe('`full` reads all in full, `incremental` what changed, `auto` also what was not read for long.'),
  fullAfterDays: z.int().min(1).default(7).describe('After how many days `auto` reads a creative in full again.'),
  pageSize: z.int().min(1).max(5000).default(250).describe('Creatives of a page with all fields; halved on demand.'),
  listPageSize: z.int().min(1).max(5000).default(500).describe('Creatives of a page with light fields.'),
  batchSize: z.int().min(1).max(50).default(50).describe('Creatives of a batch.'),
});

/**
 * For how many days a day has to be read again: until then its rate may not be its last one. After them it is, or
 * today has none that is new enough, and fails.
 */
const FEWEST_DAYS_AGAIN = 8;

const reportingCurrencySchema = z.strictObject({
  currency: z.literal('AED').default('AED').describe('Currency in which all amounts are restated.'),
  ratesBaseUrl: z
    .url({ protocol: /^https?$/ })
    .default('https://data-api.ecb.europa.eu')
    .describe('In the place of the data portal of the European Central Bank.'),
});

/** Options of the Facebook source. */
export const facebookOptionsSchema = z
  .strictObject({
    token: z.string().min(1).describe('Access token with ads_read.'),
    accountIds: z
      .array(accountId)
      .min(1)
      .refine((ids) => new Set(ids).size === ids.length, 'names an account twice')
      .describe('Ad accounts, with or without act_.'),
    managingSystem: z.string().min(1).default('facebook').describe('Value of the column managing_system.'),
    baseUrl: z
      .url({ protocol: /^https?$/ })
      .default('https://graph.facebook.com')
      .describe('In the place of Facebook.'),
    apiVersion: z
      .string()
      .regex(/^v\d+\.\d+$/)
      .default(API_VERSION),
    structurePageSize: z
      .int()
      .min(1)
      .max(5000)
      .default(200)
      .describe('Objects of a page of campaigns, ad sets and ads.'),
    slowDownAt: z
      .number()
      .gt(0)
      .max(1)
      .default(0.9)
      .describe('Share of a quota from which on requests are spaced out.'),
    longestSpacingSeconds: z.number().min(0).default(30),
    insights: insightsSchema.prefault({}),
    reports: reportsSchema.prefault({}),
    creatives: creativesSchema.prefault({}),
    reportingCurrency: reportingCurrencySchema
      .optional()
      .describe(
        'Restate amounts of accounts in GBP, at the daily rates of the European Central Bank, and keep those in AED.',
      ),
  })
  .superRefine(({ insights, reportingCurrency }, context) => {
    if (reportingCurrency === undefined) return;
    for (const option of ['historyDays', 'lookbackDays'] as const) {
      if (insights[option] >= FEWEST_DAYS_AGAIN) continue;
      const message = `has to be ${FEWEST_DAYS_AGAIN} or more with reportingCurrency`;
      context.addIssue({ code: 'custom', path: ['insights', option], message });
    }
  });

/** See {@link facebookOptionsSchema}. */
export type FacebookOptions = z.input<typeof facebookOptionsSchema> & {
  /** Default: the global `fetch`. */
  readonly fetch?: Fetch;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** In [0, 1), for the jitter of retries. Default: `Math.random`. */
  readonly random?: () => number;
};

/** Options with their defaults in place. */
export type ResolvedOptions = z.output<typeof facebookOptionsSchema>;
export type InsightsOptions = ResolvedOptions['insights'];

/** @throws `FACEBOOK_OPTIONS_INVALID` (config), naming options but never their values. */
export function resolveOptions(options: Omit<FacebookOptions, 'fetch' | 'clock' | 'random'>): ResolvedOptions {
  const result = facebookOptionsSchema.safeParse(options);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.') || 'options'}: ${message}`);
  throw new EtlError({
    code: 'FACEBOOK_OPTIONS_INVALID',
    kind: 'config',
    message: `The options of the Facebook source are not valid (${problems.join('; ')}).`,
    hint: 'Compare them with the README of @etl/source-facebook.',
  });
}
