import type { LoadPackage, Row, Slice, StreamSpec } from '@etl/core';

/** One account's days; every load replaces one day of one account. */
export const SPEND: StreamSpec = {
  name: 'spend',
  columns: [
    { name: 'account', type: 'string', nullable: false },
    { name: 'day', type: 'date', nullable: false },
    { name: 'ad', type: 'int64', nullable: false },
    { name: 'clicks', type: 'int64', nullable: false },
  ],
  primaryKey: ['account', 'day', 'ad'],
  writeDisposition: 'replace',
  scope: { keys: ['account'], day: 'day' },
};

export const DAYS = ['2026-10-31', '2026-11-01', '2026-11-02'] as const;

/** The rows that the `round`-th load of a day brings: fewer each time, so that some have to vanish. */
export function rowsOf(account: string, day: string, round: number): readonly Row[] {
  return Array.from({ length: 40 - round * 3 }, (_, ad) => ({ account, day, ad, clicks: ad + round * 1000 }));
}

/** Writes one round of one account, every day a slice. */
export async function writeRound(load: LoadPackage, account: string, round: number): Promise<void> {
  await load.prepare(SPEND);
  for (const day of DAYS) {
    const rows = rowsOf(account, day, round);
    const slice: Slice = {
      key: `${account}/${day}`,
      scope: { equals: { account }, days: { start: day, end: next(day) } },
    };
    await load.write(SPEND.name, rows);
    await load.publish(SPEND.name, slice, {
      stream: SPEND.name,
      slice: slice.key,
      status: 'good',
      rows: rows.length,
      readAt: new Date().toISOString(),
      attempts: 1,
    });
  }
}

function next(day: string): string {
  return new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
}
