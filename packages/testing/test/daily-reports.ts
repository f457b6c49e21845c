import {
  addDays,
  dailySlices,
  defineSource,
  defineStream,
  EtlError,
  runPipeline,
  type PipelineEvent,
  type PipelineOptions,
  type PipelineReport,
  type SliceGate,
} from '@etl/core';
import { z } from 'zod';
import { memoryDestination } from '../src/index.ts';

export const reportSchema = z.object({ account_id: z.string(), day: z.iso.date(), ad_id: z.string(), clicks: z.int() });

interface WorldOptions {
  readonly accounts?: readonly string[];
  readonly windowDays?: number;
  readonly gate?: SliceGate;
}

/** Accounts with a daily report each; what it holds, what fails and who reads when are the test's. */
export function world({ accounts = ['1'], windowDays = 4, gate }: WorldOptions = {}) {
  const clicks = new Map<string, readonly number[]>();
  const failing = new Map<string, EtlError>();
  const calls: string[] = [];
  const totals = new Map<string, string>();
  const flags: string[] = [];
  let reading = 0;
  const most = { reading: 0 };
  const report = defineStream({
    name: 'report',
    schema: reportSchema,
    primaryKey: ['account_id', 'day', 'ad_id'],
    writeDisposition: 'replace',
    scope: { keys: ['account_id'], day: 'day' },
    windowDays,
    ...(gate === undefined ? {} : { gate }),
    slices: ({ now = new Date(), days }) =>
      accounts.flatMap((id) =>
        dailySlices({
          account: { column: 'account_id', id },
          timeZone: 'UTC',
          now,
          historyDays: 6,
          lookbackDays: 2,
          days,
        }),
      ),
    async *read(slice) {
      const { start = '', end = '' } = slice.scope?.days ?? {};
      const account = String(slice.scope?.equals['account_id']);
      calls.push(`${account} ${start}…${addDays(end, -1)}`);
      reading += 1;
      most.reading = Math.max(most.reading, reading);
      try {
        await new Promise(setImmediate);
        for (let day = start; day < end; day = addDays(day, 1)) {
          const failure = failing.get(`${account} ${day}`) ?? failing.get(account);
          if (failure !== undefined) throw failure;
          const rows = (clicks.get(`${account} ${day}`) ?? [1]).map((count, ad) => ({
            account_id: account,
            day,
            ad_id: `ad ${ad}`,
            clicks: count,
          }));
          const total = totals.get(day);
          yield { rows, flags, ...(total === undefined ? {} : { expected: { sums: { clicks: total } } }) };
        }
      } finally {
        reading -= 1;
      }
    },
  });
  const source = defineSource({ name: 'test', streams: { report }, check: async () => undefined });
  const destination = memoryDestination();
  const events: PipelineEvent[] = [];
  let ticks = 0;
  const run = (day: string, options: Partial<PipelineOptions> = {}): Promise<PipelineReport> => {
    calls.length = 0;
    return runPipeline({
      name: 'p',
      source,
      destination,
      now: () => new Date(Date.parse(`${day}T12:00:00Z`) + (ticks += 1)),
      onEvent: (event) => events.push(event),
      ...options,
    });
  };
  const ledger = () => [...(destination.store.ledger.get('p')?.values() ?? [])];
  const days = (): readonly string[] =>
    destination.store
      .rows('report')
      .map((row) => ['account_id', 'day', 'clicks'].map((name) => String(row[name])).join(' '));
  return { source, clicks, failing, calls, totals, flags, most, destination, events, run, ledger, days };
}

export const error = (kind: EtlError['kind'], code = 'TEST_FAILED'): EtlError =>
  new EtlError({ code, kind, message: 'The report failed.' });
