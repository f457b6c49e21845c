import type { OperationOptions } from '@etl/core';
import { paginate } from '@etl/core/http';
import { z } from 'zod';
import { EXACT_NUMBERS } from './exact-json.ts';
import type { GraphClient, GraphObject, Parameters } from './graph-client.ts';
import { isTooMuchData, unexpectedAnswer } from './graph-error.ts';

const listSchema = z.object({
  // Copying every row to look at it would cost more than parsing it.
  data: z.custom<readonly GraphObject[]>((data) => Array.isArray(data) && data.every(isObject)),
  paging: z
    .object({ cursors: z.object({ after: z.string().optional() }).optional(), next: z.string().optional() })
    .optional(),
});

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A list that is read page by page. */
export interface ListRequest {
  readonly path: string;
  readonly query: Parameters;
  readonly accountId: string;
  /** Objects of a page to begin with; halved when the platform says that it is too much. */
  readonly pageSize: number;
  /** Whether all its numbers are text, as those of reports are. */
  readonly hasTextNumbers?: boolean;
  /** Told the page size that the platform took in the end, when it was a smaller one. */
  readonly onPageSize?: (size: number) => void;
}

/** All pages of a list. */
export async function* pagesOf(
  graph: GraphClient,
  list: ListRequest,
  call: OperationOptions,
): AsyncGenerator<readonly GraphObject[], void, undefined> {
  const { path, query, accountId, onPageSize } = list;
  const lossless = list.hasTextNumbers === true ? (false as const) : EXACT_NUMBERS;
  const asked = { ...call, lossless };
  let limit = list.pageSize;
  const read = async (after: string | undefined): Promise<z.output<typeof listSchema>> => {
    for (;;) {
      try {
        const page = listSchema.safeParse(await graph.get(path, { ...query, limit, after }, accountId, asked));
        if (!page.success) throw unexpectedAnswer(`a page of ${path}`);
        return page.data;
      } catch (error) {
        if (!isTooMuchData(error) || limit <= 1) throw error;
        limit = Math.floor(limit / 2);
        onPageSize?.(limit);
      }
    }
  };
  const pages = paginate({
    name: path,
    read,
    allowEmptyPages: true,
    maxPages: 100_000,
    end: ({ data, paging }) => {
      if (paging?.next === undefined) return { next: undefined, hasMore: false, count: data.length };
      // The URL is not followed, for it holds the token, but where it leads says whom it comes from.
      const url = graph.resolve(paging.next);
      // The cursor of `next`, not `cursors.after`: a list that goes in a circle shows itself by it.
      return { next: url.searchParams.get('after') ?? paging.cursors?.after, hasMore: true, count: data.length };
    },
  });
  for await (const { data } of pages) yield data;
}
