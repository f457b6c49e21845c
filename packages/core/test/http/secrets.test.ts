import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { EtlError, type LogFields, type Logger, type Span, type Tracer } from '../../src/index.ts';
import {
  bearer,
  createHttpClient,
  fixedHeaders,
  refreshToken,
  SecretRedactor,
  type HttpClient,
  type HttpOptions,
  type HttpRequest,
} from '../../src/http/index.ts';
import { HastyClock } from './fake-clock.ts';
import { sendJson, TestServer, type Handler } from './test-server.ts';

/** Everything that anybody could print of an error. */
function everythingOf(error: unknown): string {
  const shown = [inspect(error, { depth: 20, showHidden: true, getters: true, maxStringLength: null })];
  const walk = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || value === null || depth > 8) return;
    shown.push(value instanceof Error ? `${value.message}\n${value.stack}` : '', JSON.stringify(value) ?? '');
    for (const key of Reflect.ownKeys(value)) walk(Reflect.get(value, key), depth + 1);
  };
  walk(error, 0);
  return shown.join('\n');
}

class Recorder implements Logger, Tracer {
  readonly written: unknown[] = [];
  readonly #note = (...all: unknown[]): void => {
    this.written.push(all);
  };
  readonly debug = this.#note;
  readonly info = this.#note;
  readonly warn = this.#note;
  readonly error = this.#note;
  child(fields: LogFields): Logger {
    this.#note(fields);
    return this;
  }
  startActiveSpan<T>(name: string, options: object, work: (span: Span) => T): T {
    const end = (): void => undefined;
    this.#note(name, options);
    return work({ setAttributes: this.#note, setStatus: this.#note, recordException: this.#note, end });
  }
}

/** Where a secret goes into a request. */
const carriers: Readonly<Record<string, (secret: string) => [Partial<HttpOptions>, HttpRequest, target: string]>> = {
  'a parameter of the request': (secret) => [{}, { query: { access_token: secret } }, 'a'],
  'a parameter of the client': (secret) => [{ query: { api_key: secret } }, {}, 'a'],
  'the URL of the next page': (secret) => [{}, {}, `a?after=x&access_token=${encodeURIComponent(secret)}`],
  'a bearer token': (secret) => [{ authorization: bearer(secret) }, {}, 'a'],
  'an API key': (secret) => [{ authorization: fixedHeaders({ 'x-internal-api-key': secret }) }, {}, 'a'],
  'a header of the client': (secret) => [{ headers: { 'x-api-key': secret } }, {}, 'a'],
  'a path': (secret) => [{ secrets: [secret] }, {}, `bot/${encodeURIComponent(secret)}/list`],
};

/** What a platform does with it: it echoes whatever it was sent. */
const mishaps: Readonly<Record<string, Handler>> = Object.fromEntries([
  ...[400, 401, 403, 404, 429, 500].map((status) => [
    `status ${status}`,
    ((request, response) => {
      sendJson(response, { error: { message: echoed(request) } }, status);
    }) satisfies Handler,
  ]),
  [
    'no JSON',
    ((request, response) => {
      response.end(`<html>${echoed(request)}</html>`);
    }) satisfies Handler,
  ],
  [
    'a redirect elsewhere',
    ((request, response) => {
      response.writeHead(302, { location: `http://other.example${request.url}` }).end();
    }) satisfies Handler,
  ],
  [
    'a redirect without end',
    ((request, response) => {
      response.writeHead(302, { location: request.url }).end();
    }) satisfies Handler,
  ],
  [
    'a reset',
    ((_, response) => {
      response.socket?.resetAndDestroy();
    }) satisfies Handler,
  ],
  [
    'a body that is too large',
    ((_, response) => {
      response.end('x'.repeat(5000));
    }) satisfies Handler,
  ],
]);

function echoed({ url, headers }: Parameters<Handler>[0]): string {
  return `bad request ${decodeURIComponent(url)} or ${url} ${JSON.stringify(headers)}`;
}

/** Their ends are like no word that an error may hold anyway. */
const secretText = fc.oneof(
  fc.stringMatching(/^Zq[0-9][A-Za-z0-9]{16,30}[0-9]qZ$/),
  fc.stringMatching(/^EAAZq[0-9][A-Za-z0-9]{20}[0-9]qZ$/),
  fc.stringMatching(/^Zq[0-9][A-Za-z0-9+/]{20}[0-9]qZ==$/),
  fc.stringMatching(/^Zq[0-9][A-Za-z0-9]{5}[!$&'()*+,;=:@|"\\<>%^`{}~ -]{3}[A-Za-z0-9]{5}[0-9]qZ$/),
);

function throwing(error: Error): HttpOptions['fetch'] {
  return () => {
    throw error;
  };
}

async function failureOf(http: HttpClient, target: string, request: HttpRequest): Promise<unknown> {
  try {
    await http.json(target, request);
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail.');
}

it.each(Object.keys(mishaps))('shows no secret in an error, a log or a span after %s', async (name) => {
  await using server = await TestServer.start(mishaps[name]!);
  const cases = fc.tuple(secretText, fc.constantFrom(...Object.keys(carriers)), fc.boolean());
  await fc.assert(
    fc.asyncProperty(cases, async ([secret, carrier, quotesPlatform]) => {
      const [options, request, target] = carriers[carrier]!(secret);
      const recorder = new Recorder();
      const http = createHttpClient({
        baseUrl: server.url,
        clock: new HastyClock(),
        retry: { attempts: 2 },
        maxBodyBytes: 4000,
        logger: recorder,
        tracer: recorder,
        ...options,
        classify: ({ text, status }) =>
          quotesPlatform
            ? new EtlError({
                code: 'PLATFORM_SAID',
                kind: status >= 429 ? 'transient' : 'config',
                message: `The platform said: ${text}`,
                hint: `Read ${text}`,
                context: { said: text ?? '' },
                cause: new Error(text),
              })
            : undefined,
      });
      const error = await failureOf(http, target, request);
      expect(EtlError.isInstance(error)).toBe(true);
      const shown = everythingOf(error) + everythingOf(recorder.written);
      // Neither the whole nor, if it was masked in part only, its beginning or its end.
      for (const form of [secret, secret.slice(0, 8), secret.slice(-8)]) {
        expect(shown.includes(form), `${form} by ${carrier}`).toBe(false);
      }
    }),
    { numRuns: 120 },
  );
});

it('shows no secret that cannot be sent, or that the transport quotes', async () => {
  await fc.assert(
    fc.asyncProperty(secretText, async (secret) => {
      const quoting = Object.assign(new Error(`getaddrinfo ENOTFOUND ${secret}`), {
        code: 'ENOTFOUND',
        headers: { secret },
      });
      const authorization = bearer(secret);
      const options = { baseUrl: 'http://127.0.0.1', clock: new HastyClock() };
      const clients = [
        createHttpClient({ ...options, authorization: bearer(`${secret}\nx`) }),
        createHttpClient({ ...options, authorization, fetch: throwing(new TypeError(secret)) }),
        createHttpClient({
          ...options,
          authorization,
          fetch: throwing(new TypeError('fetch failed', { cause: quoting })),
        }),
        createHttpClient(options),
      ];
      const targets = ['a', 'a', 'a', `https://other.example/?access_token=${encodeURIComponent(secret)}`];
      for (const [index, http] of clients.entries()) {
        const shown = everythingOf(await failureOf(http, targets[index]!, {}));
        expect(shown.includes(secret), String(index)).toBe(false);
      }
    }),
    { numRuns: 40 },
  );
});

it('shows no client secret, refresh token or access token after a failed refresh', async () => {
  await using server = await TestServer.start(({ body }, response, index) => {
    sendJson(response, { error: 'invalid_grant', error_description: body }, index % 2 === 0 ? 400 : 500);
  });
  await fc.assert(
    fc.asyncProperty(secretText, secretText, async (clientSecret, refresh) => {
      const recorder = new Recorder();
      const provider = refreshToken({
        tokenUrl: server.url,
        clientId: 'me',
        clientSecret,
        refreshToken: refresh,
        clock: new HastyClock(),
        logger: recorder,
        tracer: recorder,
      });
      const error: unknown = await provider.token().catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'OAUTH_GRANT_INVALID' });
      const shown = everythingOf(error) + everythingOf(recorder.written) + everythingOf(provider);
      expect([shown.includes(clientSecret), shown.includes(refresh)]).toEqual([false, false]);
    }),
    { numRuns: 30 },
  );
});

it.each([
  ['https://x.example/a?access_token=EAAB1234&fields=spend', 'https://x.example/a?access_token=***&fields=spend'],
  [
    'https://s3.example/f?X-Amz-Signature=abcd&X-Amz-Credential=k/1&part=2',
    'https://s3.example/f?X-Amz-Signature=***&X-Amz-Credential=***&part=2',
  ],
  ['https://x.example/a?key=AIza1234&appsecret_proof=00ff', 'https://x.example/a?key=***&appsecret_proof=***'],
  ['https://x.example/a?after=MTIz#token=1', 'https://x.example/a?after=MTIz'],
])('shows %s without its secrets', (url, expected) => {
  expect(new SecretRedactor().url(new URL(url))).toBe(expected);
});

it.each([
  ['Bearer abcdef0123', 'Bearer ***'],
  ['at https://me:word@x.example/', 'at https://***@x.example/'],
  ['"access_token": "EAAB1234", "code": 190', '"access_token": "***", "code": 190'],
  ['refresh_token=1//abc&x=1', 'refresh_token=***&x=1'],
  ['eyJhbGciOiJS.eyJpc3MiOiJ.c2ln and so on', '*** and so on'],
  ['The primary key: id is missing.', 'The primary key: id is missing.'],
])('takes secrets out of %j', (text, expected) => {
  expect(new SecretRedactor().text(text)).toBe(expected);
});

it('leaves no rest of a secret of which another is a part', () => {
  const redactor = new SecretRedactor();
  redactor.add('abcd');
  redactor.add('abcdefgh');
  redactor.add('xyabcd');
  expect(redactor.text('abcdefgh and xyabcd')).toBe('*** and ***');
});
