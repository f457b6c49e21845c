import { deepStrictEqual, equal } from 'node:assert/strict';
import type { Row, Slice } from '@etl/core';
import { destinationCheck as check } from './destination-check.ts';
import { rejectsWith } from './destination-scene.ts';
import { ORDERS, REPORT, reportRow, reportSlice } from './streams.ts';

/** What several runs and readers at the same time may expect; and loads of any size. */
export const sharingChecks = [
  check('admits one run of a pipeline at a time', async (scene) => {
    await scene.session(async (session) => {
      await rejectsWith(scene.destination.open('p', { waitMs: 0 }), { code: 'PIPELINE_HELD', kind: 'transient' });
      await scene.session(async (other) => equal(other.pipeline, 'q'), 'q');
      equal(session.lost.aborted, false);
    });
    await scene.session(async () => undefined);
  }),
  check('lets loads of different pipelines into one table at the same time', async (scene) => {
    await Promise.all(
      Array.from({ length: 4 }, async (_, pipeline) => {
        for (let round = 0; round < 3; round += 1) {
          const id = pipeline * 100 + round;
          await scene.load(ORDERS, [{ id, status: `p${pipeline}` }], { pipeline: `p${pipeline}` });
        }
      }),
    );
    equal((await scene.rows('orders')).length, 12);
  }),
  check('never shows a reader half of a scope', async (scene) => {
    const slice: Slice = reportSlice('1', '2026-11-01');
    const ads = ['a', 'b', 'c', 'd'];
    const version = (count: number): readonly Row[] =>
      ads.map((ad, index) => reportRow('1', '2026-11-01', `${ad}${(count * index) % 3}`, String(count)));
    await scene.load(REPORT, version(1), { slice });
    const loading = { isOver: false };
    const load = (async () => {
      try {
        for (let count = 2; count <= 6; count += 1) await scene.load(REPORT, version(count), { slice });
      } finally {
        loading.isOver = true;
      }
    })();
    const halves: string[] = [];
    try {
      while (!loading.isOver) {
        // A reader of memory would otherwise never let the load go on.
        await new Promise(setImmediate);
        const spends = (await scene.rows('report')).map((row) => Number(row['spend']));
        if (spends.length !== ads.length || new Set(spends).size !== 1) halves.push(spends.join(', '));
      }
    } finally {
      await load;
    }
    deepStrictEqual(halves, [], 'a reader saw rows of two versions, or not all');
  }),
  check('takes batches of any size', async (scene) => {
    const rows = Array.from({ length: 45_000 }, (_, id) => ({ id, status: `row ${id}` }));
    await scene.load(ORDERS, rows);
    equal((await scene.rows('orders')).length, 45_000);
  }),
];
