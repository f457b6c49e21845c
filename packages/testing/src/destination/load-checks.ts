import { equal } from 'node:assert/strict';
import { destinationCheck as check } from './destination-check.ts';
import { same } from './destination-scene.ts';
import { CATALOG, CHANGES, EVENTS, ORDERS } from './streams.ts';

/** What a load does to a table, and when. */
export const loadChecks = [
  check('passes its own check', async ({ destination }) => {
    await destination.check();
  }),
  check('shows nothing of a load before its commit, and everything after', async (scene) => {
    await scene.open(async (load, session) => {
      await load.prepare(ORDERS);
      await load.write('orders', [{ id: 1, status: 'new' }]);
      same(await scene.rows('orders'), [], 'rows show before the commit');
      same(await session.readState(), [], 'a position is stored before the commit');
      await load.commit([{ stream: 'orders', partition: '', value: 7 }]);
      same(await scene.rows('orders'), [{ id: 1, status: 'new' }]);
      same(await session.readState(), [{ stream: 'orders', partition: '', value: 7 }]);
    });
  }),
  check('gives up a load that is disposed without a commit', async (scene) => {
    await scene.load(ORDERS, [{ id: 1, status: 'old' }]);
    await scene.open(async (load) => {
      await load.prepare(ORDERS);
      await load.write('orders', [{ id: 1, status: 'new' }]);
    });
    same(await scene.rows('orders'), [{ id: 1, status: 'old' }]);
  }),
  check('keeps rows and positions over a restart', async (scene) => {
    await scene.load(ORDERS, [{ id: 1, status: 'kept' }], { lsn: 5 });
    await scene.restart();
    same(await scene.rows('orders'), [{ id: 1, status: 'kept' }]);
    same(await scene.session((session) => session.readState()), [{ stream: '', partition: 'slot', value: 5 }]);
    await scene.load(ORDERS, [{ id: 1, status: 'newer' }], { lsn: 6 });
    same(await scene.rows('orders'), [{ id: 1, status: 'newer' }]);
  }),
  check('keeps the last row of a merged key, within a load and over loads', async (scene) => {
    await scene.load(ORDERS, [
      { id: 1, status: 'a' },
      { id: 2, status: 'a' },
      { id: 1, status: 'b' },
    ]);
    await scene.load(ORDERS, [{ id: 2, status: 'c' }]);
    same(await scene.sorted('orders'), [
      { id: 1, status: 'b' },
      { id: 2, status: 'c' },
    ]);
  }),
  check('keeps the highest version of a key, whatever the order of arrival', async (scene) => {
    await scene.load(CHANGES, [{ id: 1, status: 'newer', _version: 20n }]);
    await scene.load(CHANGES, [
      { id: 1, status: 'older', _version: 10n },
      { id: 2, status: 'only', _version: 1n },
    ]);
    same(await scene.sorted('changes'), [
      { id: 1, status: 'newer' },
      { id: 2, status: 'only' },
    ]);
  }),
  check('changes nothing when the same rows come again', async (scene) => {
    const rows = [
      { id: 1, status: 'a', _version: 7n },
      { id: 2, _version: 8n, _deleted: true },
      { id: 3, status: 'c', _version: 9n },
    ];
    await scene.load(CHANGES, rows);
    const once = await scene.sorted('changes');
    await scene.load(CHANGES, rows);
    same(await scene.sorted('changes'), once);
    equal(once.length, 2);
  }),
  check('removes a key that is marked deleted, and takes it back when it returns', async (scene) => {
    await scene.load(CHANGES, [
      { id: 1, status: 'a', _version: 1n },
      { id: 2, status: 'a', _version: 1n },
    ]);
    await scene.load(CHANGES, [{ id: 1, _version: 2n, _deleted: true }]);
    same(await scene.sorted('changes'), [{ id: 2, status: 'a' }]);
    await scene.load(CHANGES, [{ id: 1, status: 'back', _version: 3n }]);
    same(await scene.sorted('changes'), [
      { id: 1, status: 'back' },
      { id: 2, status: 'a' },
    ]);
  }),
  check('appends every row once, equal rows included', async (scene) => {
    await scene.load(EVENTS, [
      { id: 1, status: 'a' },
      { id: 1, status: 'a' },
    ]);
    await scene.load(EVENTS, [{ id: 1, status: 'a' }]);
    equal((await scene.rows('events')).length, 3);
  }),
  check('replaces the whole table of a stream without scopes', async (scene) => {
    await scene.load(CATALOG, [
      { id: 1, status: 'a' },
      { id: 2, status: 'a' },
    ]);
    await scene.load(CATALOG, [{ id: 3, status: 'b' }]);
    same(await scene.sorted('catalog'), [{ id: 3, status: 'b' }]);
    await scene.load(CATALOG, []);
    same(await scene.sorted('catalog'), []);
  }),
  check('empties a table that was truncated and shows only what came after', async (scene) => {
    await scene.load(CHANGES, [{ id: 1, status: 'a', _version: 100n }]);
    await scene.load(CHANGES, [{ id: 2, status: 'b', _version: 50n }], { truncate: true });
    same(await scene.sorted('changes'), [{ id: 2, status: 'b' }]);
    await scene.load(CHANGES, [], { truncate: true });
    same(await scene.sorted('changes'), []);
  }),
  check('forgets the rows written before a truncation in the same load', async (scene) => {
    await scene.open(async (load) => {
      await load.prepare(CHANGES);
      await load.write('changes', [{ id: 1, status: 'a', _version: 1n }]);
      await load.truncate('changes');
      await load.write('changes', [{ id: 2, status: 'b', _version: 2n }]);
      await load.commit([]);
    });
    same(await scene.sorted('changes'), [{ id: 2, status: 'b' }]);
  }),
  check('gives up one stream of a load and commits the others', async (scene) => {
    await scene.open(async (load) => {
      for (const spec of [ORDERS, CHANGES]) await load.prepare(spec);
      await load.write('orders', [{ id: 1, status: 'a' }]);
      await load.write('changes', [{ id: 1, status: 'a', _version: 1n }]);
      await load.discard('changes');
      await load.commit([]);
    });
    equal((await scene.rows('orders')).length, 1);
    same(await scene.rows('changes'), []);
  }),
  check('looks up rows of the open load before committed ones', async (scene) => {
    await scene.load(CHANGES, [
      { id: 1, status: 'old', _version: 1n },
      { id: 2, status: 'old', _version: 1n },
      { id: 3, status: 'old', _version: 1n },
    ]);
    await scene.open(async (load) => {
      await load.prepare(CHANGES);
      await load.write('changes', [
        { id: 1, status: 'new', _version: 2n },
        { id: 3, _version: 2n, _deleted: true },
      ]);
      const rows = await load.lookup('changes', [{ id: 2 }, { id: 1 }, { id: 3 }, { id: 4 }], ['status']);
      same(rows, [{ status: 'old' }, { status: 'new' }, undefined, undefined]);
      await load.truncate('changes');
      same(await load.lookup('changes', [{ id: 1 }], ['status']), [undefined]);
    });
  }),
];
