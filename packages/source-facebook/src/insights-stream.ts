import { addDays, dailySlices, defineStream, type Slice, type Stream } from '@etl/core';
import { AccountDays, type PlannedDays } from './account-days.ts';
import type { AdAccounts } from './ad-accounts.ts';
import type { GraphClient } from './graph-client.ts';
import { ADDITIVE_FIELDS, insightKey } from './insight-fields.ts';
import { insightSchema } from './insight-schema.ts';
import { InsightsRead } from './insights-read.ts';
import type { ResolvedOptions } from './options.ts';
import type { ReportingRates } from './reporting-rates.ts';
import { reconciledColumn } from './account-totals.ts';

/** What the platform keeps of insights (error 3018, "cannot be beyond 37 months"). */
const RETENTION_MONTHS = 37;

/** Daily numbers of an account's ads, or of what the level says. */
export function insightsStream(
  graph: GraphClient,
  accounts: AdAccounts,
  options: ResolvedOptions,
  rates?: ReportingRates,
): Stream<Record<string, unknown>> {
  const { insights } = options;
  const isReconciled = insights.isReconciled ?? insights.breakdowns.length === 0;
  const reconciled = isReconciled ? ADDITIVE_FIELDS.filter((field) => insights.fields.includes(field)) : [];
  const isRestated = rates !== undefined;
  const reading = { graph, accounts, options, reconciled, rates };
  const planner = new AccountDays(accounts, graph.clock);
  const stream: Stream<Record<string, unknown>> = defineStream({
    name: 'insights',
    schema: insightSchema(insights, isRestated),
    primaryKey: [...insightKey(insights.level, insights.breakdowns)],
    writeDisposition: 'replace',
    scope: { keys: ['account_id'], day: 'date_start' },
    windowDays: insights.loadWindowDays,
    gate: { reconcile: reconciled.map((field) => reconciledColumn(field, isRestated)) },
    description:
      'Daily numbers as the Insights API reports them, in the account’s own days and currency, or restated in another.',
    async slices(request) {
      const all = await Promise.all(
        options.accountIds.map(async (id) => accountSlices(id, options, await planner.plannedIn(id, request))),
      );
      const slices = all.flat();
      const days = slices.flatMap(({ scope }) => scope?.days?.start ?? []);
      rates?.planned('insights', days, { isBackfill: request.days !== undefined });
      return slices;
    },
    read(slice, request) {
      const accountId = String(slice.scope?.equals['account_id']);
      return graph.quotas.remembered(accountId, request, async function* read() {
        await planner.requirePlanned(accountId, request);
        yield* new InsightsRead(reading, accountId, request).batches(slice);
      });
    },
  });
  return stream;
}

function accountSlices(
  id: string,
  { insights: { historyDays, lookbackDays } }: ResolvedOptions,
  { timeZone, now, days }: PlannedDays,
): readonly Slice[] {
  const oldest = new Date(now);
  oldest.setUTCMonth(oldest.getUTCMonth() - RETENTION_MONTHS);
  const first = addDays(oldest.toISOString().slice(0, 10), 1);
  return dailySlices({
    account: { column: 'account_id', id },
    timeZone,
    now,
    historyDays,
    lookbackDays,
    includesToday: true,
    days,
  }).filter(({ scope }) => (scope?.days?.start ?? '') >= first);
}
