import type { LedgerEntry, LoadSummary, Row, Slice } from '@etl/core';
import { destinationCheck as check } from './destination-check.ts';
import { entryOf, READ_AT, rejectsWith, same } from './destination-scene.ts';
import { REPORT, reportRow as row, reportSlice as slice } from './streams.ts';

/** What publishing a slice does to the rows that it owns. */
export const sliceChecks = [
  check('makes the rows of a scope exactly the rows of the slice, and touches no others', async (scene) => {
    await scene.load(REPORT, [row('1', '2026-11-01', 'a', '1.5'), row('1', '2026-11-01', 'b', '2')], {
      slice: slice('1', '2026-11-01'),
    });
    await scene.load(REPORT, [row('1', '2026-11-02', 'a', '3')], { slice: slice('1', '2026-11-02') });
    await scene.load(REPORT, [row('2', '2026-11-01', 'z', '9')], { slice: slice('2', '2026-11-01'), pipeline: 'q' });
    await scene.load(REPORT, [row('1', '2026-11-01', 'b', '2.25')], { slice: slice('1', '2026-11-01') });
    const spends = (await scene.sorted('report')).map((r) => [
      r['account_id'],
      r['day'],
      r['ad_id'],
      Number(r['spend']),
    ]);
    same(spends, [
      ['1', '2026-11-01', 'b', 2.25],
      ['1', '2026-11-02', 'a', 3],
      ['2', '2026-11-01', 'z', 9],
    ]);
    await scene.load(REPORT, [row('1', '2026-11-01', 'a', '7')], { slice: slice('1', '2026-11-01') });
    const left = (await scene.sorted('report')).filter((r) => r['day'] === '2026-11-01' && r['account_id'] === '1');
    same(
      left.map((r) => r['ad_id']),
      ['a'],
    );
  }),
  check('makes a scope empty when its slice is', async (scene) => {
    const day = slice('1', '2026-11-01');
    await scene.load(REPORT, [row('1', '2026-11-01', 'a', '1'), row('1', '2026-11-01', 'b', '1')], { slice: day });
    await scene.load(REPORT, [row('1', '2026-11-02', 'a', '1')], { slice: slice('1', '2026-11-02') });
    await scene.load(REPORT, [], { slice: day });
    same(
      (await scene.sorted('report')).map((r) => r['day']),
      ['2026-11-02'],
    );
    const entries = await scene.session((session) => session.readLedger('report'));
    same(entries.map(({ slice: key, rows }) => `${key}: ${rows}`).toSorted(), ['1/2026-11-01: 0', '1/2026-11-02: 1']);
  }),
  check('publishes several slices of one load although their rows came mixed, each row in its own', async (scene) => {
    const mine = (day: string, ad: string): Row => row('1', day, ad, '1');
    const days = ['2026-11-01', '2026-11-02'];
    const loadDays = (rows: readonly Row[]): Promise<void> =>
      scene.open(async (load) => {
        await load.prepare(REPORT);
        await load.write('report', rows);
        for (const day of days) await load.publish('report', slice('1', day), entryOf(REPORT, slice('1', day), 1));
        await load.commit([]);
      });
    await loadDays([
      mine('2026-11-02', 'a'),
      mine('2026-11-01', 'a'),
      mine('2026-11-02', 'b'),
      mine('2026-11-01', 'b'),
    ]);
    await loadDays([mine('2026-11-02', 'b'), mine('2026-11-01', 'c')]);
    same(
      (await scene.sorted('report')).map((r) => [r['day'], r['ad_id']]),
      [
        ['2026-11-01', 'c'],
        ['2026-11-02', 'b'],
      ],
    );
    const entries = await scene.session((session) => session.readLedger('report'));
    same(entries.map((entry) => entry.slice).toSorted(), ['1/2026-11-01', '1/2026-11-02']);
  }),
  check('where it tells what was restated, tells it of slices published before, row by row', async (scene) => {
    const day = slice('1', '2026-11-01');
    const publish = (rows: readonly Row[], previous?: LedgerEntry): Promise<LoadSummary> =>
      scene.open(async (load) => {
        await load.prepare(REPORT);
        await load.write('report', rows);
        await load.publish('report', day, { ...entryOf(REPORT, day, rows.length), loadedAt: READ_AT }, previous);
        return load.commit([]);
      });
    const known = async (): Promise<LedgerEntry | undefined> =>
      (await scene.session((session) => session.readLedger('report')))[0];
    const mine = (ad: string, spend: string): Row => row('1', '2026-11-01', ad, spend);
    const first = await publish([mine('a', '1'), mine('b', '2'), mine('c', '3')]);
    same(first.restated, undefined, 'a slice was never published and is said to be restated');
    const again = await publish([mine('a', '1'), mine('b', '2'), mine('c', '3')], await known());
    same(again.restated, undefined, 'rows are as they were and are said to be restated');
    const other = await publish([mine('a', '1'), mine('b', '2.5'), mine('d', '3')], await known());
    if (other.restated !== undefined && other.restated[0]?.rows !== undefined)
      same(other.restated, [{ stream: 'report', slice: day.key, rows: 3 }]);
  }),
  check('refuses a slice in which two rows have one primary key', async (scene) => {
    const one: Slice = { key: '1', scope: { equals: { account_id: '1' } } };
    const twice = row('1', '2026-11-01', 'a', '1');
    await rejectsWith(scene.load(REPORT, [twice, twice], { slice: one }), {
      code: 'PRIMARY_KEY_NOT_UNIQUE',
      kind: 'data',
    });
    same(await scene.rows('report'), []);
    same(await scene.session((session) => session.readLedger('report')), [], 'a refused slice is in the ledger');
  }),
];
