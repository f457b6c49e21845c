import type { RunRecord } from '@etl/core';
import { memoryDestination } from '@etl/testing';
import { expect, test } from 'vitest';
import { pipelineStatus, type PipelineStatus } from '../src/pipeline-status.ts';
import { statusLines } from '../src/reporters/status-text.ts';

const ENDED_AT = '2026-11-01T05:00:00.000Z';
const NOW = new Date('2026-11-01T05:02:00.000Z');

async function statusAfter(failures: RunRecord['failures']): Promise<PipelineStatus> {
  const destination = memoryDestination();
  destination.store.runs.push({
    pipeline: 'pg_shop',
    id: '1',
    startedAt: ENDED_AT,
    endedAt: ENDED_AT,
    status: 'partial',
    rows: 7,
    loads: [],
    streams: ['orders', 'items'].map((stream) => ({
      stream,
      rows: 0,
      slicesDue: 0,
      slicesPublished: 0,
      slicesUnchanged: 0,
      slicesRestated: 0,
      rowsRestated: 0,
      slicesLeft: 0,
    })),
    calls: [],
    failures,
  });
  const view = await destination.inspect();
  return pipelineStatus(view, 'pg_shop');
}

const failure = (stream: string, slice?: string): RunRecord['failures'][number] => ({
  stream,
  ...(slice === undefined ? {} : { slice }),
  code: 'PG_TABLE_KEYLESS',
  message: `The table public.${stream} has neither a primary key nor a replica identity index.`,
});

test('streams that failed as a whole are counted, and that there were more problems than the first is said', async () => {
  const status = await statusAfter([failure('orders'), failure('items'), failure('orders')]);
  expect(status).toMatchObject({ failed: 2, lastProblem: { code: 'PG_TABLE_KEYLESS', more: 2 } });
  expect(statusLines([status], NOW)[1]).toMatch(
    / 2 .* PG_TABLE_KEYLESS: The table public\.orders has .*… \(2 m 0 s ago, and 2 more\)/,
  );
});

test('one problem is only said', async () => {
  const status = await statusAfter([failure('orders')]);
  expect(statusLines([status], NOW)[1]).toMatch(/… \(2 m 0 s ago\)/);
});

test('neither a run that ended with an error nor the slices of a run are streams that failed', async () => {
  const status = await statusAfter([failure(''), failure('orders', '2026-10-31')]);
  expect(status).toMatchObject({ failed: 0, lastProblem: { more: 1 } });
});
