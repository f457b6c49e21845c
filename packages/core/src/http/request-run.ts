import { EtlError } from '../etl-error.ts';
import { silentLogger, type Logger } from '../operation-options.ts';
import { wait, type Clock } from './clock.ts';
import { Exchange } from './exchange.ts';
import { statusError, timeoutError, type RequestLabel } from './http-failure.ts';
import type { Answer, Fetch, HttpOptions, HttpRequest, HttpResponse } from './http-options.ts';
import { tryParseJson } from './lossless-json.ts';
import { redactedError } from './redacted-error.ts';
import { readSome } from './response-body.ts';
import { retryAfterMs } from './retry-after.ts';
import type { RetryBudget } from './retry-budget.ts';
import { mayRetry, retryWaitMs } from './retry-policy.ts';
import { sendRequest } from './send-request.ts';
import { isSecretName, SecretRedactor } from './secret-redactor.ts';
import type { TargetUrls } from './target-url.ts';

/** What all requests of a client share. */
export interface ClientParts {
  readonly options: HttpOptions;
  readonly redactor: SecretRedactor;
  readonly targets: TargetUrls;
  readonly budget: RetryBudget;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly random: () => number;
}

export interface Received {
  readonly response: Response;
  readonly exchange: Exchange;
  readonly label: RequestLabel;
  /** Throws what the platform means by a body. */
  readonly classify: (text: string, json: unknown) => void;
}

/** Reads a body in one of the ways a client offers. */
export interface BodyReader<TBody> {
  /** The exchange goes on after `read`, which then has to end it. */
  readonly isStreamed: boolean;
  readonly accept: Readonly<Record<string, string>>;
  read(received: Received): Promise<TBody>;
}

const MAX_ERROR_BODY_BYTES = 64 * 1024;
const LONG_WAIT_MS = 60_000;

/** One request with all its attempts. */
export class RequestRun<TBody> {
  readonly #client: ClientParts;
  readonly #request: HttpRequest;
  readonly #reader: BodyReader<TBody>;
  readonly #url: URL;
  readonly #method: string;
  readonly #redactor: SecretRedactor;
  readonly #label: RequestLabel;
  readonly #logger: Logger;
  readonly #startedAt: number;
  readonly #deadline: number | undefined;
  readonly #failures: EtlError[] = [];

  constructor(client: ClientParts, target: string | URL, request: HttpRequest, reader: BodyReader<TBody>) {
    const { options, targets, clock } = client;
    this.#client = client;
    // The client's headers and query are for the base URL's origin only, a request's own for wherever it goes.
    this.#request = {
      ...definedOf(options),
      headers: undefined,
      query: undefined,
      ...definedOf(request),
      timeouts: { ...options.timeouts, ...definedOf(request.timeouts ?? {}) },
      retry: { ...options.retry, ...definedOf(request.retry ?? {}) },
    };
    this.#reader = reader;
    const url = targets.resolve(target);
    const query = targets.isTrusted(url) ? { ...options.query, ...request.query } : request.query;
    this.#url = targets.resolve(url, query);
    // Each page may have a token of its own: they must not pile up in the client.
    this.#redactor = new SecretRedactor(client.redactor);
    for (const [name, value] of this.#url.searchParams) if (isSecretName(name)) this.#redactor.add(value);
    this.#method = (request.method ?? 'GET').toUpperCase();
    this.#label = { method: this.#method, url: this.#redactor.url(this.#url) };
    this.#logger = this.#request.logger ?? silentLogger;
    this.#startedAt = clock.now();
    const total = this.#startedAt + (this.#request.timeouts?.totalMs ?? 900_000);
    const given = this.#request.deadline?.getTime();
    // A streamed body may take as long as its reader, so only a deadline cuts it.
    this.#deadline = reader.isStreamed ? given : Math.min(total, given ?? Infinity);
  }

  result(): Promise<HttpResponse<TBody>> {
    const { tracer } = this.#request;
    if (tracer === undefined) return this.#attempts();
    const attributes = { 'http.request.method': this.#method, 'url.full': this.#label.url };
    return tracer.startActiveSpan('etl.request', { attributes }, async (span) => {
      try {
        const response = await this.#attempts();
        span.setAttributes({
          'http.response.status_code': response.status,
          'http.request.resend_count': this.#failures.length,
        });
        return response;
      } catch (error) {
        span.setAttributes({ 'http.request.resend_count': Math.max(0, this.#failures.length - 1) });
        span.setStatus({ code: 2, ...(EtlError.isInstance(error) ? { message: error.code } : {}) });
        throw error;
      } finally {
        span.end();
      }
    });
  }

  async #attempts(): Promise<HttpResponse<TBody>> {
    const { pacer, signal } = this.#request;
    let hasRenewed = false;
    for (;;) {
      signal?.throwIfAborted();
      this.#refuseAfterDeadline();
      // What they throw is not a failed attempt: the quota is used, or no token can be had.
      const authorization = await this.#untilDeadline((until) => this.#authorization(until));
      const leave = await this.#untilDeadline((until) =>
        pacer?.acquire({
          cost: this.#request.cost,
          signal: until,
          deadline: this.#deadline === undefined ? undefined : new Date(this.#deadline),
        }),
      );
      try {
        const response = await this.#attempt(authorization, leave);
        this.#client.budget.recordSuccess();
        return response;
      } catch (thrown) {
        signal?.throwIfAborted();
        if (!EtlError.isInstance(thrown)) throw thrown;
        const failure = redactedError(thrown, this.#redactor);
        this.#failures.push(failure);
        // What one request learns of a quota holds for all who share it.
        if (failure.kind === 'rate-limit' && failure.retryAfterMs !== undefined) {
          pacer?.parkUntil(this.#client.clock.now() + failure.retryAfterMs);
        }
        const isRefused = failure.kind === 'auth' && !hasRenewed;
        if (isRefused && this.#client.options.authorization?.refused?.(authorization) === true) {
          hasRenewed = true;
          continue;
        }
        await this.#waitForRetry(failure);
      }
    }
  }

  /** The wait for somebody else ends at the deadline, too. */
  async #untilDeadline<TResult>(work: (signal: AbortSignal) => TResult): Promise<Awaited<TResult>> {
    const { signal } = this.#request;
    signal?.throwIfAborted();
    const controller = new AbortController();
    const onAbort = (): void => {
      controller.abort(signal?.reason);
    };
    const cancel = this.#atDeadline(() => {
      controller.abort(timeoutError(this.#label, 'deadline'));
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await work(controller.signal);
    } finally {
      cancel?.();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #atDeadline(callback: () => void): (() => void) | undefined {
    const { clock } = this.#client;
    return this.#deadline === undefined ? undefined : clock.after(this.#deadline - clock.now(), callback);
  }

  async #authorization(signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const { options, redactor, targets } = this.#client;
    if (options.authorization === undefined || !targets.isTrusted(this.#url)) return {};
    const { logger, tracer } = this.#request;
    const headers = await options.authorization.headers({ signal, logger, tracer });
    for (const value of Object.values(headers)) {
      redactor.add(value);
      redactor.add(value.replace(/^\w+ /, ''));
    }
    return headers;
  }

  async #attempt(
    authorization: Readonly<Record<string, string>>,
    leave: (() => void) | undefined,
  ): Promise<HttpResponse<TBody>> {
    const { clock } = this.#client;
    const { timeouts = {}, signal } = this.#request;
    const limits = {
      firstByteMs: timeouts.firstByteMs ?? 60_000,
      idleMs: timeouts.idleMs ?? 60_000,
      attemptMs: this.#reader.isStreamed ? undefined : (timeouts.attemptMs ?? 300_000),
      deadline: this.#deadline,
    };
    const exchange = new Exchange({ label: this.#label, limits, clock, redactor: this.#redactor, signal });
    if (leave !== undefined) exchange.whenOver(leave);
    const sentAt = clock.now();
    let isRead = false;
    try {
      const response = await sendRequest(exchange, {
        ...this.#client,
        url: this.#url,
        label: this.#label,
        request: this.#request,
        accept: this.#reader.accept,
        authorization,
      });
      this.#observe(response, sentAt);
      if (!response.ok) throw await this.#failureOf(response, exchange);
      const classify = (text: string, json: unknown): void => {
        const error = this.#classified(response, text, json);
        if (error !== undefined) throw error;
      };
      const body = await this.#reader.read({ response, exchange, label: this.#label, classify });
      isRead = true;
      return { status: response.status, headers: response.headers, body };
    } finally {
      if (!isRead || !this.#reader.isStreamed) exchange.end();
    }
  }

  #observe(response: Response, sentAt: number): void {
    const { pacer, readUsage } = this.#request;
    const usage = readUsage?.(response.headers, response.status);
    if (usage !== undefined) pacer?.observe(usage);
    this.#logger.debug(
      {
        method: this.#method,
        path: this.#label.url,
        status: response.status,
        duration_ms: this.#client.clock.now() - sentAt,
        attempt: this.#failures.length + 1,
        ...(usage === undefined ? {} : { quota_used: usage.usedRatio }),
      },
      'request answered',
    );
  }

  async #failureOf(response: Response, exchange: Exchange): Promise<EtlError> {
    const text = await readSome(response, exchange, MAX_ERROR_BODY_BYTES);
    const json = text === undefined ? undefined : tryParseJson(text);
    const { clock } = this.#client;
    const afterMs = retryAfterMs(response.headers.get('retry-after'), clock.now());
    return this.#classified(response, text, json) ?? statusError(this.#label, response.status, afterMs);
  }

  #classified(response: Response, text: string | undefined, json: unknown): EtlError | undefined {
    const { status, headers } = response;
    return this.#request.classify?.({ ...this.#label, status, headers, text, json } satisfies Answer);
  }

  async #waitForRetry(failure: EtlError): Promise<void> {
    const { clock, random, budget } = this.#client;
    const { retry = {}, signal } = this.#request;
    const attempt = this.#failures.length;
    if (!mayRetry(failure, this.#method, this.#request)) throw this.#final('not retryable');
    if (attempt >= (retry.attempts ?? 4)) throw this.#final('attempts');
    const waitMs = retryWaitMs(failure, attempt, retry, random);
    if (waitMs > (retry.longestWaitMs ?? 120_000)) throw this.#final('wait too long');
    if (clock.now() + waitMs >= (this.#deadline ?? Infinity)) throw this.#final('deadline');
    if (!budget.take()) throw this.#final('retry budget');
    const fields = { ...this.#label, code: failure.code, attempt, wait_ms: Math.round(waitMs) };
    if (waitMs > LONG_WAIT_MS) this.#logger.warn(fields, 'request waits for long before its retry');
    else this.#logger.debug(fields, 'request is retried');
    await wait(clock, waitMs, signal);
  }

  #refuseAfterDeadline(): void {
    if (this.#client.clock.now() < (this.#deadline ?? Infinity)) return;
    this.#failures.push(timeoutError(this.#label, 'deadline'));
    throw this.#final('deadline');
  }

  /** The last failure, with those before as its cause. */
  #final(gaveUp: string): EtlError {
    const last = this.#failures.at(-1);
    if (last === undefined) throw new TypeError('A request gave up without a failure.');
    const attempts = this.#failures.length;
    if (attempts === 1) return withContext(last, { attempts, gaveUp }, last.cause);
    return withContext(last, { attempts, gaveUp }, new AggregateError(this.#failures, 'All attempts failed.'));
  }
}

function withContext(error: EtlError, context: Record<string, string | number>, cause: unknown): EtlError {
  const { code, kind, message, hint, retryAfterMs: afterMs } = error;
  return new EtlError({
    code,
    kind,
    message,
    hint,
    retryAfterMs: afterMs,
    context: { ...error.context, ...context },
    cause,
  });
}

/** A request's options replace the client's, but not by being absent. */
function definedOf<TOptions extends object>(options: TOptions): Partial<TOptions> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<TOptions>;
}
