import {
  addDays,
  dailySlices,
  daysOf,
  defineSource,
  defineStream,
  EtlError,
  findState,
  type Row,
  type Slice,
  type Source,
  type SourceMessage,
  type SourceReadRequest,
  type Stream,
  type StreamSlices,
} from '@etl/core';
import { z } from 'zod';
import type { CrashStep } from './crash-step.ts';
import type { CrashWorld } from './crash-world.ts';

const FIRST_DAY = '2026-11-01';
/** Days after which the platform restates a day no more. */
const LOOKBACK_DAYS = 2;
const PAGE = 2;

const schema = z.object({ account_id: z.string(), day: z.iso.date(), ad_id: z.string(), spend: z.int() });
type ReportRow = z.output<typeof schema>;

const EVENTS: StreamSlices = {
  stream: {
    name: 'events',
    columns: [{ name: 'id', type: 'int64', nullable: false }],
    primaryKey: ['id'],
    writeDisposition: 'append',
  },
  slices: [{ key: 'all' }],
};

/**
 * Daily reports of accounts that are restated until they are settled, and a list of events that is
 * read from a cursor and only added to.
 */
export class ReportWorld implements CrashWorld {
  readonly streams;
  readonly #insights: Stream<ReportRow>;
  readonly #rows = new Map<string, ReportRow>();
  #accounts = 1;
  #events = 0;
  #failing: string | undefined;
  /** Whole days since the first; the clock stands at noon. */
  #today = 3;
  #minutes = 0;
  #settledReads = 0;

  constructor() {
    this.#insights = this.#stream();
    this.streams = [this.#insights.spec, EVENTS.stream];
    // Days that are settled when they are read first: whoever skips them is not forgiven by a later run.
    for (const account_id of ['0', '1'])
      for (const offset of [0, 1, 2])
        this.#set({ account_id, day: addDays(FIRST_DAY, offset), ad_id: 'old', spend: 1 });
  }

  readonly now = (): Date => {
    this.#minutes += 1;
    return new Date(Date.parse(`${addDays(FIRST_DAY, this.#today)}T12:00:00Z`) + this.#minutes * 1000);
  };

  get backfill(): { readonly start: string; readonly end: string } {
    return { start: FIRST_DAY, end: addDays(FIRST_DAY, 3) };
  }

  apply({ changes, days, accounts, events, failingDay }: CrashStep): void {
    this.#today += days;
    this.#minutes = 0;
    this.#accounts = Math.max(this.#accounts, accounts);
    this.#events += events;
    this.#failing = failingDay === null ? undefined : addDays(FIRST_DAY, failingDay);
    for (const { table: account, id, day: offset, value } of changes) {
      // Only what is not settled changes: the newest day first.
      const day = addDays(FIRST_DAY, this.#today - 1 - (offset % LOOKBACK_DAYS));
      const row = { account_id: String(account), day, ad_id: String(id), spend: value ?? 0 };
      if (value === null) this.#rows.delete(keyOf(row));
      else this.#set(row);
    }
  }

  #set(row: ReportRow): void {
    this.#rows.set(keyOf(row), row);
  }

  heal(): void {
    this.#failing = undefined;
  }

  truth(stream: string): readonly Row[] {
    if (stream === 'events') return Array.from({ length: this.#events }, (_, index) => ({ id: index + 1 }));
    return [...this.#rows.values()].filter(({ account_id }) => Number(account_id) < this.#accounts);
  }

  takeNeedlessReads(): number {
    const needless = this.#settledReads;
    this.#settledReads = 0;
    return needless;
  }

  createSource(): Source {
    const daily = defineSource({
      name: 'reports',
      streams: { insights: this.#insights },
      check: async () => undefined,
    });
    const readEvents = this.#readEvents.bind(this);
    return {
      ...daily,
      discover: async () => this.streams,
      plan: async (request) => [...((await daily.plan?.(request)) ?? []), EVENTS],
      async *read(request = {}) {
        yield* daily.read(request);
        if ((request.slices?.['events'] ?? []).length > 0) yield* readEvents(request);
      },
    };
  }

  #stream(): Stream<ReportRow> {
    return defineStream({
      name: 'insights',
      schema,
      primaryKey: ['account_id', 'day', 'ad_id'],
      writeDisposition: 'replace',
      scope: { keys: ['account_id'], day: 'day' },
      windowDays: 2,
      slices: ({ now = new Date(), days }) =>
        Array.from({ length: this.#accounts }, (_, account) =>
          dailySlices({
            account: { column: 'account_id', id: String(account) },
            timeZone: 'UTC',
            now,
            historyDays: this.#today,
            lookbackDays: LOOKBACK_DAYS,
            days,
          }),
        ).flat(),
      read: (slice) => this.#readReport(slice),
    });
  }

  async *#readReport({ scope }: Slice): AsyncGenerator<{ readonly rows: readonly ReportRow[] }> {
    const { start = '', end = '' } = scope?.days ?? {};
    const settled = addDays(FIRST_DAY, this.#today - LOOKBACK_DAYS);
    this.#settledReads += daysOf({ start, end }).filter((day) => day < settled).length;
    const rows = [...this.#rows.values()].filter(
      ({ account_id, day }) => account_id === scope?.equals['account_id'] && day >= start && day < end,
    );
    for (const row of rows) yield { rows: [{ ...row }] };
    if (this.#failing !== undefined && this.#failing >= start && this.#failing < end)
      throw new EtlError({ code: 'KIT_DAY_BROKEN', kind: 'data', message: 'A day is broken.' });
  }

  async *#readEvents({ state = [] }: SourceReadRequest): AsyncGenerator<SourceMessage> {
    const { stream } = EVENTS;
    const stored = findState(state, stream.name, '');
    let position = typeof stored === 'number' ? stored : 0;
    yield { type: 'schema', stream };
    while (position < this.#events) {
      const end = Math.min(position + PAGE, this.#events);
      const rows = Array.from({ length: end - position }, (_, index) => ({ id: position + index + 1 }));
      position = end;
      yield { type: 'records', stream: stream.name, slice: 'all', rows };
      yield { type: 'checkpoint', checkpoint: { entries: [{ stream: stream.name, partition: '', value: position }] } };
    }
    yield { type: 'slice-completed', stream: stream.name, slice: { key: 'all' } };
  }
}

function keyOf({ account_id, day, ad_id }: ReportRow): string {
  return `${account_id}/${day}/${ad_id}`;
}
