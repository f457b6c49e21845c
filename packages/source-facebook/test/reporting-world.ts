import { decimalText, type AdInsight, type SandboxOptions } from '@etl/sandbox';
import { productOf, quotientOf } from '../src/exact-arithmetic.ts';
import type { FacebookOptions } from '../src/index.ts';
import { dayBefore } from './insight-table.ts';
import { startWorld, type World } from './world.ts';

/** Accounts in pounds and in dirhams, and the bank that says what a pound is worth. */
export interface ReportingWorld extends World {
  readonly pounds: string;
  readonly dirhams: string;
  readonly reporting: Partial<FacebookOptions>;
  /** Rows of the table of an account, by day and ad. */
  insights(accountId: string): ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  /** What the platform has of the last days, by day and ad. */
  truth(accountId: string, days?: number): ReadonlyMap<string, AdInsight>;
  /** First days of what the bank was asked for. */
  askedOfBank(): readonly string[];
}

export const DAYS = 12;

export async function startReportingWorld(options: SandboxOptions = {}): Promise<ReportingWorld> {
  const world = await startWorld({
    platforms: ['facebook', 'ecb'],
    accounts: [
      { currency: 'GBP', timeZone: 'Europe/London' },
      { currency: 'AED', timeZone: 'Asia/Dubai' },
    ],
    size: { campaignsPerAccount: 2, adSetsPerCampaign: 2, adsPerAdSet: 2 },
    facebook: { reports: { steps: 0, hasQuirks: false } },
    ...options,
  });
  const { sandbox, store } = world;
  const [pounds = '', dirhams = ''] = world.accountIds;
  return {
    ...world,
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
    pounds,
    dirhams,
    reporting: {
      accountIds: [pounds, dirhams],
      insights: { historyDays: DAYS, lookbackDays: 8 },
      reportingCurrency: { ratesBaseUrl: sandbox.ecb.baseUrl },
    },
    insights: (accountId) =>
      new Map(
        store
          .rows('insights')
          .filter((row) => row['account_id'] === accountId)
          .map((row) => [`${String(row['date_start'])} ${String(row['ad_id'])}`, row]),
      ),
    truth(accountId, days = DAYS) {
      const until = sandbox.world.today(accountId);
      const since = dayBefore(until, days);
      const rows = sandbox.world.insights({ accountId, since, until, includeRemoved: true });
      return new Map(rows.map((row) => [`${row.dateStart} ${String(row.adId)}`, row]));
    },
    askedOfBank: () =>
      sandbox.control.requests({ platform: 'ecb' }).map(({ parameters }) => parameters['startPeriod'] ?? ''),
  };
}

export function spendOf({ spendMinor, currency }: AdInsight): string {
  return decimalText(spendMinor, currency);
}

export const STAMPS = [
  'source_currency',
  'reporting_currency',
  'fx_rate_to_aed',
  'fx_requested_date',
  'fx_effective_date',
  'fx_rate_status',
];

/** What the bank says a pound is worth on a day, looked up as a person would. */
export function rateOn({ sandbox }: ReportingWorld, day: string): { readonly rate: string; readonly of: string } {
  for (let of = day; ; of = dayBefore(of, 1)) {
    const { USD: usd, GBP: gbp } = sandbox.ecb.ratesOf(of) ?? {};
    if (usd !== undefined && gbp !== undefined) return { rate: quotientOf(productOf(usd, '3.6725'), gbp, 10), of };
  }
}

/** How a row says that it was restated. */
export function stamps(row: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> {
  return Object.fromEntries(STAMPS.map((name) => [name, row?.[name]]));
}
