import {
  defineSource,
  defineStream,
  unfinishedLoad,
  type Destination,
  type EtlError,
  type OperationOptions,
} from '@etl/core';
import { describe, expect, it } from 'vitest';
import { error, reportSchema, world } from './daily-reports.ts';

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

  it('that are read again tell how many rows of which days the platform has restated', async () => {
    const { clicks, run, events, destination } = world();
    const first = await run('2026-11-10');
    expect(JSON.stringify(first.streams)).not.toContain('estated');
    clicks.set('1 2026-11-09', [2, 3]);
    const report = await run('2026-11-10');
    expect(report.streams).toMatchObject([{ slicesPublished: 2, slicesRestated: 1, rowsRestated: 2 }]);
    expect(report.accounts).toMatchObject([{ account: '1', slicesRestated: 1, rowsRestated: 2 }]);
    expect(destination.store.runs.at(-1)?.streams).toMatchObject([{ slicesRestated: 1, rowsRestated: 2 }]);
    const restated = events.flatMap((event) => (event.type === 'slice-published' && event.restated ? [event] : []));
    expect(restated).toMatchObject([{ slice: 'account_id=1/2026-11-09', rows: 2, restated: { rows: 2 } }]);
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

  it('keeps the rows of small days that are suddenly empty all together', async () => {
    const { clicks, calls, run, days, ledger } = world();
    const small = ['2026-11-06', '2026-11-07', '2026-11-08', '2026-11-09'];
    for (const day of small) clicks.set(`1 ${day}`, [1, 2, 3]);
    await run('2026-11-10');
    const before = days();
    for (const day of small) clicks.set(`1 ${day}`, []);
    const report = await run('2026-11-10', { fullRefresh: true });
    // Day by day none of them would look wrong.
    expect(calls).toEqual(['1 2026-11-06…2026-11-09', '1 2026-11-04…2026-11-05']);
    expect(report).toMatchObject({
      status: 'partial',
      failures: small.map(() => ({ error: { code: 'WINDOW_SHRANK' } })),
    });
    expect(days()).toEqual(before);
    expect(ledger().filter(({ status }) => status === 'failed')).toHaveLength(4);
    expect(await run('2026-11-10', { acceptShrink: true })).toMatchObject({ status: 'ok' });
    expect(days()).toHaveLength(2);
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
    const report = await run('2026-11-11');
    const days = { firstDay: '2026-11-08', lastDay: '2026-11-10' };
    const counts = {
      slicesPublished: 3,
      slicesUnchanged: 0,
      slicesFailed: 0,
      rows: 3,
      flags: ['provisional', 'sampled'],
    };
    expect(report.accounts).toMatchObject([{ stream: 'report', account: '1', ...counts, ...days }]);
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
      schema: reportSchema,
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
