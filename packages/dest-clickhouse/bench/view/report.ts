import type { Row, Slice, StreamSpec } from '@etl/core';

/** A report of one account; every load brings its last days again. */
const DAYS = 120;
const FIRST_DAY = Date.parse('2026-01-01');

const text = { type: 'string', nullable: false } as const;
const integer = { type: 'int64', nullable: false } as const;
const money = { type: 'decimal', precision: 18, scale: 6, nullable: false } as const;

export const REPORT: StreamSpec = {
  name: 'report',
  columns: [
    { name: 'account', ...text },
    { name: 'day', type: 'date', nullable: false },
    { name: 'ad', ...integer },
    { name: 'campaign', ...text },
    { name: 'country', ...text },
    { name: 'impressions', ...integer },
    { name: 'clicks', ...integer },
    { name: 'purchases', ...integer },
    { name: 'spend', ...money },
    { name: 'revenue', ...money },
  ],
  primaryKey: ['account', 'day', 'ad'],
  writeDisposition: 'replace',
  scope: { keys: ['account'], day: 'day' },
};

/** The first months whole, and the last one. */
export const LAST_MONTH = { start: '2026-04-01', end: '2026-05-01' };

export function sliceOf(days: number): Slice {
  return {
    key: `last ${days} days`,
    scope: { equals: { account: 'account' }, days: { start: dayOf(DAYS - days), end: dayOf(DAYS) } },
  };
}

export function fillStatement(raw: string, rows: number): string {
  const ofRow = {
    account: "'account'",
    day: `toDate32('${dayOf(0)}') + intDiv(number * ${DAYS}, ${rows})`,
    ad: 'toInt64(number)',
    campaign: "concat('campaign ', toString(number % 500))",
    country: "concat('country ', toString(number % 50))",
    impressions: 'toInt64(number * 7 % 100000)',
    clicks: 'toInt64(number * 3 % 1000)',
    purchases: 'toInt64(number % 10)',
    spend: 'toDecimal64(number * 11 % 100000, 6)',
    revenue: 'toDecimal64(number * 13 % 100000, 6)',
  };
  return (
    `INSERT INTO ${raw} (${Object.keys(ofRow).join(', ')}, _etl_version, _etl_deleted, _etl_load_id) ` +
    `SELECT ${Object.values(ofRow).join(', ')}, toUInt128(number), 0, 'fill-0' FROM numbers(${rows})`
  );
}

/** The rows of the last days in load `load`; every 25th has vanished, another one each time. */
export function rowsOf(rows: number, days: number, load: number): readonly Row[] {
  const from = Math.ceil(((DAYS - days) * rows) / DAYS);
  return Array.from({ length: rows - from }, (_, index) => from + index)
    .filter((ad) => (ad + load) % 25 !== 0)
    .map((ad) => ({
      account: 'account',
      day: dayOf(Math.floor((ad * DAYS) / rows)),
      ad,
      campaign: `campaign ${ad % 500}`,
      country: `country ${ad % 50}`,
      impressions: (ad * 7 + load) % 100_000,
      clicks: (ad * 3 + load) % 1000,
      purchases: ad % 10,
      spend: String((ad * 11 + load) % 100_000),
      revenue: String((ad * 13 + load) % 100_000),
    }));
}

function dayOf(offset: number): string {
  return new Date(FIRST_DAY + offset * 86_400_000).toISOString().slice(0, 10);
}
