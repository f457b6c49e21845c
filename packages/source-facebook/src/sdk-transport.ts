import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire } from 'node:module';
import type { Fetch } from '@etl/core/http';
import type { FacebookAdsApi } from 'facebook-nodejs-business-sdk';

/** What the SDK's axios gives an interceptor, as far as it is needed here. */
interface SdkRequest {
  headers: { set(name: string, value: string): void };
  signal?: AbortSignal | null;
  responseType?: string;
  maxRedirects?: number;
  maxContentLength?: number;
  validateStatus?: () => boolean;
}
interface SdkResponse {
  readonly status: number;
  readonly data: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}
interface SdkAxios {
  readonly interceptors: {
    readonly request: { use(change: (request: SdkRequest) => SdkRequest): unknown };
    readonly response: {
      use(seen: (response: SdkResponse) => SdkResponse, failed: (error: unknown) => Promise<never>): unknown;
    };
  };
}
/** One call on its way through the SDK: what goes in beside it, and what comes out under it. */
interface Passage {
  readonly headers: Headers;
  readonly signal: AbortSignal | null;
  response?: SdkResponse;
  /** Why nothing came back: a code of Node such as `ECONNRESET`. */
  failure?: string;
}

const passages = new AsyncLocalStorage<Passage>();
let loading: Promise<typeof FacebookAdsApi> | undefined;

/**
 * Facebook's own client, `FacebookAdsApi.call`, in the form of a `fetch`: an instance for each caller, loaded
 * at the first request (it takes 0.2 s and 37 MB).
 *
 * Only its `call` is used, with whole URLs as its own cursors give them to it, so the version it pins (v24.0,
 * gone since 2026-11-10) is of no account, and the token is in a header, never in a URL. What it makes of an
 * answer is not looked at: it turns what is no JSON into a `SyntaxError` without status, hides why a
 * connection failed, and hands a cut-off body on as text. The answer is taken from its axios instead, as it
 * came; redirects, limits of time, retries and errors are the caller's. (24.0.1, measured in November 2026.)
 *
 * The axios of the SDK is shared by all who use the SDK in this process: others pass through untouched.
 */
export function sdkTransport(token: string): Fetch {
  let api: FacebookAdsApi | undefined;
  return async (input, init = {}) => {
    const Api = await (loading ??= load());
    // No crash reporter: it installs a handler of uncaught exceptions that sends the token around.
    api ??= new Api(token, 'en_US', false);
    const passage: Passage = { headers: new Headers(init.headers), signal: init.signal ?? null };
    const url = input instanceof Request ? input.url : String(input);
    const call = passages.run(passage, () => api?.call(init.method ?? 'GET', url, parametersOf(init.body)));
    try {
      await call;
    } catch {
      passage.signal?.throwIfAborted();
    }
    if (passage.response === undefined) throw connectionError(passage.failure);
    return responseOf(passage.response);
  };
}

async function load(): Promise<typeof FacebookAdsApi> {
  const sdk = await import('facebook-nodejs-business-sdk');
  const require = createRequire(import.meta.url);
  const axios = createRequire(require.resolve('facebook-nodejs-business-sdk'))('axios') as SdkAxios;
  axios.interceptors.request.use((request) => {
    const passage = passages.getStore();
    if (passage === undefined) return request;
    for (const [name, value] of passage.headers) request.headers.set(name, value);
    return Object.assign(request, {
      signal: passage.signal,
      // As a whole: a page is parsed as a whole anyway, and a stream of it costs a twentieth of reading it.
      responseType: 'arraybuffer',
      maxContentLength: MAX_BODY_BYTES,
      maxRedirects: 0,
      validateStatus: () => true,
    });
  });
  axios.interceptors.response.use(
    (response) => {
      const passage = passages.getStore();
      if (passage !== undefined) passage.response = response;
      return response;
    },
    (error: unknown) => {
      const passage = passages.getStore();
      // Nothing else of it: it holds the request, and so the token.
      const { code } = Object(error) as { code?: unknown };
      if (passage !== undefined && typeof code === 'string') passage.failure = code;
      return Promise.reject(error);
    },
  );
  return sdk.FacebookAdsApi;
}

/** The SDK sends an object as JSON. */
function parametersOf(body: RequestInit['body']): Record<string, string> | undefined {
  return body instanceof URLSearchParams ? Object.fromEntries(body) : undefined;
}

/** The length that was sent is of the compressed body. */
const TRANSPORT_HEADERS = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive']);
const BODILESS = new Set([204, 205, 304]);
/** As the layer above reads. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

function responseOf({ status, headers, data }: SdkResponse): Response {
  const kept = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !TRANSPORT_HEADERS.has(name)) kept.set(name, String(value));
  }
  return new Response(BODILESS.has(status) ? null : streamOf(data), { status, headers: kept });
}

/** Bytes that are given to a `Response` as they are would be copied. */
function streamOf(data: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(data);
      controller.close();
    },
  });
}

/** As `fetch` says it. */
function connectionError(code = 'ECONNABORTED'): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error('The connection failed.'), { code }) });
}
