import { EtlError, type ErrorKind } from '@etl/core';
import { paginate, type HttpClient } from '@etl/core/http';
import { z } from 'zod';
import type { Bug } from './sample-bug.ts';
import { TOKEN } from './sample-platform.ts';

const page = z.object({
  total: z.int(),
  rows: z.array(z.record(z.string(), z.unknown())),
  next: z.string().optional(),
});
const strictPage = page.strict();

type SampleRow = Readonly<Record<string, unknown>>;

interface PagesOptions {
  readonly http: HttpClient;
  readonly name: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
  readonly bug: Bug | undefined;
}

/** The pages of a list of the platform, which says how many rows it has. */
export async function* pagesOf(options: PagesOptions): AsyncGenerator<readonly SampleRow[]> {
  const { http, name, path, query, bug } = options;
  const policy = bug === 'ignores the signal' ? {} : { signal: options.signal };
  const limited = bug === 'asks for every row by itself' ? { ...query, limit: '1' } : query;
  const read = async (next: string | undefined): Promise<z.output<typeof page>> => {
    const isFollowed = bug === 'asks wherever the next link points' && next !== undefined;
    const answer = isFollowed
      ? await follow(next)
      : (await http.json(next ?? path, next === undefined ? { ...policy, query: limited } : policy)).body;
    const body = (bug === 'refuses fields that it does not know' ? strictPage : page).safeParse(answer);
    if (body.success) return body.data;
    throw new EtlError({ code: 'SAMPLE_REPORT_FAILED', kind: 'data', message: 'The report failed on the platform.' });
  };
  const pages = paginate({
    name,
    read,
    end: ({ next, rows }) => ({
      count: rows.length,
      next: bug === 'says completed after the first page' ? undefined : next,
    }),
  });
  let seen = 0;
  let total = 0;
  for await (const { rows, total: all } of pages) {
    seen += rows.length;
    total = all;
    yield rows;
  }
  if (total === 0 && bug === 'takes an empty account for an error')
    throw new EtlError({ code: 'SAMPLE_EMPTY', kind: 'data', message: 'The platform has no rows.' });
  if (seen === total || bug === 'trusts a short page' || bug === 'says completed after the first page') return;
  throw new EtlError({ code: 'SAMPLE_ROWS_MISSING', kind: 'data', message: 'The platform left out rows.' });
}

const KINDS: Readonly<Record<number, ErrorKind>> = { 401: 'auth', 403: 'permission', 429: 'rate-limit' };

/** Credentials for whoever is at the other end. */
async function follow(url: string): Promise<unknown> {
  const failed = (kind: ErrorKind, cause?: unknown): EtlError =>
    new EtlError({ code: 'SAMPLE_UNREACHABLE', kind, message: 'No page came.', cause });
  try {
    const answer = await fetch(url, {
      headers: { authorization: `Bearer ${TOKEN}` },
      signal: AbortSignal.timeout(300),
    });
    if (!answer.ok) throw failed(KINDS[answer.status] ?? 'transient');
    return await answer.json();
  } catch (error) {
    throw EtlError.isInstance(error) ? error : failed(error instanceof SyntaxError ? 'data' : 'transient', error);
  }
}
