import type { Row, Slice } from '@etl/core';
import { decimalText, startSandbox, type Fault, type Sandbox } from '@etl/sandbox';
import { describeSource, HastyClock, type SourceFault } from '@etl/testing';
import { facebook } from '../src/index.ts';
import { sdkTransport } from '../src/sdk-transport.ts';
import { emptyAccount } from './world.ts';

const FAULTS: readonly (SourceFault & { readonly fault: Fault })[] = [
  { name: 'reset', kinds: ['transient'], fault: { kind: 'reset' } },
  { name: 'HTML with 200', kinds: ['transient', 'data'], fault: { kind: 'html', status: 200 } },
  { name: 'empty', kinds: ['transient'], fault: { kind: 'empty' } },
  { name: 'body cut short', kinds: ['transient', 'data'], fault: { kind: 'truncated' } },
  { name: 'half a body as if whole', kinds: ['transient', 'data'], fault: { kind: 'cut-json' } },
  {
    name: '429 with Retry-After',
    kinds: ['rate-limit'],
    fault: { kind: 'status', status: 429, headers: { 'retry-after': '2' } },
  },
  { name: 'quota used', kinds: ['rate-limit'], fault: { kind: 'graph-error', code: 17, subcode: 2_446_079 } },
  { name: 'token expired', kinds: ['auth'], fault: { kind: 'graph-error', code: 190, subcode: 463 } },
  { name: 'too much data', kinds: ['data'], fault: { kind: 'too-much-data', form: 'reduce' } },
  { name: 'repeated cursor', kinds: ['data'], fault: { kind: 'repeated-cursor' } },
  { name: 'report failed', kinds: ['transient'], fault: { kind: 'job-failed' } },
  { name: 'report unreadable', kinds: ['transient'], fault: { kind: 'job-unreadable' } },
  { name: 'batch timed out', kinds: ['transient'], fault: { kind: 'batch-timeout' } },
];

const FULL = 1e9;
const unlimited = {
  appCallsPerHour: FULL,
  accountPointsPer5Minutes: FULL,
  insightsCallsPerHour: FULL,
  managementCallsPerHour: FULL,
};

describeSource('the Facebook source', async () => {
  const sandbox = await startSandbox({
    seed: 'conformance',
    platforms: ['facebook'],
    accounts: [{ currency: 'USD', timeZone: 'America/Los_Angeles' }],
    size: { campaignsPerAccount: 2, adSetsPerCampaign: 1, adsPerAdSet: 2 },
    facebook: { budgets: unlimited, reports: { steps: 2, hasQuirks: false } },
  });
  const { control, world } = sandbox;
  const { baseUrl, token } = sandbox.facebook;
  const [{ id: accountId } = { id: '' }] = world.accounts;
  const clock = new HastyClock({ now: Date.parse(control.now()), longMs: 120_000 });
  let [open, requests, strangers] = [0, 0, 0];
  const transport = sdkTransport(token);
  const counted: typeof fetch = async (input, init) => {
    open += 1;
    requests += 1;
    if (!(input instanceof Request ? input.url : String(input)).startsWith(baseUrl)) strangers += 1;
    try {
      return await transport(input, init);
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
      insights: { historyDays: 1, lookbackDays: 2 },
    });
  return {
    now: new Date(control.now()),
    createSource: () => source(token),
    createUnauthorizedSource: () => source('a token that nobody issued'),
    truth: (stream, slice) => truthOf(sandbox, stream, slice, accountId),
    faults: FAULTS,
    inject({ name }, request) {
      control.clearFaults();
      const { fault } = FAULTS.find((one) => one.name === name) ?? {};
      if (fault === undefined) throw new Error(`no fault ${name}`);
      control.fault({ ...fault, after: request - 1 });
      return () => control.faults().some(({ met }) => met > 0);
    },
    requests: () => requests,
    openRequests: () => open,
    strangers: () => strangers,
    secrets: [token],
    // The account, and for each of two days: two reports, three looks, two pages, the totals; four lists.
    requestBudget: 1 + 2 * 8 + 4 + 8,
    restate() {
      control.restate({ accountId, since: world.today(accountId) });
      return { now: new Date(control.now()), stream: 'insights', slice: world.today(accountId) };
    },
    addUnknownFields: () => void control.fault({ kind: 'unknown-field', times: 100_000 }),
    empty: () => emptyAccount(sandbox, accountId),
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
});

function truthOf({ world }: Sandbox, stream: string, slice: Slice, accountId: string): readonly Row[] {
  if (stream === 'insights') {
    const day = slice.scope?.days?.start ?? '';
    return world.insights({ accountId, since: day, until: day, includeRemoved: true }).map((row) => ({
      account_id: accountId,
      date_start: day,
      ad_id: row.adId,
      spend: decimalText(row.spendMinor, row.currency),
      impressions: String(row.impressions),
      clicks: String(row.clicks),
      reach: String(row.reach),
      account_currency: row.currency,
    }));
  }
  const objects = {
    campaigns: world.campaigns(accountId),
    ad_sets: world.adSets(accountId),
    ads: world.ads(accountId),
    ad_creatives: world.creatives(accountId),
  }[stream];
  return (objects ?? [])
    .filter(({ effectiveStatus }) => effectiveStatus !== 'DELETED')
    .map(({ id, name }) => ({ id, name, account_id: accountId }));
}
