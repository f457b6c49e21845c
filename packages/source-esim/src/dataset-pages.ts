import type { Row, SourceReadRequest } from '@etl/core';
import { paginate, type HttpClient } from '@etl/core/http';
import { z } from 'zod';
import { datasetError } from './dataset-error.ts';
import { ExactNumber, momentText } from './exact-value.ts';
import type { Dataset } from './manifest.ts';

const pageSchema = z.object({
  items: z.array(z.custom<Row>((item) => typeof item === 'object' && item !== null && !Array.isArray(item))),
  has_more: z.boolean(),
  next_cursor: z.string().nullish(),
});

export interface DatasetPages {
  readonly http: HttpClient;
  readonly dataset: Dataset;
  readonly request: SourceReadRequest;
  /** Pages beyond which reading is an error. */
  readonly maxPages: number;
}

/**
 * The pages of a dataset from a moment on, or all. Ends only where the API says that there is no
 * more.
 *
 * @throws `ESIM_PAGE_INVALID` (data), and those of `paginate`.
 */
export async function* pagesOf(
  { http, dataset, request, maxPages }: DatasetPages,
  after: bigint | undefined,
): AsyncGenerator<readonly Row[], void, undefined> {
  const { signal, logger, tracer, onCall, deadline } = request;
  const pages = paginate({
    name: dataset.name,
    maxPages,
    read: async (cursor) => {
      const first = after === undefined ? {} : { updated_after: momentText(after) };
      const { body } = await http.json(dataset.endpoint, {
        query: { limit: dataset.limit, ...(cursor === undefined ? first : { cursor }) },
        lossless: { inexact: (source) => new ExactNumber(source) },
        signal,
        logger,
        tracer,
        onCall,
        deadline,
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
