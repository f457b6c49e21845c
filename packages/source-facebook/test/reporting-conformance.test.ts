import type { Row, Slice } from '@etl/core';
import { startSandbox, type Fault, type Sandbox } from '@etl/sandbox';
import { describeSource, HastyClock, type SourceFault } from '@etl/testing';
import { productOf, quotientOf } from '../src/exact-arithmetic.ts';
import { facebook } from '../src/index.ts';
import { sdkTransport } from '../src/sdk-transport.ts';
import { dayBefore } from './insight-table.ts';
import { spendOf } from './reporting-world.ts';
import { emptyAccount } from './world.ts';

const TODAY = '2026-03-31';

// Of the bank; what Facebook does to its readers is in the suite without the option.
const FAULTS: readonly (SourceFault & { readonly fault: Fault })[] = [
  { name: 'HTML with 200', kinds: ['data'], fault: { kind: 'html', status: 200 } },
  { name: 'half a body as if whole', kinds: ['transient', 'data'], fault: { kind: 'cut-json' } },
  { name: 'refused', kinds: ['transient'], fault: { kind: 'status', status: 403 } },
];

const FULL = 1e9;

describeSource('the Facebook source with amounts restated', async () => {
  const sandbox = await startSandbox({
    seed: 'conformance',
    platforms: ['facebook', 'ecb'],
    accounts: [{ currency: 'GBP', timeZone: 'Europe/London' }],
    size: { campaignsPerAccount: 2, adSetsPerCampaign: 1, adsPerAdSet: 2 },
    // Later than what is read, so that the bank has rates for whoever reads later.
    now: new Date('2026-04-20T16:00:00Z'),
    facebook: {
      budgets: {
        appCallsPerHour: FULL,
        accountPointsPer5Minutes: FULL,
        insightsCallsPerHour: FULL,
        managementCallsPerHour: FULL,
      },
      reports: { steps: 0, hasQuirks: false },
    },
  });
  const { control, world } = sandbox;
  const { baseUrl, token } = sandbox.facebook;
  const [{ id: accountId } = { id: '' }] = world.accounts;
  const now = new Date(`${TODAY}T16:00:00Z`);
  const clock = new HastyClock({ now, longMs: 120_000 });
  let [open, requests, strangers] = [0, 0, 0];
  const sdk = sdkTransport(token);
  const counted: typeof fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    open += 1;
    requests += 1;
    if (!url.startsWith(baseUrl) && !url.startsWith(sandbox.ecb.baseUrl)) strangers += 1;
    try {
      return await (url.startsWith(baseUrl) ? sdk : fetch)(input, init);
    } finally {
      open -= 1;
    }
  };
  const source = (given: string) =>
    facebook({
      token: given,
      accountIds: [accountId],
      baseUrl,
      clock,
      random: () => 0,
      fetch: counted,
      insights: { historyDays: 8, lookbackDays: 8, fields: ['spend', 'impressions', 'action_values'] },
      reportingCurrency: { ratesBaseUrl: sandbox.ecb.baseUrl },
    });
  return {
    now,
    createSource: () => source(token),
    createUnauthorizedSource: () => source('a token that nobody issued'),
    truth: (stream, slice) => truthOf(sandbox, stream, slice, accountId),
    faults: FAULTS,
    inject({ name }, request) {
      control.clearFaults();
      const { fault } = FAULTS.find((one) => one.name === name) ?? {};
      if (fault === undefined) throw new Error(`no fault ${name}`);
      control.fault({ ...fault, after: request - 1, match: { platform: 'ecb' } });
      return () => control.faults().some(({ met }) => met > 0);
    },
    requests: () => requests,
    openRequests: () => open,
    strangers: () => strangers,
    secrets: [token],
    // The account, the rates, and for each of nine days: a report, three looks, two pages, the totals; four lists.
    requestBudget: 2 + 9 * 7 + 4 + 8,
    restate() {
      control.restate({ accountId, since: TODAY });
      return { now, stream: 'insights', slice: TODAY };
    },
    addUnknownFields: () => void control.fault({ kind: 'unknown-field', times: 100_000 }),
    empty: () => emptyAccount(sandbox, accountId),
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
});

function truthOf(sandbox: Sandbox, stream: string, slice: Slice, accountId: string): readonly Row[] {
  const { world, ecb } = sandbox;
  const effective = (day: string): string => (ecb.ratesOf(day)?.USD === undefined ? effective(dayBefore(day, 1)) : day);
  const rateOf = (day: string): string => {
    const { USD: usd = '', GBP: gbp = '' } = ecb.ratesOf(effective(day)) ?? {};
    return quotientOf(productOf(usd, '3.6725'), gbp, 10);
  };
  if (stream === 'insights') {
    const day = slice.scope?.days?.start ?? '';
    return world.insights({ accountId, since: day, until: day, includeRemoved: true }).map((row) => ({
      account_id: accountId,
      date_start: day,
      ad_id: row.adId,
      spend: productOf(spendOf(row), rateOf(day), 6),
      spend_source: spendOf(row),
      fx_rate_to_aed: rateOf(day),
      fx_effective_date: effective(day),
      fx_rate_status: effective(day) === day ? 'exact' : 'carried',
      impressions: String(row.impressions),
      account_currency: row.currency,
    }));
  }
  if (stream === 'fx_daily_rates') {
    const days = Array.from({ length: 9 }, (_, index) => dayBefore(TODAY, index));
    return days.map((day) => ({ requested_date: day, effective_date: effective(day), rate: rateOf(day) }));
  }
  const objects = {
    campaigns: world.campaigns(accountId),
    ad_sets: world.adSets(accountId),
    ads: world.ads(accountId),
    ad_creatives: world.creatives(accountId),
  }[stream];
  const stamp = ['campaigns', 'ad_sets'].includes(stream) ? { fx_rate_to_aed: rateOf(TODAY) } : {};
  return (objects ?? [])
    .filter(({ effectiveStatus }) => effectiveStatus !== 'DELETED')
    .map(({ id, name }) => ({ id, name, account_id: accountId, ...stamp }));
}
