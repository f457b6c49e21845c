import type { Fetch } from '@etl/core/http';
import { expect, test } from 'vitest';
import { startWorld, type World } from './world.ts';

type ReportRow = Record<string, unknown> & { date_start: string; impressions: string };

/** Changes the rows of reports on their way, and nothing else. */
function changing(change: (rows: ReportRow[]) => void): Fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    const { pathname } = new URL(input instanceof Request ? input.url : String(input));
    if (!/\/62\d+\/insights$/.test(pathname)) return response;
    const page = (await response.json()) as { data?: ReportRow[] };
    change((page.data ?? []).filter(({ impressions }) => impressions !== undefined));
    return Response.json(page, { status: response.status, headers: { 'content-type': 'application/json' } });
  };
}

function daysBeforeToday(world: World): readonly [first: string, second: string] {
  const [accountId = ''] = world.accountIds;
  const today = Date.parse(world.sandbox.world.today(accountId));
  const day = (ago: number): string => new Date(today - ago * 86_400_000).toISOString().slice(0, 10);
  return [day(2), day(1)];
}

test('numbers that are of another day are found, although all days together add up', async () => {
  await using world = await startWorld();
  const [first, second] = daysBeforeToday(world);
  const shifted = changing((rows) => {
    for (const [day, more] of [
      [first, -1],
      [second, 1],
    ] as const) {
      const row = rows.find(({ date_start: start }) => start === day);
      if (row !== undefined) row.impressions = String(Number(row.impressions) + more);
    }
  });
  const insights = { historyDays: 2, lookbackDays: 2, reconcileTolerance: 0 };
  const options = { accountIds: world.accountIds.slice(0, 1), insights, fetch: shifted };
  const report = await world.run(options, { streams: ['insights'] });
  expect(report.failures.map(({ slice, error }) => `${String(slice)} ${error.code}`).toSorted()).toEqual(
    [first, second].map((day) => expect.stringMatching(new RegExp(`${day} SLICE_SUM_DIFFERS`))),
  );
});
