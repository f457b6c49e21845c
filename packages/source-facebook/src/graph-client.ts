import { EtlError, type OperationOptions, type StreamMemory } from '@etl/core';
import {
  bearer,
  createHttpClient,
  paced,
  Pacer,
  paginate,
  quotaKey,
  systemClock,
  type Clock,
  type HttpClient,
} from '@etl/core/http';
import { z } from 'zod';
import { errorBodyOf, graphError, graphErrorOf, isTooMuchData } from './graph-error.ts';
import type { FacebookOptions, ResolvedOptions } from './options.ts';
import { usageOf } from './usage-headers.ts';

/** One object of the graph. */
export type GraphObject = Readonly<Record<string, unknown>>;
export type Parameters = Readonly<Record<string, string | number | undefined>>;

const listSchema = z.object({
  data: z.array(z.record(z.string(), z.unknown())),
  paging: z
    .object({ cursors: z.object({ after: z.string().optional() }).optional(), next: z.string().optional() })
    .optional(),
});
const answersSchema = z.array(z.object({ code: z.number(), body: z.string().nullable() }).nullable());

const MAX_BATCH = 50;

/** A list that is read page by page. */
export interface ListRequest {
  readonly path: string;
  readonly query: Parameters;
  readonly accountId: string;
  /** Objects of a page to begin with; halved when the platform says that it is too much. */
  readonly pageSize: number;
}

/** Asks the Graph API for one token. Every account has its own pacer, which all its requests share. */
export class GraphClient {
  readonly clock: Clock;
  readonly #http: HttpClient;
  readonly #options: ResolvedOptions;
  readonly #pacers = new Map<string, Pacer>();

  constructor(options: ResolvedOptions, parts: Pick<FacebookOptions, 'fetch' | 'clock' | 'random'>) {
    this.#options = options;
    this.clock = parts.clock ?? systemClock;
    this.#http = createHttpClient({
      baseUrl: `${options.baseUrl.replace(/\/$/, '')}/${options.apiVersion}`,
      authorization: bearer(options.token),
      secrets: [options.token],
      timeouts: { firstByteMs: 300_000, idleMs: 300_000 },
      classify: graphErrorOf,
      // A quota is waited for by nobody: its account is parked. A page that was cut short is asked for again.
      isRetryable: ({ code }) =>
        code === 'FACEBOOK_QUOTA_USED' ? false : code === 'HTTP_BODY_MALFORMED' ? true : undefined,
      fetch: parts.fetch,
      clock: parts.clock,
      random: parts.random,
    });
  }

  pacer(accountId: string): Pacer {
    const { slowDownAt, longestSpacingSeconds } = this.#options;
    const pacer =
      this.#pacers.get(accountId) ??
      new Pacer({
        name: `the ad account ${accountId}`,
        slowDownAt,
        longestSpacingMs: longestSpacingSeconds * 1000,
        clock: this.clock,
      });
    this.#pacers.set(accountId, pacer);
    return pacer;
  }

  /** Takes up what an earlier run knew of the account's quota, and keeps what this one learns. */
  paced<T>(
    accountId: string,
    memory: StreamMemory | undefined,
    work: () => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    const key = quotaKey(this.#options.token, 'facebook', accountId);
    return paced(this.pacer(accountId), { memory, key }, work);
  }

  async get(path: string, query: Parameters, accountId: string | undefined, call: OperationOptions): Promise<unknown> {
    const { body } = await this.#http.json(path, { query, ...this.#policy(accountId), ...operation(call) });
    return body;
  }

  /** A request whose repetition does no harm, only costs. */
  async post(path: string, form: Parameters, accountId: string, call: OperationOptions): Promise<unknown> {
    const policy = this.#policy(accountId);
    const request = { method: 'POST', form: formOf(form), isIdempotent: true, ...policy, ...operation(call) };
    const { body } = await this.#http.json(path, request);
    return body;
  }

  /** Several GETs in as few requests as possible. An answer is `undefined` when the platform did not get to it. */
  async batch(
    paths: readonly string[],
    accountId: string,
    call: OperationOptions,
  ): Promise<readonly (GraphObject | EtlError | undefined)[]> {
    const answers: (GraphObject | EtlError | undefined)[] = [];
    for (let start = 0; start < paths.length; start += MAX_BATCH) {
      const part = paths.slice(start, start + MAX_BATCH);
      const batch = JSON.stringify(part.map((path) => ({ method: 'GET', relative_url: path })));
      const given = answersSchema.safeParse(await this.post('', { batch, include_headers: 'false' }, accountId, call));
      if (!given.success || given.data.length !== part.length) throw unexpected('a batch');
      for (const [index, answer] of given.data.entries()) answers.push(batched(answer, part[index] ?? ''));
    }
    return answers;
  }

  /** All pages of a list. Tells the page size that the platform took in the end. */
  async *pages(
    list: ListRequest,
    call: OperationOptions,
    onPageSize: (size: number) => void = () => undefined,
  ): AsyncGenerator<readonly GraphObject[], void, undefined> {
    const { path, query, accountId } = list;
    let limit = list.pageSize;
    const read = async (after: string | undefined): Promise<z.output<typeof listSchema>> => {
      for (;;) {
        try {
          const page = listSchema.safeParse(await this.get(path, { ...query, limit, after }, accountId, call));
          if (!page.success) throw unexpected(`a page of ${path}`);
          return page.data;
        } catch (error) {
          if (!isTooMuchData(error) || limit <= 1) throw error;
          limit = Math.floor(limit / 2);
          onPageSize(limit);
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
        const url = this.#http.resolve(paging.next);
        // The cursor of `next`, not `cursors.after`: a list that goes in a circle shows itself by it.
        return { next: url.searchParams.get('after') ?? paging.cursors?.after, hasMore: true, count: data.length };
      },
    });
    for await (const { data } of pages) yield data;
  }

  #policy(accountId: string | undefined): { pacer?: Pacer; readUsage?: typeof usageOf } {
    return accountId === undefined ? {} : { pacer: this.pacer(accountId), readUsage: usageOf };
  }
}

function batched(
  answer: z.output<typeof answersSchema>[number] | undefined,
  path: string,
): GraphObject | EtlError | undefined {
  if (answer === null || answer === undefined || answer.body === null) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(answer.body);
  } catch {
    return undefined;
  }
  const error = errorBodyOf(json);
  if (error !== undefined) return graphError(error, `GET ${path.split('?')[0] ?? ''}`, { status: answer.code });
  return answer.code === 200 && typeof json === 'object' && json !== null ? (json as GraphObject) : undefined;
}

function formOf(form: Parameters): Record<string, string> {
  return Object.fromEntries(
    Object.entries(form).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}

function operation({ signal, logger, tracer, onCall }: OperationOptions): OperationOptions {
  return { signal, logger, tracer, onCall };
}

function unexpected(what: string): EtlError {
  return new EtlError({
    code: 'FACEBOOK_ANSWER_UNEXPECTED',
    kind: 'data',
    message: `Facebook answered ${what} in a form that nobody knows.`,
    hint: 'Run again; report it if it repeats, for the API may have changed.',
  });
}
