import { defineSource, type Source } from '@etl/core';
import { AdAccounts } from './ad-accounts.ts';
import { checkSource } from './check-source.ts';
import { creativesStream } from './creatives-stream.ts';
import { adSchema, adSetSchema, campaignSchema } from './entity-schemas.ts';
import { entityStream } from './entity-stream.ts';
import { EuroRatesClient } from './euro-rates.ts';
import { fxDailyRatesStream } from './fx-daily-rates-stream.ts';
import { GraphClient } from './graph-client.ts';
import { insightsStream } from './insights-stream.ts';
import { STATUSES } from './object-statuses.ts';
import { ReportingRates } from './reporting-rates.ts';
import { resolveOptions, type FacebookOptions } from './options.ts';

/**
 * Facebook ad accounts as a source: insights first, then campaigns, ad sets, ads and creatives; with a reporting
 * currency, the rates that it took at last.
 *
 * @throws `FACEBOOK_OPTIONS_INVALID` (config)
 */
export function facebook(given: FacebookOptions): Source {
  const { fetch, clock, random, ...plain } = given;
  const options = resolveOptions(plain);
  const parts = {
    ...(fetch === undefined ? {} : { fetch }),
    ...(clock === undefined ? {} : { clock }),
    ...(random === undefined ? {} : { random }),
  };
  const graph = new GraphClient(options, parts);
  const accounts = new AdAccounts(graph);
  const { structurePageSize: pageSize, reportingCurrency } = options;
  const rates =
    reportingCurrency === undefined
      ? undefined
      : new ReportingRates(new EuroRatesClient(reportingCurrency.ratesBaseUrl, parts), accounts, graph.clock);
  const streams = {
    insights: insightsStream(graph, accounts, options, rates),
    campaigns: entityStream(
      graph,
      options,
      {
        name: 'campaigns',
        edge: 'campaigns',
        schema: campaignSchema,
        pageSize,
        amounts: ['daily_budget', 'lifetime_budget'],
        statuses: STATUSES.campaign,
      },
      rates,
    ),
    adSets: entityStream(
      graph,
      options,
      {
        name: 'ad_sets',
        edge: 'adsets',
        schema: adSetSchema,
        pageSize,
        amounts: ['daily_budget', 'lifetime_budget', 'bid_amount'],
        statuses: STATUSES.adset,
      },
      rates,
    ),
    ads: entityStream(graph, options, { name: 'ads', edge: 'ads', schema: adSchema, pageSize, statuses: STATUSES.ad }),
    adCreatives: creativesStream(graph, options),
    ...(rates === undefined ? {} : { fxDailyRates: fxDailyRatesStream(rates, options) }),
  };
  return defineSource({
    name: 'facebook',
    streams,
    check: (call) => checkSource({ graph, accounts, options, rates }, call),
  });
}
