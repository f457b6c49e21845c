import type { Row, Slice, SourceMessage, SourceReadRequest } from '@etl/core';
import { paginate, type HttpClient } from '@etl/core/http';
import { z } from 'zod';
import { DatasetColumns } from './dataset-columns.ts';
import { datasetError } from './dataset-error.ts';
import { readState, stateEntry, type DatasetState } from './dataset-state.ts';
import { ExactNumber, microsecondsOf, momentText } from './exact-value.ts';
import type { Dataset } from './manifest.ts';
import type { ResolvedOptions } from './options.ts';

const pageSchema = z.object({
  items: z.array(z.custom<Row>((item) => typeof item === 'object' && item !== null && !Array.isArray(item))),
  has_more: z.boolean(),
  next_cursor: z.string().nullish(),
});

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
  const before = readState(request.state, dataset.name);
  const columns = new DatasetColumns(dataset, before, options.hashKey);
  const isAfresh = request.fullRefresh === true || before.field !== (dataset.watermark ?? null);
  const through = isAfresh || before.through === null ? undefined : BigInt(before.through);
  const after = through === undefined ? undefined : through - BigInt(options.overlapSeconds) * 1_000_000n;

  const buffer = new RowBuffer(dataset, options.bufferRows);
  let newest = through ?? 0n;
  for await (const rows of pagesOf(read, after)) {
    for (const row of rows) {
      const at = momentOf(dataset, row);
      if (at > newest) newest = at;
      buffer.add(columns.take(row), at);
    }
  }
  if (buffer.seen > 0) columns.requirePii();
  yield { type: 'schema', stream: columns.spec };
  if (dataset.drift !== undefined) yield driftMessage(read, columns, before);

  const emit = async (rows: readonly Row[], moments: readonly bigint[]): Promise<readonly Row[]> =>
    unknownRows(
      read,
      rows.map((row) => columns.encode(row)),
      moments,
      isAfresh ? undefined : through,
    );
  if (!buffer.isOver) {
    for (const { rows, moments } of buffer.batches()) {
      const fresh = await emit(rows, moments);
      if (fresh.length > 0) yield { type: 'records', stream: dataset.name, slice: slice.key, rows: fresh };
    }
  } else {
    const types = JSON.stringify(columns.types);
    for await (const page of pagesOf(read, after)) {
      // What changed since the first reading is newer than all of it, and left to the next run.
      const rows = page.filter((row) => momentOf(dataset, row) <= newest);
      const taken = rows.map((row) => columns.take(row));
      if (JSON.stringify(columns.types) !== types)
        throw datasetError(
          'ESIM_CHANGED_WHILE_READ',
          'transient',
          dataset.name,
          'changed a type while it was read',
          'Run again.',
        );
      const fresh = await emit(
        taken,
        rows.map((row) => momentOf(dataset, row)),
      );
      if (fresh.length > 0) yield { type: 'records', stream: dataset.name, slice: slice.key, rows: fresh };
    }
  }
  const fields = [...columns.fields];
  // A clock ahead of ours, or a row dated into the future, must not hide what comes before it.
  const now = BigInt((request.now ?? new Date()).getTime()) * 1000n;
  const reached = newest > now ? now : newest;
  const state: DatasetState = {
    version: 1,
    field: dataset.watermark ?? null,
    through:
      dataset.watermark === undefined || reached === 0n
        ? null
        : String(through !== undefined && through > reached ? through : reached),
    types: { ...columns.types },
    fields,
    reviewedFields: dataset.drift === undefined ? fields : before.reviewedFields,
  };
  yield { type: 'slice-completed', stream: dataset.name, slice };
  yield { type: 'checkpoint', checkpoint: { entries: [stateEntry(dataset.name, state)] } };
}

async function* pagesOf(read: DatasetRead, after: bigint | undefined): AsyncGenerator<readonly Row[], void, undefined> {
  const { http, dataset, options, request } = read;
  const pages = paginate({
    name: dataset.name,
    maxPages: options.maxPages,
    read: async (cursor) => {
      const first = after === undefined ? {} : { updated_after: momentText(after) };
      const { body } = await http.json(dataset.endpoint, {
        query: { limit: dataset.limit, ...(cursor === undefined ? first : { cursor }) },
        lossless: { inexact: (source) => new ExactNumber(source) },
        signal: request.signal,
        logger: request.logger,
        tracer: request.tracer,
        onCall: request.onCall,
        deadline: request.deadline,
      });
      const page = pageSchema.safeParse(body);
      if (page.success) return page.data;
      throw datasetError(
        'ESIM_PAGE_INVALID',
        'data',
        dataset.name,
        'answered with a page that is none',
        'Look at what the API answers.',
      );
    },
    end: ({ items, has_more, next_cursor }) => ({
      next: next_cursor ?? undefined,
      hasMore: has_more,
      count: items.length,
    }),
  });
  for await (const { items } of pages) yield items;
}

function momentOf({ name, watermark }: Dataset, row: Row): bigint {
  if (watermark === undefined) return 0n;
  const value = row[watermark];
  const at = typeof value === 'string' ? microsecondsOf(value) : undefined;
  if (at !== undefined) return at;
  throw datasetError(
    'ESIM_WATERMARK_INVALID',
    'data',
    name,
    `has a row whose ${watermark} is no time`,
    'Ask whoever runs the API.',
  );
}

/** Rows that the table does not hold yet: of a dataset that is only appended to, each is added once. */
async function unknownRows(
  { dataset, request }: DatasetRead,
  rows: readonly Row[],
  moments: readonly bigint[],
  through: bigint | undefined,
): Promise<readonly Row[]> {
  if (dataset.disposition !== 'append' || request.lookup === undefined) return rows;
  const asked = rows.filter((_, index) => through === undefined || (moments[index] ?? 0n) <= through);
  if (asked.length === 0) return rows;
  const found = await request.lookup(dataset.name, asked, dataset.primaryKey);
  const known = new Set(asked.filter((_, index) => found[index] !== undefined));
  return rows.filter((row) => !known.has(row));
}

function driftMessage({ dataset, request }: DatasetRead, columns: DatasetColumns, before: DatasetState): SourceMessage {
  const reviewed = before.reviewedFields;
  const known = new Set(reviewed);
  const added = [...columns.fields].filter((field) => !known.has(field));
  const what =
    reviewed === null
      ? 'no reviewed version was loaded to compare it with'
      : added.length === 0
        ? 'no new fields so far'
        : `new fields: ${added.join(', ')}`;
  const { declared = '', actual = '' } = dataset.drift ?? {};
  request.logger?.warn({ stream: dataset.name, version: actual, reviewed: declared, added }, 'schema drift');
  return {
    type: 'drift-found',
    stream: dataset.name,
    drift: { property: 'schema version', declared, actual: `${actual} (${what})` },
  };
}

/** Rows of which the newest of each key is kept, until there are too many. */
class RowBuffer {
  readonly #dataset: Dataset;
  readonly #limit: number;
  #rows = new Map<string, { readonly row: Row; readonly at: bigint }>();
  seen = 0;
  isOver = false;

  constructor(dataset: Dataset, limit: number) {
    this.#dataset = dataset;
    this.#limit = limit;
  }

  add(row: Row, at: bigint): void {
    this.seen += 1;
    if (this.isOver) return;
    const key = this.#dataset.primaryKey.length === 0 ? String(this.seen) : keyOf(this.#dataset, row);
    const present = this.#rows.get(key);
    if (present === undefined || at >= present.at) this.#rows.set(key, { row, at });
    if (this.#rows.size <= this.#limit) return;
    this.isOver = true;
    this.#rows.clear();
  }

  *batches(): Generator<{ readonly rows: readonly Row[]; readonly moments: readonly bigint[] }> {
    const all = [...this.#rows.values()];
    for (let start = 0; start < all.length; start += BATCH_ROWS) {
      const part = all.slice(start, start + BATCH_ROWS);
      yield { rows: part.map(({ row }) => row), moments: part.map(({ at }) => at) };
    }
  }
}

function keyOf({ primaryKey }: Dataset, row: Row): string {
  return JSON.stringify(
    primaryKey.map((name) => String(row[name] instanceof ExactNumber ? row[name].text : row[name])),
  );
}
