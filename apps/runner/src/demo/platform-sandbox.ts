import type { Sandbox } from '@etl/sandbox';
import type { PlatformGroup } from '../platform.ts';
import { loadPlatform } from '../registry.ts';
import type { SourceColumn } from './canonical-value.ts';
import type { PlatformClaim } from './platform-claim.ts';

/** One platform of the demo: its group, and what its tables have to hold. */
export interface DemoPlatform {
  readonly platform: 'facebook' | 'esim';
  readonly group: PlatformGroup;
  readonly claims: readonly PlatformClaim[];
  /** What it is about, for people. */
  readonly size: string;
}

const HISTORY_DAYS = 30;
const DAY_MS = 86_400_000;

/** The platforms that have no account to try them with, imitated on this machine. */
export async function startPlatforms(): Promise<Sandbox> {
  const { startSandbox } = await import('@etl/sandbox');
  return startSandbox({
    seed: 'demo',
    platforms: ['facebook', 'esim'],
    accounts: [
      { name: 'Harbour US', currency: 'USD', timeZone: 'America/Los_Angeles' },
      { name: 'Harbour Japan', currency: 'JPY', timeZone: 'Asia/Tokyo' },
    ],
    esim: { historyDays: HISTORY_DAYS, pageRows: 500 },
    facebook: { reports: { steps: 1, hasQuirks: false } },
  });
}

export async function facebookDemo({ facebook, world }: Sandbox): Promise<DemoPlatform> {
  const platform = await loadPlatform('facebook');
  const accountIds = world.accounts.map(({ id }) => id);
  const group = platform.open(
    'd1',
    { token: facebook.token, account_ids: accountIds, base_url: facebook.baseUrl },
    '',
    {
      // The reports of the sandbox are quick and small.
      FB_INSIGHTS_MAX_ASYNC_SLEEP_SECONDS: '1',
      FB_INSIGHTS_WINDOW_DAYS: '31',
    },
  );
  const ofAccounts = <T>(rows: (accountId: string) => readonly T[]): readonly T[] => accountIds.flatMap(rows);
  const objects = (table: string, kind: 'campaigns' | 'adSets' | 'ads' | 'creatives'): PlatformClaim => ({
    table: `fb___${table}`,
    columns: [text('id'), text('account_id'), text('name')],
    rows: () =>
      ofAccounts((accountId) =>
        world[kind](accountId)
          .filter(({ effectiveStatus }) => effectiveStatus !== 'DELETED')
          .map(({ id, name }) => [id, accountId, name]),
      ),
  });
  const since = new Map(accountIds.map((id) => [id, daysBefore(world.today(id), HISTORY_DAYS)]));
  const reportOf = (accountId: string): ReturnType<typeof facebook.insightRows> => {
    return facebook.insightRows(accountId, {
      level: 'ad',
      time_increment: '1',
      time_range: JSON.stringify({ since: since.get(accountId), until: world.today(accountId) }),
      fields: 'account_id,account_currency,ad_id,spend,impressions,clicks,reach,actions',
      action_attribution_windows: JSON.stringify([
        '1d_click',
        '7d_click',
        '28d_click',
        '1d_view',
        '7d_view',
        '28d_view',
      ]),
      filtering: JSON.stringify([{ field: 'ad.effective_status', operator: 'IN', value: STATUSES }]),
    });
  };
  const insights: PlatformClaim = {
    table: 'fb___insights',
    columns: [
      // Not the names: a day that is settled keeps those it was read with.
      ...['account_id', 'date_start', 'ad_id', 'account_currency'].map(text),
      { name: 'spend', type: 'numeric', isArray: false },
      ...['impressions', 'clicks', 'reach'].map(text),
    ],
    rows: () =>
      ofAccounts(reportOf).map((row) => insights.columns.map(({ name }) => (row[name] as string | undefined) ?? null)),
  };
  const actions: PlatformClaim = {
    table: 'fb___insights__actions',
    columns: [text('action_type'), { name: 'value', type: 'numeric', isArray: false }],
    rows: () =>
      ofAccounts(reportOf).flatMap((row) =>
        ((row['actions'] ?? []) as readonly Record<string, string>[]).map((entry) => [
          entry['action_type'] ?? null,
          entry['value'] ?? null,
        ]),
      ),
  };
  return {
    platform: 'facebook',
    group,
    size: `${accountIds.length} ad accounts and currencies`,
    claims: [
      insights,
      actions,
      objects('campaigns', 'campaigns'),
      objects('ad_sets', 'adSets'),
      objects('ads', 'ads'),
      objects('ad_creatives', 'creatives'),
    ],
  };
}

export async function esimDemo({ esim }: Sandbox): Promise<DemoPlatform> {
  const platform = await loadPlatform('esim');
  const group = platform.open('default', {
    base_url: esim.baseUrl,
    api_key: esim.apiKey,
    datasets: {
      orders: { reviewed: ['1.4'], columns: { subtotal_eur: { type: 'decimal(10, 2)' } } },
      users: { drop: ['email', 'first_name', 'ip_address'] },
    },
  });
  const money = (name: string): SourceColumn => ({ name, type: 'numeric', isArray: false });
  const at = (name: string): SourceColumn => ({ name, type: 'timestamptz', isArray: false });
  const dataset = (name: Parameters<typeof esim.rows>[0], columns: readonly SourceColumn[]): PlatformClaim => ({
    table: `esim___${name}`,
    columns,
    rows: () =>
      esim
        .rows(name)
        .map((row) => columns.map((column) => (row[column.name] === null ? null : String(row[column.name])))),
  });
  return {
    platform: 'esim',
    group,
    size: 'five datasets of a manifest',
    claims: [
      dataset('users', [text('id'), text('country'), at('created_at'), at('updated_at')]),
      dataset('user_merges', [text('id'), text('from_user_id'), text('to_user_id'), at('merged_at')]),
      dataset('sessions', [text('id'), text('user_id'), text('page_views'), text('utm_source'), at('updated_at')]),
      dataset('orders', [
        text('id'),
        text('status'),
        money('subtotal_eur'),
        money('profit_eur'),
        at('created_at'),
        at('updated_at'),
      ]),
      dataset('order_line_items', [text('id'), text('order_id'), text('plan'), money('data_gb'), at('created_at')]),
    ],
  };
}

/** Every status: reports have the rows of archived and deleted ads only for who asks for them. */
const STATUSES = [
  'ACTIVE',
  'PAUSED',
  'ARCHIVED',
  'IN_PROCESS',
  'WITH_ISSUES',
  'CAMPAIGN_PAUSED',
  'ADSET_PAUSED',
  'PENDING_REVIEW',
  'DISAPPROVED',
  'PREAPPROVED',
  'PENDING_BILLING_INFO',
  'DELETED',
];

function text(name: string): SourceColumn {
  return { name, type: 'text', isArray: false };
}

function daysBefore(day: string, days: number): string {
  return new Date(Date.parse(day) - days * DAY_MS).toISOString().slice(0, 10);
}
