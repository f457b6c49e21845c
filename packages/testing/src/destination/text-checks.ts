import { equal } from 'node:assert/strict';
import type { LoadPackage, Row, StreamSpec, TextBatch } from '@etl/core';
import { canonicalRow } from '../rows/canonical-value.ts';
import { textBatchOf } from '../text-batch.ts';
import { destinationCheck, type DestinationCheck } from './destination-check.ts';
import { rejectsWith, same, type DestinationScene } from './destination-scene.ts';
import { ALL, ROWS } from './every-type.ts';
import { CHANGES } from './streams.ts';

const REPORT: StreamSpec = {
  name: 'report',
  columns: [
    { name: 'account_id', type: 'string', nullable: false },
    { name: 'ad_id', type: 'string', nullable: false },
    { name: 'note', type: 'string', nullable: true },
  ],
  primaryKey: ['account_id', 'ad_id'],
  writeDisposition: 'replace',
  scope: { keys: ['account_id'] },
};

type Takes = (scene: DestinationScene, open: Opened) => Promise<void>;
/** One load whose text is taken, committed. */
type Opened = (work: (load: Required<LoadPackage>) => Promise<void>) => Promise<void>;

function takesText(name: string, work: Takes): DestinationCheck {
  const run = (scene: DestinationScene): Promise<void> =>
    work(scene, (load) =>
      scene.open(async (opened) => {
        await load(opened as Required<LoadPackage>);
        await opened.commit([]);
      }),
    );
  return destinationCheck(name, run, ({ destination }) => destination.capabilities.text === true);
}

/** What a destination promises of rows as text; nothing where it does not have the capability. */
export const textChecks = [
  takesText('makes of text the table that it makes of rows, for every type', async (scene, open) => {
    const text = { ...ALL, name: 'as_text' };
    await open(async (load) => {
      await load.prepare(ALL);
      await load.write('as_rows', ROWS);
      await load.prepare(text);
      await load.writeText('as_text', textBatchOf(text, ROWS.slice(0, 4)));
      await load.write('as_text', ROWS.slice(4, 6));
      await load.writeText('as_text', textBatchOf(text, ROWS.slice(6)));
    });
    const read = async (stream: string): Promise<readonly Row[]> =>
      (await scene.sorted(stream))
        .map((row) => canonicalRow(ALL, row))
        .toSorted((a, b) => Number(a['id']) - Number(b['id']));
    const rows = await read('as_text');
    equal(rows.length, ROWS.length);
    same(rows, await read('as_rows'));
  }),

  takesText('keeps the memory of a batch to the source once it was taken over', async (scene, open) => {
    await open(async (load) => {
      await load.prepare(CHANGES);
      const batch = textBatchOf(CHANGES, [{ id: '1', status: 'kept', _version: 1n }]);
      await load.writeText('changes', batch);
      batch.bytes.fill(0);
    });
    same(
      (await scene.rows('changes')).map(({ status }) => status),
      ['kept'],
    );
  }),

  takesText('finds versions and deletions in text, and looks up what it staged', async (scene, open) => {
    await open(async (load) => {
      await load.prepare(CHANGES);
      const rows = ['1', '2', '3'].map((id) => ({ id, status: 'new', _version: 5n }));
      await load.writeText('changes', textBatchOf(CHANGES, rows));
      await load.writeText(
        'changes',
        textBatchOf(CHANGES, [
          { id: '1', _version: 6n, _deleted: true },
          { id: '2', status: 'older', _version: 4n },
        ]),
      );
      const found = await load.lookup('changes', [{ id: '2' }, { id: '1' }], ['status']);
      same(found, [{ status: 'new' }, undefined]);
    });
    same(
      (await scene.sorted('changes')).map(({ id, status }) => [String(id), status]),
      [
        ['2', 'new'],
        ['3', 'new'],
      ],
    );
  }),

  takesText('stores the same whatever a batch says of itself', async (scene, open) => {
    const batch = (ids: readonly string[], status: string, version: bigint): TextBatch => ({
      ...textBatchOf(
        CHANGES,
        ids.map((id) => ({ id, status, _version: version })),
      ),
      isPlain: true,
    });
    await open(async (load) => {
      await load.prepare(CHANGES);
      await load.writeText('changes', { ...batch(['1', '3'], 'first', 1n), lane: 0 });
      await load.writeText('changes', { ...batch(['2', '4'], 'first', 1n), lane: 1 });
      await load.writeText('changes', batch(['2', '2', '5'], 'second', 2n));
      await load.writeText('changes', { ...batch(['6'], 'third', 3n), lane: 1 });
    });
    same(
      (await scene.sorted('changes')).map(({ id, status }) => [String(id), status]),
      [
        ['1', 'first'],
        ['2', 'second'],
        ['3', 'first'],
        ['4', 'first'],
        ['5', 'second'],
        ['6', 'third'],
      ],
    );
  }),

  takesText('gives all rows of a batch the version of the batch', async (scene, open) => {
    const write = (version: bigint, status: string): Promise<void> =>
      open(async (load) => {
        await load.prepare(CHANGES);
        const bytes = Buffer.from(`${status}\t1\n`);
        await load.writeText('changes', { columns: ['status', 'id'], bytes, rowCount: 1, version });
      });
    await write(2n ** 120n, 'higher');
    await write(2n ** 119n, 'lower');
    same(
      (await scene.rows('changes')).map(({ status }) => status),
      ['higher'],
    );
  }),

  takesText('appends every line once, equal lines included', async (scene, open) => {
    const events: StreamSpec = { ...ALL, name: 'events', primaryKey: [], writeDisposition: 'append' };
    await open(async (load) => {
      await load.prepare(events);
      await load.writeText('events', textBatchOf(events, [ROWS[1] ?? {}, ROWS[1] ?? {}]));
      await load.writeText('events', textBatchOf(events, [ROWS[1] ?? {}]));
    });
    equal((await scene.rows('events')).length, 3);
  }),

  takesText('makes the rows of a scope exactly the lines of the slice', async (scene, open) => {
    const slice = { key: '1', scope: { equals: { account_id: '1' } } };
    const publish = (rows: readonly Row[]): Promise<void> =>
      open(async (load) => {
        await load.prepare(REPORT);
        await load.writeText('report', textBatchOf(REPORT, rows));
        await load.publish('report', slice, {
          stream: 'report',
          slice: '1',
          status: 'good',
          rows: rows.length,
          readAt: '2026-11-23T06:08:01.000Z',
          attempts: 1,
        });
      });
    await publish(['a', 'b'].map((ad_id) => ({ account_id: '1', ad_id, note: 'x' })));
    await publish([{ account_id: '1', ad_id: 'b', note: 'y' }]);
    same(
      (await scene.sorted('report')).map((row) => [row['ad_id'], row['note']]),
      [['b', 'y']],
    );
  }),

  takesText('refuses lines that are not what the batch says, and commits nothing of them', async (scene, open) => {
    const good: TextBatch = { columns: ['id', 'status'], bytes: Buffer.from('1\ta\n2\tb\n'), rowCount: 2, version: 1n };
    const wrong: readonly Partial<TextBatch>[] = [
      { bytes: Buffer.from('1\ta\n2\n') },
      { bytes: Buffer.from('1\ta\n2\tb\tc\n') },
      { bytes: Buffer.from('1\ta\n\n'), rowCount: 2 },
      { bytes: Buffer.from('1\ta\n2\tb') },
      { bytes: Buffer.from('1\ta\n2\ta\nb\n') },
      { rowCount: 1 },
      { rowCount: 3 },
      { rowCount: 0 },
      { columns: ['id', 'unknown'] },
    ];
    for (const part of wrong) {
      const failed = open(async (load) => {
        await load.prepare(CHANGES);
        await load.writeText('changes', { ...good, ...part });
      });
      await rejectsWith(failed, { code: 'TEXT_BATCH_INVALID', kind: 'data' });
    }
    same(await scene.rows('changes'), []);
    await open(async (load) => {
      await load.prepare(CHANGES);
      await load.writeText('changes', good);
    });
    equal((await scene.rows('changes')).length, 2);
  }),
];
