import { equal } from 'node:assert/strict';
import type { LedgerEntry, RunRecord, Slice } from '@etl/core';
import { destinationCheck as check } from './destination-check.ts';
import { entryOf, same } from './destination-scene.ts';
import { ORDERS, REPORT, reportRow } from './streams.ts';

const ONE: Slice = { key: '1', scope: { equals: { account_id: '1' } } };
const ROW = reportRow('1', '2026-11-01', 'a', '1');

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

/** What a destination keeps next to the rows: positions, ledger, memory, runs. */
export const recordChecks = [
  check('keeps state by stream and partition, and forgets an entry set to null', async (scene) => {
    await scene.load(ORDERS, [], { lsn: 1 });
    await scene.open(async (load, session) => {
      await session.writeState([{ stream: 'orders', partition: 'a', value: { day: '2026-11-01' } }]);
      await load.commit([{ stream: 'orders', partition: 'b', value: 2 }]);
    });
    await scene.restart();
    await scene.session(async (session) => {
      const all = (await session.readState()).map(({ stream, partition, value }) => [stream, partition, value]);
      same(
        new Set(all.map((entry) => JSON.stringify(entry))),
        new Set(['["","slot",1]', '["orders","a",{"day":"2026-11-01"}]', '["orders","b",2]']),
      );
      await session.writeState([{ stream: '', partition: 'slot', value: null }]);
      equal((await session.readState()).length, 2);
    });
  }),
  check('keeps pipelines apart', async (scene) => {
    await scene.load(ORDERS, [{ id: 1, status: 'a' }], { pipeline: 'p', lsn: 1 });
    await scene.load(ORDERS, [{ id: 2, status: 'b' }], { pipeline: 'q', lsn: 2 });
    same(await scene.session((session) => session.readState()), [{ stream: '', partition: 'slot', value: 1 }]);
    equal((await scene.sorted('orders')).length, 2);
  }),
  check('keeps the ledger with the load, and failures outside of it', async (scene) => {
    await scene.load(REPORT, [ROW], { slice: ONE });
    await scene.session(async (session) => {
      same(withoutFingerprints(await session.readLedger('report')), [entryOf(REPORT, ONE, 1)]);
      const failed: LedgerEntry = {
        ...entryOf(REPORT, ONE, 0),
        loadedAt: '2026-11-01T05:06:07.000Z',
        flags: ['provisional', 'sampled'],
        status: 'failed',
        attempts: 2,
        reason: 'X: it broke',
      };
      await session.writeLedger([failed]);
      same(await session.readLedger('report'), [failed]);
    });
  }),
  check('remembers what a stream must not forget', async (scene) => {
    await scene.session(async (session) => {
      await session.writeMemory('report', 'job', { id: '42' });
      await session.writeMemory('report', 'job', { id: '43' });
      await session.writeMemory('report', 'gone', 1);
      await session.writeMemory('report', 'gone', null);
    });
    await scene.restart();
    await scene.session(async (session) => {
      same(await session.readMemory('report', 'job'), { id: '43' });
      equal(await session.readMemory('report', 'gone'), undefined);
      equal(await session.readMemory('report', 'never'), undefined);
    });
  }),
  check('lets people look at what pipelines left, without taking them', async (scene) => {
    const view = await scene.destination.inspect();
    same(await view.pipelines(), []);
    same(await view.readLedger('p'), []);
    same(await view.readState('p'), []);
    same(await view.readRuns('p', 10), []);
    equal(await view.holder('p'), undefined);
    await scene.load(REPORT, [ROW], { slice: ONE });
    await scene.session(async (session) => {
      await session.writeState([{ stream: 'report', partition: '', value: { at: 1 } }]);
      for (const id of ['1', '2', '3']) await session.writeRun(run(id));
      same(await view.pipelines(), ['p']);
      same(withoutFingerprints(await view.readLedger('p')), [entryOf(REPORT, ONE, 1)]);
      same(await view.readLedger('p', 'other'), []);
      same(await view.readState('p'), [{ stream: 'report', partition: '', value: { at: 1 } }]);
      same(await view.readRuns('p', 2), [run('3'), run('2')]);
      equal((await view.holder('p'))?.pid, process.pid);
      equal(await view.holder('q'), undefined);
    });
  }),
];

/** A fingerprint is the destination's own, and it may do without. */
function withoutFingerprints(entries: readonly LedgerEntry[]): readonly unknown[] {
  return entries.map((entry) => ({ ...entry, fingerprint: undefined }));
}
