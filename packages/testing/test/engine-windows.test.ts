import {
  addDays,
  dailySlices,
  defineSource,
  defineStream,
  EtlError,
  runPipeline,
  unfinishedLoad,
  type Destination,
  type OperationOptions,
  type DayRange,
  type PipelineEvent,
  type PipelineOptions,
  type PipelineReport,
  type SliceGate,
  type Source,
} from '@etl/core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { memoryDestination } from '../src/index.ts';

const schema = z.object({ account_id: z.string(), day: z.iso.date(), ad_id: z.string(), clicks: z.int() });

interface WorldOptions {
  readonly accounts?: readonly string[];
  readonly windowDays?: number;
  readonly gate?: SliceGate;
}

/** Accounts with a daily report each; what it holds, what fails and who reads when are the test's. */
function world({ accounts = ['1'], windowDays = 4, gate }: WorldOptions = {}) {
  const clicks = new Map<string, readonly number[]>();
  const failing = new Map<string, EtlError>();
  const calls: string[] = [];
  const totals = new Map<string, string>();
  const flags: string[] = [];
  let reading = 0;
  const most = { reading: 0 };
  const report = defineStream({
    name: 'report',
    schema,
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

const error = (kind: EtlError['kind'], code = 'TEST_FAILED'): EtlError =>
  new EtlError({ code, kind, message: 'The report failed.' });

describe('windows', () => {
  it('read consecutive days of an account at once, and record every day on its own', async () => {
    const { calls, run, ledger, destination } = world();
    const report = await run('2026-11-10');
    expect(calls).toEqual(['1 2026-11-06…2026-11-09', '1 2026-11-04…2026-11-05']);
    expect(ledger()).toHaveLength(6);
    expect(ledger().every(({ status, rows }) => status === 'good' && rows === 1)).toBe(true);
    expect(destination.store.loads).toHaveLength(2);
    expect(report).toMatchObject({ status: 'ok', streams: [{ slicesDue: 6, slicesPublished: 6, slicesLeft: 0 }] });
  });

  it('read only what may have changed the next day', async () => {
    const { calls, run } = world();
    await run('2026-11-10');
    await run('2026-11-11');
    expect(calls).toEqual(['1 2026-11-08…2026-11-10']);
  });

  it('that fail are read day by day, so that one bad day keeps no good one back', async () => {
    const { failing, calls, run, ledger, days } = world();
    failing.set('1 2026-11-05', error('data'));
    const report = await run('2026-11-10');
    expect(calls).toEqual([
      '1 2026-11-06…2026-11-09',
      '1 2026-11-04…2026-11-05',
      '1 2026-11-04…2026-11-04',
      '1 2026-11-05…2026-11-05',
    ]);
    expect(report).toMatchObject({ status: 'partial', failures: [{ slice: 'account_id=1/2026-11-05' }] });
    expect(days()).toHaveLength(5);
    expect(ledger().filter(({ status }) => status === 'failed')).toHaveLength(1);
  });

  it('are not read again day by day while a service is down', async () => {
    const { failing, calls, run } = world();
    failing.set('1', error('transient'));
    expect(await run('2026-11-10')).toMatchObject({ status: 'failed' });
    expect(calls).toHaveLength(2);
  });
});

describe('lanes', () => {
  it('read accounts next to each other, and one account in order', async () => {
    const { most, run, calls } = world({ accounts: ['1', '2', '3'], windowDays: 1 });
    await run('2026-11-10', { concurrency: 2 });
    expect(most.reading).toBe(2);
    const ofTwo = calls.filter((call) => call.startsWith('2 '));
    expect(ofTwo).toEqual(ofTwo.toSorted().toReversed());
  });

  it.each(['rate-limit', 'auth', 'permission'] as const)('wait for another run after a %s error', async (kind) => {
    const { failing, calls, run, events, ledger } = world({ accounts: ['1', '2'], windowDays: 1 });
    failing.set('1', error(kind, 'TEST_PARKED'));
    const report = await run('2026-11-10');
    expect(calls.filter((call) => call.startsWith('1 '))).toHaveLength(1);
    expect(calls.filter((call) => call.startsWith('2 '))).toHaveLength(6);
    expect(report.status).toBe('partial');
    expect(report.failures).toHaveLength(6);
    expect(events.filter(({ type }) => type === 'lane-parked')).toHaveLength(1);
    expect(ledger().filter(({ status }) => status === 'failed')).toHaveLength(1);
    failing.clear();
    expect(await run('2026-11-10')).toMatchObject({ status: 'ok' });
  });
});

describe('a pause between accounts', () => {
  const paused = (waits: number[]) => ({
    accountDelayMs: 600_000,
    pause: async (durationMs: number) => void waits.push(durationMs),
  });

  it('lets one account end before the next begins, in the backfill too', async () => {
    const { calls, run, most, events } = world({ accounts: ['1', '2', '3'], windowDays: 4 });
    const waits: number[] = [];
    const days = { start: '2026-10-01', end: '2026-10-03' };
    const report = await run('2026-11-10', { ...paused(waits), days });
    expect(report.status).toBe('ok');
    expect(most.reading).toBe(1);
    const accounts = calls.map((call) => call.split(' ')[0]);
    expect(accounts).toEqual(['1', '1', '2', '2', '3', '3', '1', '2', '3']);
    // The last account of what is due is not the first of the backfill.
    expect(waits).toEqual([600_000, 600_000, 600_000, 600_000, 600_000]);
    expect(events.filter(({ type }) => type === 'call-waiting')).toHaveLength(5);
    expect(report.calls.reduce((sum, { waitMs }) => sum + waitMs, 0)).toBe(3_000_000);
  });

  it('is not waited for when the deadline would come first', async () => {
    const { calls, run } = world({ accounts: ['1', '2'] });
    const waits: number[] = [];
    const deadline = new Date('2026-11-10T12:05:00Z');
    const report = await run('2026-11-10', { ...paused(waits), deadline });
    expect(waits).toEqual([]);
    expect(calls.every((call) => call.startsWith('1 '))).toBe(true);
    expect(report).toMatchObject({ status: 'partial', isUnfinished: true, streams: [{ slicesLeft: 6 }] });
  });

  it('ends with the run', async () => {
    const { run } = world({ accounts: ['1', '2'] });
    const stop = new AbortController();
    const reason = new Error('stopped');
    const running = run('2026-11-10', {
      accountDelayMs: 3_600_000,
      signal: stop.signal,
      onEvent: ({ type }) => type === 'call-waiting' && setImmediate(() => stop.abort(reason)),
    });
    await expect(running).rejects.toBe(reason);
  });
});

describe('a deadline', () => {
  it('begins nothing new, keeps what is whole, and leaves the rest due', async () => {
    const { run, calls, days } = world({ windowDays: 1 });
    let reads = 0;
    const start = Date.parse('2026-11-10T12:00:00Z');
    const now = (): Date => new Date(start + (reads >= 2 ? 3_600_000 : 0));
    const report = await run('2026-11-10', {
      now,
      deadline: new Date(start + 60_000),
      onEvent: (event) => {
        if (event.type === 'slice-published') reads += 1;
      },
    });
    expect(report).toMatchObject({
      status: 'partial',
      isUnfinished: true,
      failures: [],
      streams: [{ slicesDue: 6, slicesPublished: 2, slicesLeft: 4 }],
    });
    expect(days()).toHaveLength(2);
    expect(await run('2026-11-10')).toMatchObject({ status: 'ok', isUnfinished: false });
    expect(calls).toHaveLength(6);
  });
});

describe('a backfill', () => {
  const october: DayRange = { start: '2026-10-01', end: '2026-10-05' };

  it('comes after what is due, and reads its days again', async () => {
    const { calls, run } = world();
    await run('2026-11-10', { days: october });
    expect(calls).toEqual(['1 2026-11-06…2026-11-09', '1 2026-11-04…2026-11-05', '1 2026-10-01…2026-10-04']);
    await run('2026-11-10', { days: october });
    expect(calls.at(-1)).toBe('1 2026-10-01…2026-10-04');
  });

  it('goes on where a failed one ended', async () => {
    const { calls, failing, run } = world({ windowDays: 1 });
    failing.set('1 2026-10-02', error('data'));
    await run('2026-11-10', { days: october });
    failing.clear();
    await run('2026-11-10', { days: october });
    expect(calls.filter((call) => call.includes('2026-10'))).toEqual(['1 2026-10-02…2026-10-02']);
    await run('2026-11-10', { days: october });
    expect(calls.filter((call) => call.includes('2026-10'))).toHaveLength(4);
  });

  it('reads only what is missing when asked', async () => {
    const { calls, failing, run } = world({ windowDays: 1 });
    failing.set('1 2026-10-03', error('data'));
    await run('2026-11-10', { days: october, onlyMissing: true });
    failing.clear();
    await run('2026-11-12', { days: october, onlyMissing: true });
    expect(calls.filter((call) => call.includes('2026-10'))).toEqual(['1 2026-10-03…2026-10-03']);
  });

  it('is over when its days are good, whatever else of the stream failed', async () => {
    const { calls, failing, run } = world({ windowDays: 1 });
    failing.set('1 2026-11-05', error('data'));
    await run('2026-11-10', { days: october });
    await run('2026-11-10', { days: october });
    expect(calls.filter((call) => call.includes('2026-10'))).toHaveLength(4);
  });

  it('does not ask an account again that the same run had to leave', async () => {
    const { calls, failing, run } = world({ windowDays: 1 });
    failing.set('1', error('rate-limit'));
    await run('2026-11-10', { days: october });
    expect(calls).toHaveLength(1);
  });

  it('moves no position, whatever the stream says of it', async () => {
    const { run, source, destination } = world();
    const moving: Source = {
      ...source,
      async *read(request) {
        yield* source.read(request);
        const at = Object.values(request?.slices ?? {})[0]?.[0]?.scope?.days?.start ?? '';
        yield { type: 'checkpoint', checkpoint: { entries: [{ stream: 'report', partition: '', value: at }] } };
      },
    };
    await run('2026-11-10', { source: moving });
    const before = destination.store.state.get('p');
    expect(before).toMatchObject([{ value: '2026-11-04' }]);
    await run('2026-11-10', { source: moving, days: october });
    expect(destination.store.state.get('p')).toEqual(before);
    expect(destination.store.rows('report')).toHaveLength(10);
  });

  it('does not read a day twice that was due anyway', async () => {
    const { calls, run } = world({ windowDays: 1 });
    await run('2026-11-10', { days: { start: '2026-11-08', end: '2026-11-10' } });
    expect(calls).toHaveLength(6);
  });
});

describe('the gate', () => {
  const full = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1];

  it('keeps the rows of a day that is suddenly nearly empty', async () => {
    const { clicks, run, days, ledger } = world();
    clicks.set('1 2026-11-09', full);
    await run('2026-11-10');
    clicks.set('1 2026-11-09', []);
    const report = await run('2026-11-10');
    expect(report.failures).toMatchObject([{ slice: 'account_id=1/2026-11-09', error: { code: 'SLICE_SHRANK' } }]);
    expect(days().filter((row) => row.includes('2026-11-09'))).toHaveLength(10);
    expect(ledger().find(({ status }) => status === 'failed')).toMatchObject({
      rows: 10,
      loadedAt: expect.any(String),
    });
    expect(await run('2026-11-10', { acceptShrink: true })).toMatchObject({ status: 'ok' });
    expect(days().filter((row) => row.includes('2026-11-09'))).toHaveLength(0);
  });

  it('compares sums with what the platform says, and names the day that differs', async () => {
    const { clicks, totals, run } = world({ gate: { reconcile: ['clicks'] } });
    for (const day of [4, 5, 6, 7, 8, 9]) totals.set(`2026-11-0${day}`, '1');
    clicks.set('1 2026-11-06', [1, 4]);
    const report = await run('2026-11-10');
    expect(report.failures).toMatchObject([
      {
        slice: 'account_id=1/2026-11-06',
        error: { message: 'The clicks of report account_id=1/2026-11-06 adds up to 5 where the platform says 1.' },
      },
    ]);
    expect(report.streams[0]).toMatchObject({ slicesPublished: 5 });
  });

  it('keeps in the ledger how a slice falls short', async () => {
    const { flags, run, ledger } = world();
    flags.push('provisional', 'sampled');
    await run('2026-11-10');
    expect(ledger()[0]).toMatchObject({ status: 'good', flags: ['provisional', 'sampled'] });
  });
});

describe('a load that is committed but not completed', () => {
  it('ends the run: nothing of it is read again or called failed', async () => {
    const { destination, run, calls, ledger } = world();
    const unfinished: Destination = {
      ...destination,
      async open(pipeline, options) {
        const session = await destination.open(pipeline, options);
        const begin = session.beginLoad.bind(session);
        return Object.assign(session, {
          beginLoad: async (operation: OperationOptions) => {
            const load = await begin(operation);
            return Object.assign(load, {
              commit: () => Promise.reject(unfinishedLoad(load.id, error('internal', 'TEST_NO_SPACE'))),
            });
          },
        });
      },
    };
    await expect(run('2026-11-10', { destination: unfinished })).rejects.toMatchObject({ code: 'LOAD_UNFINISHED' });
    expect(calls).toEqual(['1 2026-11-06…2026-11-09']);
    expect(ledger()).toEqual([]);
  });
});

describe('what went wrong', () => {
  it('is kept without the text of foreign errors, which may quote a reply', async () => {
    const { failing, run, ledger, destination } = world();
    failing.set('1', new SyntaxError('Unexpected token in "access_token": EAAB-secret') as unknown as EtlError);
    await run('2026-11-10');
    const kept = JSON.stringify([ledger(), destination.store.runs]);
    expect(kept).not.toContain('EAAB');
    expect(kept).toContain('An unexpected SyntaxError');
  });

  it('in the destination says nothing about other streams of the account', async () => {
    const { failing, run, calls } = world({ accounts: ['1', '2'], windowDays: 1, gate: { minRows: 2 } });
    failing.clear();
    await run('2026-11-10');
    expect(calls).toHaveLength(12);
  });

  it('with the plan of one stream leaves the others alone', async () => {
    const { source, run } = world();
    const broken = defineStream({
      name: 'broken',
      schema,
      primaryKey: ['ad_id'],
      writeDisposition: 'merge',
      slices: () => {
        throw error('transient', 'TEST_LIST_FAILED');
      },
      async *read() {},
    });
    const both = defineSource({
      name: 'test',
      streams: { broken, report: source.streams.report },
      check: async () => undefined,
    });
    const report = await run('2026-11-10', { source: both });
    expect(report).toMatchObject({
      status: 'partial',
      failures: [{ stream: 'broken', error: { code: 'TEST_LIST_FAILED' } }],
    });
    expect(report.streams.find(({ stream }) => stream === 'report')).toMatchObject({ slicesPublished: 6 });
  });
});

describe('the ledger', () => {
  it('heals whatever was lost of it, and days that no run came by', async () => {
    const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 100_000);
    let random = seed;
    const below = (limit: number): number => {
      random = (random * 1_103_515_245 + 12_345) % 2_147_483_648;
      return random % limit;
    };
    const untouched = world({ accounts: ['1', '2'] });
    const harmed = world({ accounts: ['1', '2'] });
    for (let day = 10; day < 24; day += 1) {
      for (const account of ['1', '2']) {
        for (const restated of [day - 1, day - 2]) {
          const rows = Array.from({ length: 1 + below(4) }, () => below(100));
          untouched.clicks.set(`${account} 2026-11-${restated}`, rows);
          harmed.clicks.set(`${account} 2026-11-${restated}`, rows);
        }
      }
      await untouched.run(`2026-11-${day}`);
      const entries = harmed.destination.store.ledger.get('p');
      for (const key of entries?.keys() ?? []) if (below(4) === 0) entries?.delete(key);
      if (day % 5 > 2 && day < 22) continue;
      await harmed.run(`2026-11-${day}`);
      if (below(2) === 0) await harmed.run(`2026-11-${day}`);
    }
    await untouched.run('2026-11-24');
    await harmed.run('2026-11-24');
    expect(harmed.days(), `seed ${seed}`).toEqual(untouched.days());
  });
});
