import type { FacebookOptions } from '@etl/source-facebook';
import { z } from 'zod';
import { definePlatform, type Platform } from '../platform.ts';
import { facebookDestination, facebookSettings } from './facebook-variables.ts';

const facebookGroupSchema = z
  .strictObject({
    token: z.string().regex(/^[^\s<>]+$/, 'must be a token, without spaces or angle brackets'),
    account_ids: z
      .array(
        z
          // A number this long has lost its last digits when it is read.
          .string('must be text, in quotation marks')
          .regex(/^(?:act_)?\d+$/, 'must be digits, with or without act_'),
      )
      .min(1, 'names no account')
      .refine((ids) => new Set(ids.map(accountOf)).size === ids.length, 'names an account twice'),
    base_url: z.url({ protocol: /^https?$/ }).optional(),
    reporting_currency: z.literal('AED', 'must be AED').optional(),
    rates_base_url: z.url({ protocol: /^https?$/ }).optional(),
    dataset: z
      .string()
      .regex(/^[a-z_][a-z0-9_]*$/, 'must be lowercase letters, digits and underscores')
      .optional(),
    destination: z.string().min(1).optional(),
  })
  // A setting that is quietly ignored is worse than none.
  .refine((group) => group.rates_base_url === undefined || group.reporting_currency !== undefined, {
    path: ['rates_base_url'],
    message: 'needs reporting_currency',
  });

function accountOf(id: string): string {
  return id.replace(/^act_/, '');
}

function reportingOf(group: z.output<typeof facebookGroupSchema>): Pick<FacebookOptions, 'reportingCurrency'> {
  const { reporting_currency: currency, rates_base_url: ratesBaseUrl } = group;
  if (currency === undefined) return {};
  return { reportingCurrency: { currency, ...(ratesBaseUrl === undefined ? {} : { ratesBaseUrl }) } };
}

interface Family {
  readonly name: string;
  readonly destination: string;
  readonly dataset: string;
  /** Whether conversions and what subscriptions bring are read as well. */
  readonly hasConversions: boolean;
}

/** Facebook ad accounts: one group is one token and its accounts. */
export const facebookPlatform = platformOf({
  name: 'facebook',
  destination: 'clickhouse',
  dataset: 'fb',
  hasConversions: false,
});

export const esimFacebookPlatform = platformOf({
  name: 'esim_facebook',
  destination: 'clickhouse_esim',
  dataset: 'esim_fb',
  hasConversions: false,
});

export const subscriptionFacebookPlatform = platformOf({
  name: 'subscription_facebook',
  destination: 'clickhouse_dashboard',
  dataset: 'subscription_fb',
  hasConversions: true,
});

function platformOf(family: Family): Platform {
  return definePlatform({
    name: family.name,
    groupSchema: facebookGroupSchema,
    accountsOf: (group) => group.account_ids.map(accountOf),
    open: (groupName, group, _suffix, env) => ({
      name: groupName,
      target: {
        destination: group.destination ?? family.destination,
        dataset: group.dataset ?? family.dataset,
      },
      secrets: [group.token],
      ...facebookDestination(env),
      // Objects have no days; what of them has changed comes with the next run.
      backfillStreams: ['insights'],
      async createSource() {
        const { DEFAULT_INSIGHT_FIELDS, facebook } = await import('@etl/source-facebook');
        const settings = facebookSettings(env);
        return facebook({
          ...settings,
          token: group.token,
          accountIds: group.account_ids,
          managingSystem: groupName,
          ...(group.base_url === undefined ? {} : { baseUrl: group.base_url }),
          ...reportingOf(group),
          ...(family.hasConversions
            ? {
                insights: {
                  ...settings.insights,
                  fields: [...DEFAULT_INSIGHT_FIELDS, 'conversions', 'conversion_values'],
                  hasSubscriptionRevenue: true,
                },
              }
            : {}),
        });
      },
    }),
  });
}
