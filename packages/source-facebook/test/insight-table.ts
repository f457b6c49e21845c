import { decimalText } from '@etl/sandbox';
import type { World } from './world.ts';

const DAY_MS = 86_400_000;

export function dayBefore(day: string, days: number): string {
  return new Date(Date.parse(day) - days * DAY_MS).toISOString().slice(0, 10);
}

export function submissions({ sandbox }: World, accountId = '*'): readonly Readonly<Record<string, string>>[] {
  return sandbox.control
    .requests({ method: 'POST', path: `*/act_${accountId}/insights` })
    .map(({ parameters }) => parameters);
}

export function rangeOf(parameters: Readonly<Record<string, string>>): {
  readonly since: string;
  readonly until: string;
} {
  return JSON.parse(parameters['time_range'] ?? '{}') as { since: string; until: string };
}

/** The table of an account: what each ad and day has cost, seen and clicked. */
export function numbers({ store }: World, accountId: string): readonly string[] {
  return store
    .rows('insights')
    .filter((row) => row['account_id'] === accountId)
    .map((row) =>
      [row['date_start'], row['ad_id'], Number(row['spend']), row['impressions'], row['clicks'], row['reach']].join(
        ' ',
      ),
    )
    .toSorted();
}

export function truth({ sandbox }: World, accountId: string, since: string, until: string): readonly string[] {
  return sandbox.world
    .insights({ accountId, since, until, includeRemoved: true })
    .map((row) =>
      [
        row.dateStart,
        row.adId,
        Number(decimalText(row.spendMinor, row.currency)),
        row.impressions,
        row.clicks,
        row.reach,
      ].join(' '),
    )
    .toSorted();
}
