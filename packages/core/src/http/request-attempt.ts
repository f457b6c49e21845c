import { EtlError } from '../etl-error.ts';
import { silentLogger } from '../operation-options.ts';
import type { BodyReader } from './body-reader.ts';
import type { Clock } from './clock.ts';
import { Exchange } from './exchange.ts';
import { statusError } from './http-failure.ts';
import type { HttpResponse } from './http-options.ts';
import { tryParseJson } from './lossless-json.ts';
import { readSome } from './response-body.ts';
import { retryAfterMs } from './retry-after.ts';
import type { SecretRedactor } from './secret-redactor.ts';
import { sendRequest, type Sending } from './send-request.ts';

export interface Attempt<TBody> extends Sending {
  readonly reader: BodyReader<TBody>;
  /** Counted from 1. */
  readonly number: number;
  readonly clock: Clock;
  readonly redactor: SecretRedactor;
  /** Milliseconds since the epoch. */
  readonly deadline: number | undefined;
  /** Called when the attempt is over; that of a streamed body with the body. */
  readonly leave: (() => void) | undefined;
}

const MAX_ERROR_BODY_BYTES = 64 * 1024;

/** Sends a request once and reads its answer. Throws what `failure` of the exchange or the platform's answer means. */
export async function attemptRequest<TBody>(attempt: Attempt<TBody>): Promise<HttpResponse<TBody>> {
  const { label, request, reader, clock, redactor, deadline, leave } = attempt;
  const { timeouts = {}, signal } = request;
  const limits = {
    firstByteMs: timeouts.firstByteMs ?? 60_000,
    idleMs: timeouts.idleMs ?? 60_000,
    attemptMs: reader.isStreamed ? undefined : (timeouts.attemptMs ?? 300_000),
    deadline,
  };
  const exchange = new Exchange({ label, limits, clock, redactor, signal });
  if (leave !== undefined) exchange.whenOver(leave);
  const sentAt = clock.now();
  let isRead = false;
  try {
    const response = await answerOf(exchange, attempt, sentAt);
    observe(attempt, response, sentAt);
    if (!response.ok) throw await failureOf(attempt, response, exchange);
    const classify = (text: string, json: unknown): void => {
      const error = classified(attempt, response, text, json);
      if (error !== undefined) throw error;
    };
    const body = await reader.read({ response, exchange, label, classify });
    isRead = true;
    return { status: response.status, headers: response.headers, body };
  } finally {
    if (!isRead || !reader.isStreamed) exchange.end();
  }
}

async function answerOf(exchange: Exchange, attempt: Attempt<unknown>, sentAt: number): Promise<Response> {
  try {
    return await sendRequest(exchange, attempt);
  } catch (error) {
    const durationMs = attempt.clock.now() - sentAt;
    attempt.request.onCall?.({ type: 'call-ended', durationMs, attempt: attempt.number });
    throw error;
  }
}

function observe({ label, request, number, clock }: Attempt<unknown>, response: Response, sentAt: number): void {
  const { pacer, readUsage, onCall, logger = silentLogger } = request;
  const usage = readUsage?.(response.headers, response.status);
  if (usage !== undefined) pacer?.observe(usage);
  onCall?.({
    type: 'call-ended',
    status: response.status,
    durationMs: clock.now() - sentAt,
    attempt: number,
    quotaUsed: usage?.usedRatio,
    quotaRegainMs: usage?.regainMs,
  });
  logger.debug(
    {
      ...label,
      status: response.status,
      duration_ms: clock.now() - sentAt,
      attempt: number,
      ...(usage === undefined ? {} : { quota_used: usage.usedRatio }),
    },
    'request answered',
  );
}

async function failureOf(attempt: Attempt<unknown>, response: Response, exchange: Exchange): Promise<EtlError> {
  const text = await readSome(response, exchange, MAX_ERROR_BODY_BYTES);
  const error = classified(attempt, response, text, text === undefined ? undefined : tryParseJson(text));
  return error ?? statusError(attempt.label, response.status, askedWaitMs(attempt, response));
}

/** What the platform means by its answer; a `Retry-After` counts also where its connector does not read it. */
function classified(
  attempt: Attempt<unknown>,
  response: Response,
  text: string | undefined,
  json: unknown,
): EtlError | undefined {
  const { status, headers } = response;
  const error = attempt.request.classify?.({ ...attempt.label, status, headers, text, json });
  const waitMs = askedWaitMs(attempt, response);
  if (error === undefined || !error.isRetryable || error.retryAfterMs !== undefined || waitMs === undefined)
    return error;
  const { code, kind, message, hint, context, cause } = error;
  return new EtlError({ code, kind, message, hint, retryAfterMs: waitMs, context, cause });
}

function askedWaitMs({ clock }: Attempt<unknown>, { headers }: Response): number | undefined {
  return retryAfterMs(headers.get('retry-after'), clock.now());
}
