import type { EtlError } from '../etl-error.ts';
import type { HttpRequest, RetryOptions } from './http-options.ts';

const IDEMPOTENT_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
/** With these no request has left. */
const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Whether the same request may be sent again after this failure. */
export function mayRetry(error: EtlError, method: string, request: HttpRequest): boolean {
  const verdict = request.isRetryable?.(error);
  if (verdict !== undefined) return verdict;
  if (!error.isRetryable) return false;
  return (request.isIdempotent ?? IDEMPOTENT_METHODS.has(method)) || wasNotCarriedOut(error);
}

function wasNotCarriedOut(error: EtlError): boolean {
  if (error.kind === 'rate-limit') return true;
  const { status, reason } = error.context;
  return (status === 503 && error.retryAfterMs !== undefined) || NOT_CONNECTED.has(String(reason));
}

/**
 * How long to wait before the retry after attempt `attempt` (counted from 1): a random part of what
 * doubles each time, never less than the platform asks for.
 */
export function retryWaitMs(
  error: EtlError,
  attempt: number,
  { baseMs = 500, capMs = 30_000 }: RetryOptions,
  random: () => number,
): number {
  const backoffMs = random() * Math.min(capMs, baseMs * 2 ** (attempt - 1));
  // The jitter on top keeps all who were told the same moment from coming back at once.
  return error.retryAfterMs === undefined ? backoffMs : error.retryAfterMs + Math.min(backoffMs, baseMs);
}
