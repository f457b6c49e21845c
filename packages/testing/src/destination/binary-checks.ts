import { equal, rejects } from 'node:assert/strict';
import type { BinaryBatch, LoadPackage, Row, StreamSpec } from '@etl/core';
import { binaryBatchOf } from '../binary-batch.ts';
import { canonicalRow } from '../rows/canonical-value.ts';
import { textBatchOf } from '../text-batch.ts';
import { destinationCheck, type DestinationCheck } from './destination-check.ts';
import { rejectsWith, same, type DestinationScene } from './destination-scene.ts';
import { ALL, ROWS } from './every-type.ts';
import { CHANGES, ORDERS } from './streams.ts';

type Takes = (scene: DestinationScene, open: Opened) => Promise<void>;
/** One load whose bytes are taken, committed. */
type Opened = (work: (load: Required<LoadPackage>) => Promise<void>) => Promise<void>;

function takesBinary(name: string, work: Takes): DestinationCheck {
  const run = (scene: DestinationScene): Promise<void> =>
    work(scene, (load) =>
      scene.open(async (opened) => {
        await load(opened as Required<LoadPackage>);
        await opened.commit([]);
      }),
    );
  return destinationCheck(name, run, ({ destination }) => destination.capabilities.binary === true);
}

const changes = (ids: readonly string[], status: string | null, version: bigint): BinaryBatch =>
  binaryBatchOf(
    CHANGES,
    ids.map((id) => ({ id, status, _version: version })),
  );

async function statuses(scene: DestinationScene): Promise<readonly unknown[]> {
  return (await scene.sorted('changes')).map(({ id, status }) => [String(id), status]);
}

/** What a destination promises of rows as bytes; nothing where it does not have the capability. */
export const binaryChecks = [
  takesBinary('makes of bytes the table that it makes of rows, for every type', async (scene, open) => {
    const versioned = { ...ALL, versionColumn: '_version' };
    const bytes: StreamSpec = { ...versioned, name: 'as_bytes' };
    const rows = ROWS.map((row): Row => ({ ...row, _version: 1n }));
    await open(async (load) => {
      await load.prepare(versioned);
      await load.write('as_rows', rows);
      await load.prepare(bytes);
      await load.writeBinary('as_bytes', binaryBatchOf(bytes, rows.slice(0, 4)));
      await load.write('as_bytes', rows.slice(4, 5));
      if (load.writeText !== undefined) await load.writeText('as_bytes', textBatchOf(bytes, rows.slice(5, 6)));
      else await load.write('as_bytes', rows.slice(5, 6));
      await load.writeBinary('as_bytes', binaryBatchOf(bytes, rows.slice(6)));
    });
    const read = async (stream: string): Promise<readonly Row[]> =>
      (await scene.sorted(stream))
        .map((row) => canonicalRow(ALL, row))
        .toSorted((a, b) => Number(a['id']) - Number(b['id']));
    const found = await read('as_bytes');
    equal(found.length, ROWS.length);
    same(found, await read('as_rows'));
  }),

  takesBinary('keeps the memory of a batch of bytes to the source once it was taken over', async (scene, open) => {
    await open(async (load) => {
      await load.prepare(CHANGES);
      const batch = changes(['1'], 'kept', 1n);
      await load.writeBinary('changes', batch);
      batch.bytes.fill(0);
    });
    same(await statuses(scene), [['1', 'kept']]);
  }),

  takesBinary('gives rows as bytes the version of their batch, and looks them up', async (scene, open) => {
    await open(async (load) => {
      await load.prepare(CHANGES);
      await load.writeBinary('changes', changes(['1', '2', '3'], 'copied', 2n ** 100n));
      await load.write('changes', [
        { id: '1', status: 'older', _version: 2n ** 99n },
        { id: '2', status: 'newer', _version: 2n ** 101n },
        { id: '3', _version: 2n ** 101n, _deleted: true },
      ]);
      const found = await load.lookup('changes', [{ id: '1' }, { id: '3' }], ['status']);
      same(found, [{ status: 'copied' }, undefined]);
    });
    same(await statuses(scene), [
      ['1', 'copied'],
      ['2', 'newer'],
    ]);
  }),

  takesBinary('stores rows as bytes of every lane and version', async (scene, open) => {
    await open(async (load) => {
      await load.prepare(CHANGES);
      await load.writeBinary('changes', { ...changes(['1', '3'], 'first', 1n), lane: 0 });
      await load.writeBinary('changes', { ...changes(['2', '4'], null, 1n), lane: 1, isLaneEnd: true });
      await load.writeBinary('changes', { ...changes(['3', '5'], 'second', 2n), lane: 2 });
      await load.writeBinary('changes', changes(['6'], 'first', 1n));
    });
    same(await statuses(scene), [
      ['1', 'first'],
      ['2', null],
      ['3', 'second'],
      ['4', null],
      ['5', 'second'],
      ['6', 'first'],
    ]);
  }),

  takesBinary('commits nothing of bytes that are not what the batch says', async (scene, open) => {
    const good = changes(['1', '2'], 'a', 1n);
    const written = (batch: BinaryBatch, stream: StreamSpec = CHANGES): Promise<void> =>
      open(async (load) => {
        await load.prepare(stream);
        await load.writeBinary('changes', batch);
      });
    for (const columns of [['id'], ['id', 'unknown'], ['id', 'id'], ['id', 'status', 'status']]) {
      await rejectsWith(written({ ...good, columns }), { code: 'BINARY_BATCH_INVALID', kind: 'data' });
    }
    await rejectsWith(written(good, { ...ORDERS, name: 'changes' }), { code: 'BINARY_BATCH_INVALID', kind: 'data' });
    for (const part of [{ rowCount: 1 }, { rowCount: 3 }, { bytes: good.bytes.subarray(0, -1) }]) {
      await rejects(written({ ...good, ...part }));
    }
    same(await scene.rows('changes'), []);
    await written(good);
    equal((await scene.rows('changes')).length, 2);
  }),
];
