import type { ColumnSpec, Row, StreamSpec } from '@etl/core';
import { randomNumbers } from '../kill/world.ts';

/**
 * A report as an advertising platform serves it: 60 columns, numbers as text, four of them arrays of
 * ten objects, 4.2 KB of JSON a row.
 */
const TEXTS = ['account_name', 'campaign_id', 'campaign_name', 'adset_id', 'adset_name', 'ad_name', 'objective'];
const OPTIONAL_TEXTS = Array.from({ length: 10 }, (_, index) => `ranking_${index}`);
const INTEGERS = ['impressions', 'reach', ...Array.from({ length: 8 }, (_, index) => `clicks_${index}`)];
const DECIMALS = ['spend', 'cpm', 'ctr', ...Array.from({ length: 12 }, (_, index) => `cost_${index}`)];
const RARE = Array.from({ length: 9 }, (_, index) => `rare_${index}`);
const ARRAYS = ['actions', 'action_values', 'conversions', 'cost_per_action_type'];
const KINDS = [
  'link_click',
  'page_engagement',
  'post_engagement',
  'landing_page_view',
  'offsite_conversion.fb_pixel_view_content',
  'offsite_conversion.fb_pixel_add_to_cart',
  'offsite_conversion.fb_pixel_purchase',
  'onsite_web_app_purchase',
  'video_view',
  'omni_initiated_checkout',
];

const decimal = { type: 'decimal', precision: 18, scale: 6, nullable: true } as const;
const text = { type: 'string', nullable: false } as const;

const columns: readonly ColumnSpec[] = [
  { name: 'account_id', ...text },
  { name: 'date_start', type: 'date', nullable: false },
  { name: 'ad_id', ...text },
  { name: 'created_time', type: 'timestamp', nullable: false },
  { name: 'updated_time', type: 'timestamp', nullable: true },
  ...TEXTS.map((name) => ({ name, ...text })),
  ...OPTIONAL_TEXTS.map((name) => ({ name, type: 'string' as const, nullable: true })),
  ...INTEGERS.map((name) => ({ name, type: 'int64' as const, nullable: true })),
  ...DECIMALS.map((name) => ({ name, ...decimal })),
  ...RARE.map((name) => ({ name, ...decimal })),
  ...ARRAYS.map((name) => ({
    name,
    type: 'nested' as const,
    nullable: false,
    fields: [
      { name: 'action_type', ...text },
      { name: 'value', ...decimal },
      { name: '7d_click', ...decimal },
    ],
  })),
];

export const REPORT: StreamSpec = {
  name: 'report',
  columns,
  primaryKey: ['account_id', 'date_start', 'ad_id'],
  writeDisposition: 'merge',
};

/** Pages of JSON text, as they come from the wire. */
export function pagesOf(pages: number, rowsPerPage: number, seed: number): readonly string[] {
  const random = randomNumbers(seed);
  let ad = 0;
  return Array.from({ length: pages }, () =>
    JSON.stringify({
      data: Array.from({ length: rowsPerPage }, () => rowOf((ad += 1), random)),
      paging: { cursors: { before: 'MAZDZD', after: 'MjQZD' } },
    }),
  );
}

export function rowsOf(page: string): readonly Row[] {
  return (JSON.parse(page) as { readonly data: readonly Row[] }).data;
}

function rowOf(ad: number, random: () => number): Row {
  const below = (limit: number): number => Math.floor(random() * limit);
  const money = (): string => (random() * 1000).toFixed(6);
  const row: Record<string, unknown> = {
    account_id: '1234567890',
    date_start: `2026-11-${String(1 + below(28)).padStart(2, '0')}`,
    ad_id: String(23_850_000_000_000_000n + BigInt(ad)),
    created_time: '2026-10-01T12:34:56+0000',
    updated_time: '2026-11-01T08:00:00+0000',
  };
  for (const name of TEXTS) row[name] = `${name} of ad ${below(1_000_000)} · Été`;
  for (const name of OPTIONAL_TEXTS) if (random() < 0.7) row[name] = 'ABOVE_AVERAGE';
  for (const name of INTEGERS) row[name] = String(below(1_000_000));
  for (const name of DECIMALS) row[name] = money();
  for (const name of RARE) if (random() < 0.05) row[name] = money();
  for (const name of ARRAYS) {
    row[name] = KINDS.map((kind) => ({
      action_type: kind,
      value: String(below(500)),
      '7d_click': money().slice(0, 5),
    }));
  }
  return row;
}
