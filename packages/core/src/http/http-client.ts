import { EtlError } from '../etl-error.ts';
import type { BodyReader } from './body-reader.ts';
import { systemClock } from './clock.ts';
import type { Exchange } from './exchange.ts';
import { requestText, type RequestLabel } from './http-failure.ts';
import type { HttpOptions, HttpResponse, JsonRequest, HttpRequest, StreamRequest } from './http-options.ts';
import { parseLossless, parsePlain } from './lossless-json.ts';
import { RequestRun, type ClientParts } from './request-run.ts';
import { decodeBody, integrityCheck, readAll, refuseUnverifiable, ResponseBody } from './response-body.ts';
import { RetryBudget } from './retry-budget.ts';
import { isSecretName, SecretRedactor } from './secret-redactor.ts';
import { TargetUrls, type Query } from './target-url.ts';

/**
 * Asks one platform. Made with {@link createHttpClient}. A target is a path below the base URL, or a
 * whole URL of an allowed origin, as platforms give it for the next page.
 *
 * All calls retry as their options say, so nothing around them should. They throw `EtlError`s that
 * hold no secret, or the reason of an aborted `signal`.
 */
export interface HttpClient {
  /** The body as JSON whose numbers are exact, see `parseLossless`; `undefined` with status 204. */
  json(target: string | URL, request?: JsonRequest): Promise<HttpResponse<unknown>>;
  text(target: string | URL, request?: StreamRequest): Promise<HttpResponse<string>>;
  bytes(target: string | URL, request?: StreamRequest): Promise<HttpResponse<Uint8Array>>;
  /**
   * The body as it arrives: not retried once it has begun. Has to be read to its end or returned;
   * one that nobody reads is given up after `idleMs`.
   */
  stream(target: string | URL, request?: StreamRequest): Promise<HttpResponse<AsyncIterableIterator<Uint8Array>>>;
  /**
   * The URL that would be asked.
   *
   * @throws HTTP_HOST_REFUSED when it would not be.
   */
  resolve(target: string | URL, query?: Query): URL;
  /** The same as text without secrets, for messages. */
  describe(target: string | URL, query?: Query): string;
}

const DEFAULT_MAX_BODY_BYTES = 64 * 2 ** 20;

/** @throws HTTP_BASE_URL_INVALID */
export function createHttpClient(options: HttpOptions): HttpClient {
  const redactor = new SecretRedactor();
  for (const secret of options.secrets ?? []) redactor.add(secret);
  for (const [name, value] of Object.entries({ ...options.headers, ...options.query })) {
    if (isSecretName(name) && value !== undefined) redactor.add(String(value));
  }
  const client: ClientParts = {
    options,
    redactor,
    targets: new TargetUrls(options.baseUrl, options.allowedHosts ?? [], redactor),
    budget: options.retryBudget ?? new RetryBudget(),
    fetch: options.fetch ?? globalThis.fetch,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
  const maxBytes = (request: HttpRequest): number =>
    request.maxBodyBytes ?? options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  const run = async <TBody>(
    target: string | URL,
    request: HttpRequest,
    reader: BodyReader<TBody>,
  ): Promise<HttpResponse<TBody>> => new RequestRun(client, target, request, reader).result();

  return {
    json: (target, request = {}) =>
      run(target, request, {
        isStreamed: false,
        accept: { accept: 'application/json' },
        async read({ response, exchange, label, classify }) {
          const text = decodeBody(await readAll(response, exchange, label, maxBytes(request)), response, label);
          if (text === '' && response.status === 204) return undefined;
          const body = parseBody(text, request, label);
          classify(text, body);
          return body;
        },
      }),
    text: (target, request = {}) =>
      run(target, request, {
        isStreamed: false,
        accept: { 'accept-encoding': 'identity' },
        async read({ response, exchange, label, classify }) {
          const bytes = await readChecked(response, exchange, label, request);
          const text = decodeBody(bytes, response, label);
          classify(text, undefined);
          return text;
        },
      }),
    bytes: (target, request = {}) =>
      run(target, request, {
        isStreamed: false,
        accept: { 'accept-encoding': 'identity' },
        read: ({ response, exchange, label }) => readChecked(response, exchange, label, request),
      }),
    stream: (target, request = {}) =>
      run<AsyncIterableIterator<Uint8Array>>(target, request, {
        isStreamed: true,
        accept: { 'accept-encoding': 'identity' },
        read({ response, exchange, label }) {
          refuseUnverifiable(label, response, request.expect);
          return Promise.resolve(new ResponseBody(response, exchange, integrityCheck(label, request.expect)));
        },
      }),
    resolve: (target, query) => client.targets.resolve(target, query),
    describe: (target, query) => redactor.url(client.targets.resolve(target, query)),
  };

  async function readChecked(
    response: Response,
    exchange: Exchange,
    label: RequestLabel,
    request: StreamRequest,
  ): Promise<Uint8Array> {
    refuseUnverifiable(label, response, request.expect);
    const bytes = await readAll(response, exchange, label, maxBytes(request));
    const check = integrityCheck(label, request.expect);
    check(bytes);
    check(undefined);
    return bytes;
  }
}

function parseBody(text: string, { lossless }: JsonRequest, label: RequestLabel): unknown {
  try {
    return lossless === false ? parsePlain(text) : parseLossless(text, lossless);
  } catch (error) {
    if (!EtlError.isInstance(error)) throw error;
    throw new EtlError({
      code: 'HTTP_BODY_MALFORMED',
      kind: 'data',
      message: `${requestText(label)} sent a body that is not JSON.`,
      hint: error.hint,
      context: { ...label, ...error.context },
    });
  }
}
