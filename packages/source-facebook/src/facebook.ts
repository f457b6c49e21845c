import { defineSource, type Source } from '@etl/core';
import { AdAccounts } from './ad-accounts.ts';
import { checkSource } from './check-source.ts';
import { creativesStream } from './creatives-stream.ts';
import { adSchema, adSetSchema, campaignSchema } from './entity-schemas.ts';
import { entityStream } from './entity-stream.ts';
import { GraphClient } from './graph-client.ts';
import { insightsStream } from './insights-stream.ts';
import { STATUSES } from './object-statuses.ts';
import { resolveOptions, type FacebookOptions } from './options.ts';

/**
 * Facebook ad accounts as a source: insights first, then campaigns, ad sets, ads and creatives.
 *
 * @throws `FACEBOOK_OPTIONS_INVALID` (config)
 */
export function facebook(given: FacebookOptions): Source {
  const { fetch, clock, random, ...plain } = given;
  const options = resolveOptions(plain);
  const graph = new GraphClient(options, {
    ...(fetch === undefined ? {} : { fetch }),
    ...(clock === undefined ? {} : { clock }),
    ...(random === undefined ? {} : { random }),
  });
  const accounts = new AdAccounts(graph);
  const { structurePageSize: pageSize } = options;
  const streams = {
    insights: insightsStream(graph, accounts, options),
    campaigns: entityStream(graph, options, {
      name: 'campaigns',
      edge: 'campaigns',
      schema: campaignSchema,
      pageSize,
      statuses: STATUSES.campaign,
    }),
    adSets: entityStream(graph, options, {
      name: 'ad_sets',
      edge: 'adsets',
      schema: adSetSchema,
      pageSize,
      statuses: STATUSES.adset,
    }),
    ads: entityStream(graph, options, { name: 'ads', edge: 'ads', schema: adSchema, pageSize, statuses: STATUSES.ad }),
    adCreatives: creativesStream(graph, options),
  };
  return defineSource({
    name: 'facebook',
    streams,
    check: (call) => checkSource(graph, accounts, options, call),
  });
}
