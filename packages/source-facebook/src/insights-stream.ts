import { addDays, dailySlices, defineStream, type ReadRequest, type Slice, type Stream } from '@etl/core';
import type { AdAccounts } from './ad-accounts.ts';
import type { GraphClient } from './graph-client.ts';
import { ADDITIVE_FIELDS, insightKey } from './insight-fields.ts';
import { insightSchema } from './insight-schema.ts';
import { InsightsRead } from './insights-read.ts';
import type { ResolvedOptions } from './options.ts';

/** What the platform keeps of insights (error 3018, "cannot be beyond 37 months"). */
const RETENTION_MONTHS = 37;

/** Daily numbers of an account's ads, or of what the level says. */
export function insightsStream(
  graph: GraphClient,
  accounts: AdAccounts,
  options: ResolvedOptions,
): Stream<Record<string, unknown>> {
  const { insights } = options;
  const isReconciled = insights.isReconciled ?? insights.breakdowns.length === 0;
  const reconciled = isReconciled ? ADDITIVE_FIELDS.filter((field) => insights.fields.includes(field)) : [];
  const reading = { graph, accounts, options, reconciled };
  const stream: Stream<Record<string, unknown>> = defineStream({
    name: 'insights',
    schema: insightSchema(insights),
    primaryKey: [...insightKey(insights.level, insights.breakdowns)],
    writeDisposition: 'replace',
    scope: { keys: ['account_id'], day: 'date_start' },
    windowDays: insights.loadWindowDays,
    gate: { reconcile: reconciled },
    description: 'Daily numbers as the Insights API reports them, in the account’s own days and currency.',
    async slices(request) {
      const all = await Promise.all(options.accountIds.map((id) => accountSlices(id, reading, request)));
      return all.flat();
    },
    read(slice, request) {
      const accountId = String(slice.scope?.equals['account_id']);
      return graph.quotas.remembered(accountId, request, () =>
        new InsightsRead(reading, accountId, request).batches(slice),
      );
    },
  });
  return stream;
}

async function accountSlices(
  id: string,
  { graph, accounts, options }: { graph: GraphClient; accounts: AdAccounts; options: ResolvedOptions },
  request: ReadRequest,
): Promise<readonly Slice[]> {
  const { historyDays, lookbackDays } = options.insights;
  const now = request.now ?? new Date(graph.clock.now());
  // An account that cannot be asked now fails in its own lane when it is read, not all others here.
  const timeZone = await accounts.get(id, request).then(
    (account) => account.timeZone,
    () => 'UTC',
  );
  request.signal?.throwIfAborted();
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
    days: request.days,
  }).filter(({ scope }) => (scope?.days?.start ?? '') >= first);
}
