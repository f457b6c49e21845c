import { EtlError } from '../etl-error.ts';
import { silentLogger } from '../operation-options.ts';
import type { BodyReader } from './body-reader.ts';
import { wait, type Clock } from './clock.ts';
import { finalFailure, type GaveUp } from './final-failure.ts';
import type { RequestLabel } from './http-failure.ts';
import type { Fetch, HttpOptions, HttpRequest, HttpResponse } from './http-options.ts';
import { redactedError } from './redacted-error.ts';
import { attemptRequest } from './request-attempt.ts';
import { RequestDeadline } from './request-deadline.ts';
import type { RetryBudget } from './retry-budget.ts';
import { mayRetry, retryWaitMs } from './retry-policy.ts';
import { SecretRedactor } from './secret-redactor.ts';
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

const LONG_WAIT_MS = 60_000;

/** One request with all its attempts. */
export class RequestRun<TBody> {
  readonly #client: ClientParts;
  readonly #request: HttpRequest;
  readonly #reader: BodyReader<TBody>;
  readonly #url: URL;
  readonly #redactor: SecretRedactor;
  readonly #label: RequestLabel;
  readonly #deadline: RequestDeadline;
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
    this.#redactor.addParameters(this.#url);
    const method = (request.method ?? 'GET').toUpperCase();
    this.#label = { method, url: this.#redactor.url(this.#url) };
    const end = clock.now() + (this.#request.timeouts?.totalMs ?? 900_000);
    const given = this.#request.deadline?.getTime();
    // A streamed body may take as long as its reader, so only a deadline cuts it.
    const at = reader.isStreamed ? given : Math.min(end, given ?? Infinity);
    this.#deadline = new RequestDeadline(at, clock, this.#label);
  }

  result(): Promise<HttpResponse<TBody>> {
    const { tracer } = this.#request;
    if (tracer === undefined) return this.#attempts();
    const attributes = { 'http.request.method': this.#label.method, 'url.full': this.#label.url };
    return tracer.startActiveSpan('etl.request', { attributes }, async (span) => {
      try {
        const response = await this.#attempts();
        span.setAttributes({
          'http.response.status_code': response.status,
          'http.request.resend_count': this.#failures.length,
        });
        return response;
      } catch (error) {
        span.setAttributes({ 'http.request.resend_count': this.#failures.length });
        span.setStatus({ code: 2, ...(EtlError.isInstance(error) ? { message: error.code } : {}) });
        throw error;
      } finally {
        span.end();
      }
    });
  }

  async #attempts(): Promise<HttpResponse<TBody>> {
    const { options, budget, clock } = this.#client;
    const { pacer, signal } = this.#request;
    let hasRenewed = false;
    for (;;) {
      signal?.throwIfAborted();
      if (this.#deadline.comesWithin(0)) throw this.#final(this.#deadline.error(), 'deadline');
      // What these throw is not a failed attempt: no token can be had, or the quota is used.
      const authorization = await this.#deadline.limit(signal, (until) => this.#authorization(until));
      const leave = await this.#deadline.limit(signal, (until) => this.#place(until));
      try {
        const response = await attemptRequest({
          ...this.#client,
          redactor: this.#redactor,
          url: this.#url,
          label: this.#label,
          request: this.#request,
          reader: this.#reader,
          accept: this.#reader.accept,
          number: this.#failures.length + 1,
          deadline: this.#deadline.at,
          authorization,
          leave,
        });
        budget.recordSuccess();
        return response;
      } catch (thrown) {
        signal?.throwIfAborted();
        if (!EtlError.isInstance(thrown)) throw thrown;
        const failure = redactedError(thrown, this.#redactor);
        // What one request learns of a quota holds for all who share it.
        if (failure.kind === 'rate-limit' && failure.retryAfterMs !== undefined) {
          pacer?.parkUntil(clock.now() + failure.retryAfterMs);
        }
        const isRefused = failure.kind === 'auth' && !hasRenewed;
        if (isRefused && options.authorization?.refused?.(authorization) === true) {
          hasRenewed = true;
          this.#failures.push(failure);
        } else await this.#waitForRetry(failure);
      }
    }
  }

  #place(signal: AbortSignal): Promise<() => void> | undefined {
    const { pacer, cost, onCall } = this.#request;
    const deadline = this.#deadline.at === undefined ? undefined : new Date(this.#deadline.at);
    const onWait = (waitMs: number): void => {
      onCall?.({ type: 'call-waiting', reason: 'quota', waitMs, about: pacer?.name });
    };
    return pacer?.acquire({ cost, signal, deadline, onWait });
  }

  async #authorization(signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const { options, redactor, targets } = this.#client;
    if (options.authorization === undefined || !targets.isTrusted(this.#url)) return {};
    const { logger, tracer, onCall } = this.#request;
    const headers = await options.authorization.headers({ signal, logger, tracer, onCall });
    for (const value of Object.values(headers)) {
      redactor.add(value);
      redactor.add(value.replace(/^\w+ /, ''));
    }
    return headers;
  }

  async #waitForRetry(failure: EtlError): Promise<void> {
    const { clock, random, budget } = this.#client;
    const { retry = {}, signal, onCall, logger = silentLogger } = this.#request;
    const attempt = this.#failures.length + 1;
    if (!mayRetry(failure, this.#label.method, this.#request)) throw this.#final(failure, 'not retryable');
    if (attempt >= (retry.attempts ?? 4)) throw this.#final(failure, 'attempts');
    const waitMs = retryWaitMs(failure, attempt, retry, random);
    if (waitMs > (retry.longestWaitMs ?? 120_000)) throw this.#final(failure, 'wait too long');
    if (this.#deadline.comesWithin(waitMs)) throw this.#final(failure, 'deadline');
    if (!budget.take()) throw this.#final(failure, 'retry budget');
    this.#failures.push(failure);
    const fields = { ...this.#label, code: failure.code, attempt, wait_ms: Math.round(waitMs) };
    if (waitMs > LONG_WAIT_MS) logger.warn(fields, 'request waits for long before its retry');
    else logger.debug(fields, 'request is retried');
    onCall?.({ type: 'call-waiting', reason: 'retry', waitMs, about: failure.code });
    await wait(clock, waitMs, signal);
  }

  #final(failure: EtlError, gaveUp: GaveUp): EtlError {
    return finalFailure([...this.#failures, failure], failure, gaveUp);
  }
}

/** A request's options replace the client's, but not by being absent. */
function definedOf<TOptions extends object>(options: TOptions): Partial<TOptions> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<TOptions>;
}
