import type { Slice, SourceMessage, SourceReadRequest } from '@etl/core';
import type { HttpClient } from '@etl/core/http';
import { DatasetColumns } from './dataset-columns.ts';
import { driftsOf } from './dataset-drift.ts';
import { datasetError } from './dataset-error.ts';
import { pagesOf } from './dataset-pages.ts';
import { nextState, readState, stateEntry } from './dataset-state.ts';
import type { Dataset } from './manifest.ts';
import { NewestRows, type DatedRow } from './newest-rows.ts';
import type { ResolvedOptions } from './options.ts';
import { unknownRows } from './unknown-rows.ts';
import { Watermark } from './watermark.ts';

const BATCH_ROWS = 2000;

export interface DatasetRead {
  readonly http: HttpClient;
  readonly options: ResolvedOptions;
  readonly dataset: Dataset;
  readonly slice: Slice;
  readonly request: SourceReadRequest;
}

/**
 * Reads a dataset. No row is handed on before the types of all of them are known, because a column
 * cannot change its type within a load: what does not fit into the buffer is read twice.
 */
export async function* readDataset(read: DatasetRead): AsyncGenerator<SourceMessage, void, undefined> {
  const { dataset, options, request, slice } = read;
  // What is committed from now on is not certain to be read.
  const now = request.now ?? new Date();
  const before = readState(request.state, dataset.name);
  const columns = new DatasetColumns(dataset, before, options.hashKey);
  const watermark = new Watermark(dataset, before, request.fullRefresh === true);
  const pages = () => pagesOf({ ...read, maxPages: options.maxPages }, watermark.startOf(options.overlapSeconds));

  const buffer = new NewestRows(dataset);
  let isBuffered = true;
  for await (const page of pages()) {
    for (const row of page) {
      const at = watermark.momentOf(row);
      watermark.saw(at);
      const taken = columns.take(row);
      if (isBuffered) buffer.add({ row: taken, at });
    }
    if (buffer.size > options.bufferRows) isBuffered = false;
    if (!isBuffered) buffer.clear();
  }
  columns.requireConfigured();
  yield { type: 'schema', stream: columns.spec };
  for (const drift of driftsOf(dataset, columns, before)) yield { type: 'drift-found', stream: dataset.name, drift };

  const lots = isBuffered ? buffer.batches(BATCH_ROWS) : readAgain(pages(), dataset, columns, watermark);
  for await (const lot of lots) {
    const encoded = lot.map(({ row, at }) => ({ row: columns.encode(row), at }));
    const rows = await unknownRows(dataset, request.lookup, encoded);
    if (rows.length > 0) yield { type: 'records', stream: dataset.name, slice: slice.key, rows };
  }
  yield { type: 'slice-completed', stream: dataset.name, slice };
  const state = nextState(dataset, columns, before, watermark.reached(now));
  yield { type: 'checkpoint', checkpoint: { entries: [stateEntry(dataset.name, state)] } };
}

/**
 * The rows once more, a page behind: where the API gives a row at the end of a page and at the
 * beginning of the next, only one of them is handed on.
 */
async function* readAgain(
  pages: AsyncIterable<readonly DatedRow['row'][]>,
  dataset: Dataset,
  columns: DatasetColumns,
  watermark: Watermark,
): AsyncGenerator<readonly DatedRow[]> {
  const types = JSON.stringify(columns.types);
  let behind = new NewestRows(dataset);
  for await (const page of pages) {
    const rows = new NewestRows(dataset);
    for (const row of page) {
      const at = watermark.momentOf(row);
      // What changed since the first reading is newer than all of it, and left to the next run.
      if (at <= watermark.newest) rows.add({ row: columns.take(row), at });
    }
    if (JSON.stringify(columns.types) !== types)
      throw datasetError(
        'ESIM_CHANGED_WHILE_READ',
        'transient',
        dataset.name,
        'changed a type while it was read',
        'Run again.',
      );
    rows.takeFrom(behind);
    yield* behind.batches(BATCH_ROWS);
    behind = rows;
  }
  yield* behind.batches(BATCH_ROWS);
}
