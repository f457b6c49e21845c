import type { Destination, LedgerEntry, Row, RunRecord, Slice, StreamSpec } from '@etl/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeText } from './describe-text.ts';
import type { DestinationFixture } from './destination-fixture.ts';

const ORDERS: StreamSpec = {
  name: 'orders',
  columns: [
    { name: 'id', type: 'int64', nullable: false },
    { name: 'status', type: 'string', nullable: true },
  ],
  primaryKey: ['id'],
  writeDisposition: 'merge',
};
const CHANGES: StreamSpec = { ...ORDERS, name: 'changes', versionColumn: '_version', deletedColumn: '_deleted' };
const EVENTS: StreamSpec = { ...ORDERS, name: 'events', primaryKey: [], writeDisposition: 'append' };
const CATALOG: StreamSpec = { ...ORDERS, name: 'catalog', writeDisposition: 'replace' };
const REPORT: StreamSpec = {
  name: 'report',
  columns: [
    { name: 'account_id', type: 'string', nullable: false },
    { name: 'day', type: 'date', nullable: false },
    { name: 'ad_id', type: 'string', nullable: false },
    { name: 'spend', type: 'decimal', precision: 18, scale: 6, nullable: true },
  ],
  primaryKey: ['account_id', 'day', 'ad_id'],
  writeDisposition: 'replace',
  scope: { keys: ['account_id'], day: 'day' },
};

/** The promises of a destination, as tests. Run it for every way of reaching one. */
export function describeDestination(name: string, createFixture: () => Promise<DestinationFixture>): void {
  describe(name, () => {
    let fixture: DestinationFixture;
    let destination: Destination;
    beforeEach(async () => {
      fixture = await createFixture();
      destination = fixture.destination;
    });
    afterEach(async () => {
      await fixture[Symbol.asyncDispose]();
    });

    const load = async (
      spec: StreamSpec,
      rows: readonly Row[],
      options: {
        readonly pipeline?: string;
        readonly truncate?: boolean;
        readonly slice?: Slice;
        readonly lsn?: number;
      } = {},
    ): Promise<void> => {
      await using session = await destination.open(options.pipeline ?? 'p');
      await using open = await session.beginLoad();
      await open.prepare(spec);
      if (options.truncate === true) await open.truncate(spec.name);
      await open.write(spec.name, rows);
      if (options.slice !== undefined)
        await open.publish(spec.name, options.slice, entryOf(spec, options.slice, rows.length));
      await open.commit(options.lsn === undefined ? [] : [{ stream: '', partition: 'slot', value: options.lsn }]);
    };
    const sorted = async (stream: string): Promise<readonly Row[]> =>
      [...(await fixture.readRows(stream))].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

    it('passes its own check', async () => {
      await destination.check();
    });

    it('shows nothing of a load before its commit, and everything after', async () => {
      await using session = await destination.open('p');
      await using open = await session.beginLoad();
      await open.prepare(ORDERS);
      await open.write('orders', [{ id: 1, status: 'new' }]);
      expect(await fixture.readRows('orders')).toEqual([]);
      expect(await session.readState()).toEqual([]);
      await open.commit([{ stream: 'orders', partition: '', value: 7 }]);
      expect(await fixture.readRows('orders')).toEqual([{ id: 1, status: 'new' }]);
      expect(await session.readState()).toEqual([{ stream: 'orders', partition: '', value: 7 }]);
    });

    it('gives up a load that is disposed without a commit', async () => {
      await load(ORDERS, [{ id: 1, status: 'old' }]);
      {
        await using session = await destination.open('p');
        await using open = await session.beginLoad();
        await open.prepare(ORDERS);
        await open.write('orders', [{ id: 1, status: 'new' }]);
      }
      expect(await fixture.readRows('orders')).toEqual([{ id: 1, status: 'old' }]);
    });

    it('keeps the last row of a merged key, within a load and over loads', async () => {
      await load(ORDERS, [
        { id: 1, status: 'a' },
        { id: 2, status: 'a' },
        { id: 1, status: 'b' },
      ]);
      await load(ORDERS, [{ id: 2, status: 'c' }]);
      expect(await sorted('orders')).toEqual([
        { id: 1, status: 'b' },
        { id: 2, status: 'c' },
      ]);
    });

    it('keeps the highest version of a key, whatever the order of arrival', async () => {
      await load(CHANGES, [{ id: 1, status: 'newer', _version: 20n }]);
      await load(CHANGES, [
        { id: 1, status: 'older', _version: 10n },
        { id: 2, status: 'only', _version: 1n },
      ]);
      expect(await sorted('changes')).toEqual([
        { id: 1, status: 'newer' },
        { id: 2, status: 'only' },
      ]);
    });

    it('removes a key that is marked deleted, and takes it back when it returns', async () => {
      await load(CHANGES, [
        { id: 1, status: 'a', _version: 1n },
        { id: 2, status: 'a', _version: 1n },
      ]);
      await load(CHANGES, [{ id: 1, _version: 2n, _deleted: true }]);
      expect(await sorted('changes')).toEqual([{ id: 2, status: 'a' }]);
      await load(CHANGES, [{ id: 1, status: 'back', _version: 3n }]);
      expect(await sorted('changes')).toEqual([
        { id: 1, status: 'back' },
        { id: 2, status: 'a' },
      ]);
    });

    it('appends every row once, equal rows included', async () => {
      await load(EVENTS, [
        { id: 1, status: 'a' },
        { id: 1, status: 'a' },
      ]);
      await load(EVENTS, [{ id: 1, status: 'a' }]);
      expect(await fixture.readRows('events')).toHaveLength(3);
    });

    it('replaces the whole table of a stream without scopes', async () => {
      await load(CATALOG, [
        { id: 1, status: 'a' },
        { id: 2, status: 'a' },
      ]);
      await load(CATALOG, [{ id: 3, status: 'b' }]);
      expect(await sorted('catalog')).toEqual([{ id: 3, status: 'b' }]);
      await load(CATALOG, []);
      expect(await sorted('catalog')).toEqual([]);
    });

    it('makes the rows of a scope exactly the rows of the slice, and touches no others', async () => {
      const slice = (account: string, day: string): Slice => ({
        key: `${account}/${day}`,
        scope: { equals: { account_id: account }, days: { start: day, end: nextDay(day) } },
      });
      const row = (account: string, day: string, ad: string, spend: string): Row => ({
        account_id: account,
        day,
        ad_id: ad,
        spend,
      });
      await load(REPORT, [row('1', '2026-11-01', 'a', '1.5'), row('1', '2026-11-01', 'b', '2')], {
        slice: slice('1', '2026-11-01'),
      });
      await load(REPORT, [row('1', '2026-11-02', 'a', '3')], { slice: slice('1', '2026-11-02') });
      await load(REPORT, [row('2', '2026-11-01', 'z', '9')], { slice: slice('2', '2026-11-01'), pipeline: 'q' });
      await load(REPORT, [row('1', '2026-11-01', 'b', '2.25')], { slice: slice('1', '2026-11-01') });
      const spends = (await sorted('report')).map((r) => [r['account_id'], r['day'], r['ad_id'], Number(r['spend'])]);
      expect(spends).toEqual([
        ['1', '2026-11-01', 'b', 2.25],
        ['1', '2026-11-02', 'a', 3],
        ['2', '2026-11-01', 'z', 9],
      ]);
      await load(REPORT, [row('1', '2026-11-01', 'a', '7')], { slice: slice('1', '2026-11-01') });
      expect(
        (await sorted('report'))
          .filter((r) => r['day'] === '2026-11-01' && r['account_id'] === '1')
          .map((r) => r['ad_id']),
      ).toEqual(['a']);
    });

    it('publishes several slices of one load although their rows came mixed, each row in its own', async () => {
      const slice = (day: string): Slice => ({
        key: `1/${day}`,
        scope: { equals: { account_id: '1' }, days: { start: day, end: nextDay(day) } },
      });
      const row = (day: string, ad: string): Row => ({ account_id: '1', day, ad_id: ad, spend: '1' });
      const days = ['2026-11-01', '2026-11-02'];
      const loadDays = async (rows: readonly Row[]): Promise<void> => {
        await using session = await destination.open('p');
        await using open = await session.beginLoad();
        await open.prepare(REPORT);
        await open.write('report', rows);
        for (const day of days) await open.publish('report', slice(day), entryOf(REPORT, slice(day), 1));
        await open.commit([]);
      };
      await loadDays([row('2026-11-02', 'a'), row('2026-11-01', 'a'), row('2026-11-02', 'b'), row('2026-11-01', 'b')]);
      await loadDays([row('2026-11-02', 'b'), row('2026-11-01', 'c')]);
      expect((await sorted('report')).map((r) => [r['day'], r['ad_id']])).toEqual([
        ['2026-11-01', 'c'],
        ['2026-11-02', 'b'],
      ]);
      await using session = await destination.open('p');
      expect((await session.readLedger('report')).map((entry) => entry.slice).toSorted()).toEqual([
        '1/2026-11-01',
        '1/2026-11-02',
      ]);
    });

    it('refuses a slice in which two rows have one primary key', async () => {
      const slice: Slice = { key: '1', scope: { equals: { account_id: '1' } } };
      const row = { account_id: '1', day: '2026-11-01', ad_id: 'a', spend: '1' };
      await expect(load(REPORT, [row, row], { slice })).rejects.toMatchObject({
        code: 'PRIMARY_KEY_NOT_UNIQUE',
        kind: 'data',
      });
      expect(await fixture.readRows('report')).toEqual([]);
    });

    it('empties a table that was truncated and shows only what came after', async () => {
      await load(CHANGES, [{ id: 1, status: 'a', _version: 100n }]);
      await load(CHANGES, [{ id: 2, status: 'b', _version: 50n }], { truncate: true });
      expect(await sorted('changes')).toEqual([{ id: 2, status: 'b' }]);
      await load(CHANGES, [], { truncate: true });
      expect(await sorted('changes')).toEqual([]);
    });

    it('forgets the rows written before a truncation in the same load', async () => {
      await using session = await destination.open('p');
      await using open = await session.beginLoad();
      await open.prepare(CHANGES);
      await open.write('changes', [{ id: 1, status: 'a', _version: 1n }]);
      await open.truncate('changes');
      await open.write('changes', [{ id: 2, status: 'b', _version: 2n }]);
      await open.commit([]);
      expect(await sorted('changes')).toEqual([{ id: 2, status: 'b' }]);
    });

    it('adds the columns that a stream gains, and old rows read NULL there', async () => {
      await load(ORDERS, [{ id: 1, status: 'a' }]);
      const wider: StreamSpec = {
        ...ORDERS,
        columns: [...ORDERS.columns, { name: 'note', type: 'string', nullable: true }],
      };
      await load(wider, [{ id: 2, status: 'b', note: 'hello' }]);
      const rows = await sorted('orders');
      expect(rows.map((row) => row['note'] ?? null)).toEqual([null, 'hello']);
    });

    it('adds a column in the middle of a load', async () => {
      const wider: StreamSpec = {
        ...ORDERS,
        columns: [...ORDERS.columns, { name: 'note', type: 'string', nullable: true }],
      };
      await using session = await destination.open('p');
      await using open = await session.beginLoad();
      await open.prepare(ORDERS);
      await open.write('orders', [{ id: 1, status: 'a' }]);
      await open.prepare(wider);
      await open.write('orders', [{ id: 2, status: 'b', note: 'hello' }]);
      await open.commit([]);
      expect((await sorted('orders')).map((row) => row['note'] ?? null)).toEqual([null, 'hello']);
    });

    it('gives up one stream of a load and commits the others', async () => {
      await using session = await destination.open('p');
      await using open = await session.beginLoad();
      for (const spec of [ORDERS, CHANGES]) await open.prepare(spec);
      await open.write('orders', [{ id: 1, status: 'a' }]);
      await open.write('changes', [{ id: 1, status: 'a', _version: 1n }]);
      await open.discard('changes');
      await open.commit([]);
      expect(await fixture.readRows('orders')).toHaveLength(1);
      expect(await fixture.readRows('changes')).toEqual([]);
    });

    it('looks up rows of the open load before committed ones', async () => {
      await load(CHANGES, [
        { id: 1, status: 'old', _version: 1n },
        { id: 2, status: 'old', _version: 1n },
        { id: 3, status: 'old', _version: 1n },
      ]);
      await using session = await destination.open('p');
      await using open = await session.beginLoad();
      await open.prepare(CHANGES);
      await open.write('changes', [
        { id: 1, status: 'new', _version: 2n },
        { id: 3, _version: 2n, _deleted: true },
      ]);
      const rows = await open.lookup('changes', [{ id: 2 }, { id: 1 }, { id: 3 }, { id: 4 }], ['status']);
      expect(rows).toEqual([{ status: 'old' }, { status: 'new' }, undefined, undefined]);
      await open.truncate('changes');
      expect(await open.lookup('changes', [{ id: 1 }], ['status'])).toEqual([undefined]);
    });

    it('keeps state by stream and partition, and forgets an entry set to null', async () => {
      await load(ORDERS, [], { lsn: 1 });
      {
        await using session = await destination.open('p');
        await session.writeState([{ stream: 'orders', partition: 'a', value: { day: '2026-11-01' } }]);
        await using open = await session.beginLoad();
        await open.commit([{ stream: 'orders', partition: 'b', value: 2 }]);
      }
      destination = await fixture.restart();
      await using session = await destination.open('p');
      const text = (await session.readState()).map((entry) => JSON.stringify(entry)).sort();
      expect(text).toHaveLength(3);
      await session.writeState([{ stream: '', partition: 'slot', value: null }]);
      expect(await session.readState()).toHaveLength(2);
    });

    it('keeps pipelines apart', async () => {
      await load(ORDERS, [{ id: 1, status: 'a' }], { pipeline: 'p', lsn: 1 });
      await load(ORDERS, [{ id: 2, status: 'b' }], { pipeline: 'q', lsn: 2 });
      await using session = await destination.open('p');
      expect(await session.readState()).toEqual([{ stream: '', partition: 'slot', value: 1 }]);
      expect(await sorted('orders')).toHaveLength(2);
    });

    it('keeps the ledger with the load, and failures outside of it', async () => {
      const slice: Slice = { key: '1', scope: { equals: { account_id: '1' } } };
      await load(REPORT, [{ account_id: '1', day: '2026-11-01', ad_id: 'a', spend: '1' }], { slice });
      await using session = await destination.open('p');
      expect(await session.readLedger('report')).toMatchObject([entryOf(REPORT, slice, 1)]);
      const failed: LedgerEntry = {
        ...entryOf(REPORT, slice, 0),
        loadedAt: '2026-11-01T05:06:07.000Z',
        flags: ['provisional', 'sampled'],
        status: 'failed',
        attempts: 2,
        reason: 'X: it broke',
      };
      await session.writeLedger([failed]);
      expect(await session.readLedger('report')).toEqual([failed]);
    });

    it('remembers what a stream must not forget', async () => {
      {
        await using session = await destination.open('p');
        await session.writeMemory('report', 'job', { id: '42' });
        await session.writeMemory('report', 'job', { id: '43' });
        await session.writeMemory('report', 'gone', 1);
        await session.writeMemory('report', 'gone', null);
      }
      destination = await fixture.restart();
      await using session = await destination.open('p');
      expect(await session.readMemory('report', 'job')).toEqual({ id: '43' });
      expect(await session.readMemory('report', 'gone')).toBeUndefined();
      expect(await session.readMemory('report', 'never')).toBeUndefined();
    });

    it('lets people look at what pipelines left, without taking them', async () => {
      const view = await destination.inspect();
      expect(await view.pipelines()).toEqual([]);
      expect(await view.readLedger('p')).toEqual([]);
      expect(await view.readState('p')).toEqual([]);
      expect(await view.readRuns('p', 10)).toEqual([]);
      expect(await view.holder('p')).toBeUndefined();
      const slice: Slice = { key: '1', scope: { equals: { account_id: '1' } } };
      await load(REPORT, [{ account_id: '1', day: '2026-11-01', ad_id: 'a', spend: '1' }], { slice });
      await using session = await destination.open('p');
      await session.writeState([{ stream: 'report', partition: '', value: { at: 1 } }]);
      const run = (id: string): RunRecord => ({
        pipeline: 'p',
        id,
        startedAt: `2026-11-0${id}T05:06:07.000Z`,
        endedAt: `2026-11-0${id}T05:07:07.000Z`,
        status: 'partial',
        rows: 12,
        loads: ['a', 'b'],
        streams: [{ stream: 'report', rows: 12, slicesDue: 3, slicesPublished: 1, slicesLeft: 0 }],
        failures: [{ stream: 'report', slice: '2', code: 'X', message: 'It broke.' }],
      });
      for (const id of ['1', '2', '3']) await session.writeRun(run(id));
      expect(await view.pipelines()).toEqual(['p']);
      expect(await view.readLedger('p')).toMatchObject([entryOf(REPORT, slice, 1)]);
      expect(await view.readLedger('p', 'other')).toEqual([]);
      expect(await view.readState('p')).toEqual([{ stream: 'report', partition: '', value: { at: 1 } }]);
      expect(await view.readRuns('p', 2)).toEqual([run('3'), run('2')]);
      expect(await view.holder('p')).toMatchObject({ pid: process.pid });
      expect(await view.holder('q')).toBeUndefined();
    });

    it('admits one run of a pipeline at a time', async () => {
      await using session = await destination.open('p');
      await expect(destination.open('p', { waitMs: 0 })).rejects.toMatchObject({
        code: 'PIPELINE_HELD',
        kind: 'transient',
      });
      await using other = await destination.open('q', { waitMs: 0 });
      expect(other.pipeline).toBe('q');
      expect(session.lost.aborted).toBe(false);
    });

    it('lets loads of different pipelines into one table at the same time', async () => {
      await Promise.all(
        Array.from({ length: 4 }, async (_, pipeline) => {
          for (let round = 0; round < 3; round += 1) {
            const id = pipeline * 100 + round;
            await load(ORDERS, [{ id, status: `p${pipeline}` }], { pipeline: `p${pipeline}` });
          }
        }),
      );
      expect(await fixture.readRows('orders')).toHaveLength(12);
    });

    describeText(() => fixture);

    it('takes batches of any size', async () => {
      const rows = Array.from({ length: 45_000 }, (_, id) => ({ id, status: `row ${id}` }));
      await load(ORDERS, rows);
      expect(await fixture.readRows('orders')).toHaveLength(45_000);
    });
  });
}

function entryOf(spec: StreamSpec, slice: Slice, rows: number): LedgerEntry {
  return { stream: spec.name, slice: slice.key, status: 'good', rows, readAt: '2026-11-23T06:08:01.000Z', attempts: 1 };
}

function nextDay(day: string): string {
  return new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
}
