import { EtlError, type OperationOptions } from '@etl/core';
import {
  bearer,
  createHttpClient,
  RetryBudget,
  systemClock,
  type Clock,
  type HttpClient,
  type JsonRequest,
  type RequestPolicy,
} from '@etl/core/http';
import { batchedAnswers, batchOf, MAX_BATCH } from './graph-batch.ts';
import { graphErrorOf } from './graph-error.ts';
import type { FacebookOptions, ResolvedOptions } from './options.ts';
import { Quotas } from './quotas.ts';
import { sdkTransport } from './sdk-transport.ts';

/** One object of the graph. */
export type GraphObject = Readonly<Record<string, unknown>>;
export type Parameters = Readonly<Record<string, string | number | undefined>>;

/**
 * Asks the Graph API for one token: through Facebook's own client, with an instance of it for every account,
 * and with the one layer of retries, limits and secrets that all connectors have.
 */
export class GraphClient {
  readonly clock: Clock;
  readonly quotas: Quotas;
  readonly #options: ResolvedOptions;
  readonly #parts: Pick<FacebookOptions, 'fetch' | 'clock' | 'random'>;
  readonly #retryBudget = new RetryBudget();
  readonly #clients = new Map<string | undefined, HttpClient>();

  constructor(options: ResolvedOptions, parts: Pick<FacebookOptions, 'fetch' | 'clock' | 'random'>) {
    this.#options = options;
    this.#parts = parts;
    this.clock = parts.clock ?? systemClock;
    this.quotas = new Quotas(options, this.clock);
  }

  /** A GET below the version. Without an account it counts against the app alone. */
  async get(
    path: string,
    query: Parameters,
    accountId: string | undefined,
    call: OperationOptions & Pick<JsonRequest, 'lossless'>,
  ): Promise<unknown> {
    const { body } = await this.#client(accountId).json(path, { query, lossless: call.lossless, ...operation(call) });
    return body;
  }

  /** A request whose repetition does no harm, only costs. */
  async post(path: string, form: Parameters, accountId: string, call: OperationOptions): Promise<unknown> {
    const request = { method: 'POST', form: formOf(form), isIdempotent: true, ...operation(call) };
    const { body } = await this.#client(accountId).json(path, request);
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
      const part = paths.slice(start, start + MAX_BATCH).map((path) => `${this.#options.apiVersion}/${path}`);
      // Every request of a batch counts against the quota, and its headers say how much is left.
      const given = await this.post('', { batch: batchOf(part), include_headers: 'true' }, accountId, call);
      for (const { answer, headers } of batchedAnswers(given, part)) {
        this.quotas.observe(headers, accountId);
        if (EtlError.isInstance(answer)) this.quotas.refused(answer, accountId, this.clock.now());
        answers.push(answer);
      }
    }
    return answers;
  }

  /** @throws HTTP_HOST_REFUSED for a URL that leads elsewhere */
  resolve(url: string): URL {
    return this.#client(undefined).resolve(url);
  }

  #client(accountId: string | undefined): HttpClient {
    const known = this.#clients.get(accountId);
    if (known !== undefined) return known;
    const { baseUrl, apiVersion, token } = this.#options;
    const client = createHttpClient({
      baseUrl: `${baseUrl.replace(/\/$/, '')}/${apiVersion}`,
      authorization: bearer(token),
      secrets: [token],
      timeouts: { firstByteMs: 300_000, idleMs: 300_000 },
      ...this.#policy(accountId),
      retryBudget: this.#retryBudget,
      fetch: this.#parts.fetch ?? sdkTransport(token),
      clock: this.#parts.clock,
      random: this.#parts.random,
    });
    this.#clients.set(accountId, client);
    return client;
  }

  #policy(accountId: string | undefined): RequestPolicy {
    return {
      classify: (answer) => {
        const error = graphErrorOf(answer);
        if (error !== undefined) this.quotas.refused(error, accountId, this.clock.now());
        return error;
      },
      // A quota is waited for by nobody: its account is parked. A page that was cut short is asked for again.
      isRetryable: ({ code }) =>
        code === 'FACEBOOK_QUOTA_USED' ? false : code === 'HTTP_BODY_MALFORMED' ? true : undefined,
      pacer: this.quotas.of(accountId),
      readUsage: (headers) => this.quotas.observe(headers, accountId),
    };
  }
}

function formOf(form: Parameters): Record<string, string> {
  return Object.fromEntries(
    Object.entries(form).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}

function operation({ signal, logger, tracer, onCall }: OperationOptions): OperationOptions {
  return { signal, logger, tracer, onCall };
}
