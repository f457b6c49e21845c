import type { JsonValue, StreamMemory } from '@etl/core';
import type { Clock, Fetch } from '@etl/core/http';
import { GraphClient } from '../src/graph-client.ts';
import { resolveOptions, type FacebookOptions, type ResolvedOptions } from '../src/options.ts';

const TOKEN = 'EAAscripted-token-of-nobody';

/** A request as the platform sees it. */
export interface Asked {
  readonly method: string;
  /** Below the version: `act_1/insights`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly form: Readonly<Record<string, string>>;
  readonly headers: Headers;
  readonly url: string;
}

/** What the script answers: a body of JSON or text, with status 200 unless it says another. */
export type Answered =
  | { readonly json: unknown; readonly status?: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly text: string; readonly status?: number; readonly headers?: Readonly<Record<string, string>> };

/** A clock on which nothing takes time but what is waited for. */
export class SteppedClock implements Clock {
  /** What was waited for, in milliseconds; limits of time are not. */
  readonly waits: number[] = [];
  #now: number;

  constructor(now = '2026-03-10T12:00:00Z') {
    this.#now = Date.parse(now);
  }

  now(): number {
    return this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
  }

  after(delayMs: number, callback: () => void): () => void {
    // Limits of a request are long; nothing here is waited for that long.
    if (delayMs > 120_000) return () => undefined;
    const timer = setImmediate(() => {
      this.waits.push(delayMs);
      this.advance(delayMs);
      callback();
    });
    return () => clearImmediate(timer);
  }
}

export interface ScriptedGraph {
  readonly graph: GraphClient;
  readonly options: ResolvedOptions;
  readonly clock: SteppedClock;
  /** Every request so far. */
  readonly asked: Asked[];
}

let graphs = 0;

/**
 * The client of this package against a platform that answers what the test says. Each has a token of its own, for
 * what is known of a token's quota is shared by the whole process.
 */
export function scriptedGraph(
  answer: (asked: Asked, index: number) => Answered | Promise<Answered>,
  given: Partial<FacebookOptions> = {},
): ScriptedGraph {
  const clock = new SteppedClock();
  const asked: Asked[] = [];
  const fetch: Fetch = async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : String(input));
    const one: Asked = {
      method: init.method ?? 'GET',
      path: url.pathname.replace(/^\/v\d+\.\d+\/?/, ''),
      query: Object.fromEntries(url.searchParams),
      form: init.body instanceof URLSearchParams ? Object.fromEntries(init.body) : {},
      headers: new Headers(init.headers),
      url: url.href,
    };
    asked.push(one);
    const { status = 200, headers = {}, ...body } = await answer(one, asked.length - 1);
    return new Response('json' in body ? JSON.stringify(body.json) : body.text, {
      status,
      headers: { 'content-type': 'application/json', ...headers },
    });
  };
  graphs += 1;
  const options = resolveOptions({
    token: `${TOKEN}-${graphs}`,
    accountIds: ['1'],
    baseUrl: 'https://graph.example',
    ...given,
  });
  const graph = new GraphClient(options, { fetch, clock, random: () => 0 });
  return { graph, options, clock, asked };
}

/** The body of an error of the platform. */
export function graphErrorBody(
  code: number,
  rest: Readonly<Record<string, unknown>> = {},
): { readonly error: unknown } {
  return { error: { message: `error ${code}`, type: 'OAuthException', code, fbtrace_id: 'A1', ...rest } };
}

/** Memory that a test can look into. */
export function memoryOf(
  held = new Map<string, JsonValue>(),
): StreamMemory & { readonly held: Map<string, JsonValue> } {
  return {
    held,
    get: (key) => Promise.resolve(held.get(key)),
    set(key, value) {
      if (value === null) held.delete(key);
      else held.set(key, value);
      return Promise.resolve();
    },
  };
}

/** What an asynchronous iterable yields, to its end. */
export async function collected<T>(all: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of all) found.push(one);
  return found;
}

/** What a promise was rejected with. */
export function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('nothing was thrown');
    },
    (error: unknown) => error,
  );
}
