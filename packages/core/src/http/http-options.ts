import type { EtlError } from '../etl-error.ts';
import type { OperationOptions } from '../operation-options.ts';
import type { Authorization } from './authorization.ts';
import type { Clock } from './clock.ts';
import type { LosslessOptions } from './lossless-json.ts';
import type { Pacer, Usage } from './pacer.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { Query } from './target-url.ts';

export type Fetch = typeof globalThis.fetch;

/** Limits in milliseconds. A limit that passes is a `transient` error, HTTP_TIMEOUT. */
export interface HttpTimeouts {
  /**
   * From sending to the response's headers: resolving, connecting, TLS and the platform's thinking.
   * `fetch` does not tell when it is connected; Node's own gives up connecting after 10 s, and
   * waiting for headers after 300 s.
   *
   * @default 60000
   */
  readonly firstByteMs?: number | undefined;
  /** Between two parts of a body. @default 60000 */
  readonly idleMs?: number | undefined;
  /** One attempt with its whole body. A streamed body is limited by `idleMs` alone. @default 300000 */
  readonly attemptMs?: number | undefined;
  /** All attempts and the waits between them. @default 900000 */
  readonly totalMs?: number | undefined;
}

export interface RetryOptions {
  /** The first one included. @default 4 */
  readonly attempts?: number | undefined;
  /** Before retry n a random part of `baseMs` · 2ⁿ⁻¹ is waited, `capMs` at most (full jitter). @default 500 */
  readonly baseMs?: number | undefined;
  /** @default 30000 */
  readonly capMs?: number | undefined;
  /** When the platform asks for a longer wait than this, the request fails at once with `retryAfterMs`. @default 120000 */
  readonly longestWaitMs?: number | undefined;
}

/** What a platform answered, for {@link HttpOptions.classify}. */
export interface Answer {
  readonly method: string;
  /** Without secrets. */
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  /** The body, of an error its first 64 KiB; `undefined` when it is streamed or could not be read. */
  readonly text: string | undefined;
  /** The body as JSON, `undefined` when it is none. */
  readonly json: unknown;
}

/** Options of a client that a single request may override; of `timeouts` and `retry`, each limit by itself. */
export interface RequestPolicy extends OperationOptions {
  readonly timeouts?: HttpTimeouts | undefined;
  readonly retry?: RetryOptions | undefined;
  /** No attempt and no wait goes beyond it. */
  readonly deadline?: Date | undefined;
  /**
   * Says what an answer means on this platform: asked for each answer that is not 2xx, and for each
   * 2xx whose body is read as JSON or text (some platforms report errors with status 200). What it
   * gives back is thrown instead of the general error, and retried if its kind is.
   */
  readonly classify?: ((answer: Answer) => EtlError | undefined) | undefined;
  /**
   * Whether a failure may be retried; `undefined` leaves it to the default: `transient` and
   * `rate-limit` errors of idempotent requests, and of others those that were surely not carried
   * out (not connected, 429, 503 with `Retry-After`).
   */
  readonly isRetryable?: ((error: EtlError) => boolean | undefined) | undefined;
  /** Paces and bounds the requests of one token or account. */
  readonly pacer?: Pacer | undefined;
  /** Reads a platform's usage headers, for the pacer. Asked for every answer. */
  readonly readUsage?: ((headers: Headers, status: number) => Usage | undefined) | undefined;
  /** The longest decoded body that is read into memory, in bytes. @default 67108864 */
  readonly maxBodyBytes?: number | undefined;
}

export interface HttpOptions extends RequestPolicy {
  /** Every path is below it, and only its origin gets credentials. */
  readonly baseUrl: string;
  /** Sent with every request to the base URL's origin. Values under secret names never show up. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent with every request to the base URL's origin. */
  readonly query?: Query | undefined;
  readonly authorization?: Authorization | undefined;
  /** Further hosts that may be asked or redirected to, without credentials: `cdn.example.com`, `*.example.com`. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Further values that must never show up in an error or a log. */
  readonly secrets?: readonly string[] | undefined;
  /** Shared by clients whose retries should be limited together. Default: one for this client. */
  readonly retryBudget?: RetryBudget | undefined;
  readonly fetch?: Fetch | undefined;
  readonly clock?: Clock | undefined;
  /** In [0, 1), for jitter. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

export interface HttpRequest extends RequestPolicy {
  /** @default 'GET' */
  readonly method?: string | undefined;
  readonly query?: Query | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as a form. */
  readonly form?: Readonly<Record<string, string>> | undefined;
  /** Whether sending it twice does the same as once. Default: GET, HEAD, OPTIONS, PUT and DELETE are. */
  readonly isIdempotent?: boolean | undefined;
  /** What one request takes from the pacer. @default 1 */
  readonly cost?: number | undefined;
}

export interface JsonRequest extends HttpRequest {
  /**
   * How numbers that a double would change are given. `false` for a platform that writes its numbers
   * as text: looking for others takes about a twentieth of reading a page.
   */
  readonly lossless?: LosslessOptions | false | undefined;
}

export interface StreamRequest extends HttpRequest {
  /** Bytes the body must have, and their MD5 in hex or base64, when the platform says. Checked at its end. */
  readonly expect?: { readonly bytes?: number | undefined; readonly md5?: string | undefined } | undefined;
}

/** An answer with status 2xx, whole and read. */
export interface HttpResponse<TBody> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: TBody;
}
