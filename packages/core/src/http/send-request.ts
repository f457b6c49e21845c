import { EtlError } from '../etl-error.ts';
import type { Exchange } from './exchange.ts';
import { requestText, type RequestLabel } from './http-failure.ts';
import type { Fetch, HttpOptions, HttpRequest } from './http-options.ts';
import { losslessText } from './lossless-json.ts';
import type { TargetUrls } from './target-url.ts';

export interface Sending {
  readonly url: URL;
  readonly label: RequestLabel;
  readonly request: HttpRequest;
  /** What its reader of the body asks for. */
  readonly accept: Readonly<Record<string, string>>;
  readonly authorization: Readonly<Record<string, string>>;
  readonly options: HttpOptions;
  readonly targets: TargetUrls;
  readonly fetch: Fetch;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Sends a request and follows its redirects, if it sends no data and they stay within the allowed
 * hosts.
 */
export async function sendRequest(exchange: Exchange, sending: Sending): Promise<Response> {
  const { label, targets, fetch } = sending;
  let { url } = sending;
  for (let redirects = 0; ; redirects += 1) {
    const response = await exchange.send(fetch, url, initOf(sending, url));
    const location = REDIRECTS.has(response.status) ? response.headers.get('location') : null;
    if (location === null) return response;
    if (redirects === MAX_REDIRECTS || !['GET', 'HEAD'].includes(label.method)) {
      throw new EtlError({
        code: 'HTTP_REDIRECT_REFUSED',
        kind: 'config',
        message: `${requestText(label)} was redirected ${redirects === 0 ? 'although it sends data' : 'too often'}.`,
        hint: 'Correct the base URL to what the platform redirects to.',
        context: { ...label, status: response.status },
      });
    }
    await response.body?.cancel();
    url = targets.redirected(url, location);
  }
}

function initOf(
  { label, request, accept, authorization, options, targets, ...sending }: Sending,
  url: URL,
): RequestInit {
  const { json, form, headers } = request;
  const isTrusted = targets.isTrusted(url);
  // A request's own headers were meant for its own URL, not for where it is redirected to.
  const isOwn = url.origin === sending.url.origin;
  const body = form === undefined ? (json === undefined ? undefined : losslessText(json)) : new URLSearchParams(form);
  return {
    method: label.method,
    headers: {
      ...accept,
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...(isTrusted ? lowerCased(options.headers) : {}),
      ...(isOwn ? lowerCased(headers) : {}),
      ...(isTrusted ? lowerCased(authorization) : {}),
    },
    ...(body === undefined ? {} : { body }),
  };
}

function lowerCased(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
