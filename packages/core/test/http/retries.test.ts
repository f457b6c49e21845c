import { expect, it } from 'vitest';
import { EtlError } from '../../src/index.ts';
import { createHttpClient, Pacer, RetryBudget, type HttpOptions } from '../../src/http/index.ts';
import { FakeClock, HastyClock } from './fake-clock.ts';
import { rejection, sendJson, TestServer } from './test-server.ts';

/** Fails with the statuses one after the other, then succeeds. */
const failing = (...statuses: number[]): Promise<TestServer> =>
  TestServer.start((_, response, index) => {
    const status = statuses[index - 1] ?? 200;
    sendJson(response, { attempt: index }, status);
  });

function client(server: TestServer, options: Partial<HttpOptions> = {}): ReturnType<typeof createHttpClient> {
  return createHttpClient({ baseUrl: server.url, clock: new HastyClock(), random: () => 0.5, ...options });
}

it('tries again after failures of the platform, and waits a random part of a doubling time', async () => {
  await using server = await failing(500, 503, 502);
  const clock = new HastyClock();
  expect((await client(server, { clock }).json('a')).body).toEqual({ attempt: 4 });
  expect(clock.waits).toEqual([250, 500, 1000]);
});

it('gives up after its attempts, and tells all of them', async () => {
  await using server = await failing(500, 500, 503, 500);
  const error = await rejection(client(server, { retry: { attempts: 3 } }).json('a'));
  expect(error).toMatchObject({
    code: 'HTTP_SERVER_FAILED',
    kind: 'transient',
    context: { status: 503, attempts: 3, gaveUp: 'attempts' },
  });
  expect((error as EtlError).cause).toBeInstanceOf(AggregateError);
  const { errors } = (error as EtlError).cause as AggregateError;
  expect(errors.map((one: EtlError) => one.context['status'])).toEqual([500, 500, 503]);
  expect(server.requests).toHaveLength(3);
});

it.each([
  [400, 'HTTP_REJECTED', 'config'],
  [401, 'HTTP_UNAUTHORIZED', 'auth'],
  [403, 'HTTP_FORBIDDEN', 'permission'],
  [404, 'HTTP_NOT_FOUND', 'config'],
])('does not try again after %i', async (status, code, kind) => {
  await using server = await failing(status);
  await expect(client(server).json('a')).rejects.toMatchObject({ code, kind, context: { status, attempts: 1 } });
  expect(server.requests).toHaveLength(1);
});

it('waits as long as the platform asks, in seconds or as a date', async () => {
  const clock = new HastyClock();
  await using server = await TestServer.start((_, response, index) => {
    const date = new Date(clock.now() + 7000).toUTCString();
    if (index === 1) sendJson(response, {}, 429, { 'retry-after': '3' });
    else if (index === 2) sendJson(response, {}, 429, { 'retry-after': date });
    else sendJson(response, {});
  });
  await client(server, { clock }).json('a');
  const [first, second] = clock.waits;
  expect(first).toBe(3250);
  // A date has no milliseconds.
  expect(second).toBeGreaterThan(6000);
  expect(second).toBeLessThanOrEqual(7500);
});

it('fails at once when the platform asks to wait for longer than that, and parks all who share the quota', async () => {
  await using server = await TestServer.start((_, response) => {
    sendJson(response, {}, 429, { 'retry-after': '3600' });
  });
  const clock = new HastyClock();
  const pacer = new Pacer({ name: 'act_42', clock });
  const http = client(server, { clock, pacer });
  await expect(http.json('a')).rejects.toMatchObject({
    code: 'HTTP_RATE_LIMITED',
    kind: 'rate-limit',
    retryAfterMs: 3_600_000,
    context: { gaveUp: 'wait too long' },
  });
  await expect(http.json('b')).rejects.toMatchObject({ code: 'HTTP_QUOTA_USED', retryAfterMs: 3_600_000 });
  expect(server.requests).toHaveLength(1);
  expect(clock.waits).toEqual([]);
});

it('does not begin a wait that would end after the deadline', async () => {
  await using server = await TestServer.start((_, response) => {
    sendJson(response, {}, 503, { 'retry-after': '20' });
  });
  const clock = new FakeClock();
  await expect(client(server, { clock }).json('a', { deadline: new Date(clock.now() + 15_000) })).rejects.toMatchObject(
    {
      code: 'HTTP_SERVER_FAILED',
      retryAfterMs: 20_000,
      context: { attempts: 1, gaveUp: 'deadline' },
    },
  );
  await expect(client(server, { clock }).json('a', { deadline: new Date(clock.now()) })).rejects.toMatchObject({
    code: 'HTTP_TIMEOUT',
    context: { phase: 'deadline' },
  });
  expect(clock.pending).toEqual([]);
  expect(server.requests).toHaveLength(1);
});

it('limits all attempts together', async () => {
  await using server = await failing(500, 500, 500, 500, 500, 500);
  const clock = new FakeClock();
  const retry = { attempts: 100, baseMs: 10_000 };
  const failure = rejection(client(server, { clock, retry, timeouts: { totalMs: 60_000 } }).json('a'));
  for (const waitMs of [5000, 10_000, 15_000, 15_000]) {
    await clock.untilTimer(waitMs);
    clock.advance(waitMs);
  }
  expect(await failure).toMatchObject({ code: 'HTTP_SERVER_FAILED', context: { attempts: 5, gaveUp: 'deadline' } });
});

it('takes the client’s limits that a request does not set itself', async () => {
  await using server = await failing(500, 500, 500);
  const clock = new HastyClock();
  const http = client(server, { clock, retry: { attempts: 2, baseMs: 3000 } });
  await expect(http.json('a', { retry: { attempts: 3, baseMs: undefined } })).rejects.toMatchObject({
    context: { attempts: 3 },
  });
  expect(clock.waits).toEqual([1500, 3000]);
});

it('sends what may do something twice again only when it was surely not carried out', async () => {
  const post = { method: 'POST', json: {} };
  await using broken = await failing(500);
  await expect(client(broken).json('a', post)).rejects.toMatchObject({ context: { gaveUp: 'not retryable' } });
  await using limited = await failing(429);
  expect((await client(limited).json('a', post)).body).toEqual({ attempt: 2 });
  await using report = await failing(500);
  expect((await client(report).json('a', { ...post, isIdempotent: true })).body).toEqual({ attempt: 2 });
});

it('tries again when nobody listens, whatever the method', async () => {
  const server = await failing();
  const baseUrl = server.url;
  await server[Symbol.asyncDispose]();
  const http = createHttpClient({ baseUrl, clock: new HastyClock() });
  await expect(http.json('a', { method: 'POST' })).rejects.toMatchObject({
    code: 'HTTP_CONNECTION_FAILED',
    kind: 'transient',
    context: { reason: 'ECONNREFUSED', attempts: 4 },
  });
});

it('does not try again a server whose certificate is not trusted', async () => {
  const cause = Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  const http = createHttpClient({
    baseUrl: 'https://api.example.com',
    fetch: () => Promise.reject(new TypeError('fetch failed', { cause })),
  });
  await expect(http.json('a')).rejects.toMatchObject({
    code: 'HTTP_CERTIFICATE_UNTRUSTED',
    kind: 'config',
    context: { attempts: 1 },
  });
});

it('tries again when the connection is reset in the middle of a body', async () => {
  await using server = await TestServer.start((_, response, index) => {
    if (index > 1) return sendJson(response, { whole: true });
    response.writeHead(200, { 'content-length': '1000' });
    response.write('{"whole": fal', () => response.socket?.resetAndDestroy());
  });
  expect((await client(server).json('a')).body).toEqual({ whole: true });
  expect(server.requests).toHaveLength(2);
});

it('tries again when a chunked body or one of known length ends too early', async () => {
  await using server = await TestServer.start((_, response, index) => {
    if (index > 2) return sendJson(response, [1, 2, 3]);
    response.writeHead(200, index === 1 ? {} : { 'content-length': '7' });
    response.write('[1,2]', () => response.socket?.end());
  });
  expect((await client(server).json('a')).body).toEqual([1, 2, 3]);
  expect(server.requests).toHaveLength(3);
});

it('lets the platform’s own error codes decide, also with status 200', async () => {
  await using server = await TestServer.start((_, response, index) => {
    if (index === 1) sendJson(response, { error: { code: 2, message: 'Service temporarily unavailable' } }, 400);
    else if (index === 2) sendJson(response, { error: { code: 17 } });
    else sendJson(response, { error: { code: 190 } }, 400);
  });
  const http = client(server, {
    classify({ json, url }) {
      const { error } = Object(json) as { error?: { code: number } };
      if (error === undefined) return undefined;
      const kind = ({ 2: 'transient', 17: 'rate-limit', 190: 'auth' } as const)[error.code] ?? 'config';
      return new EtlError({ code: `PLATFORM_${error.code}`, kind, message: `${url} failed.` });
    },
  });
  await expect(http.json('a')).rejects.toMatchObject({ code: 'PLATFORM_190', kind: 'auth', context: { attempts: 3 } });
});

it('waits as asked also when the platform’s own codes decide', async () => {
  await using server = await TestServer.start((_, response, index) => {
    if (index === 1) sendJson(response, { error: 'busy' }, 503, { 'retry-after': '9' });
    else sendJson(response, {});
  });
  const clock = new HastyClock();
  const classify = ({ status }: { status: number }): EtlError | undefined =>
    status === 503 ? new EtlError({ code: 'PLATFORM_BUSY', kind: 'transient', message: 'Busy.' }) : undefined;
  await client(server, { clock, classify }).json('a');
  expect(clock.waits).toEqual([9250]);
});

it('lets a call decide what is worth another try', async () => {
  await using server = await failing(404, 500);
  const isRetryable = (error: EtlError): boolean | undefined => (error.context['status'] === 404 ? true : undefined);
  expect((await client(server).json('late-report', { isRetryable })).body).toEqual({ attempt: 3 });
  await using heavy = await failing(500);
  await expect(client(heavy).json('a', { isRetryable: () => false })).rejects.toMatchObject({
    context: { attempts: 1 },
  });
});

it('stops retrying for all requests when most of them fail', async () => {
  await using server = await TestServer.start((_, response) => {
    sendJson(response, {}, 500);
  });
  const http = client(server, { retryBudget: new RetryBudget(4, 0.1) });
  await expect(http.json('a')).rejects.toMatchObject({ context: { attempts: 4 } });
  await expect(http.json('b')).rejects.toMatchObject({ context: { attempts: 2, gaveUp: 'retry budget' } });
  await expect(http.json('c')).rejects.toMatchObject({ context: { attempts: 1, gaveUp: 'retry budget' } });
});

it('throws the reason of an abort as it is: before, during and between attempts', async () => {
  const reason = new Error('stopped by the user');
  await using silent = await TestServer.start(() => undefined);
  const before = AbortSignal.abort(reason);
  expect(await rejection(client(silent).json('a', { signal: before }))).toBe(reason);
  expect(silent.requests).toHaveLength(0);

  const during = new AbortController();
  const hanging = rejection(client(silent).json('a', { signal: during.signal }));
  await silent.untilRequests(1);
  during.abort(reason);
  expect(await hanging).toBe(reason);

  await using refusing = await TestServer.start((_, response) => {
    response.writeHead(400).write('{"error":');
  });
  const reading = new AbortController();
  const half = rejection(
    client(refusing, {
      signal: reading.signal,
      readUsage: () => {
        setImmediate(() => {
          reading.abort(reason);
        });
        return undefined;
      },
    }).json('a'),
  );
  expect(await half).toBe(reason);

  await using broken = await failing(500, 500);
  const clock = new FakeClock();
  const between = new AbortController();
  const waiting = rejection(client(broken, { clock }).json('a', { signal: between.signal }));
  await clock.untilTimer(250);
  between.abort(reason);
  expect(await waiting).toBe(reason);
  expect(broken.requests).toHaveLength(1);
  expect(clock.pending).toEqual([]);
});

it('sends nothing when the abort comes while it waits for its credentials or its place', async () => {
  const reason = new Error('stopped by the user');
  await using server = await failing();
  const first = new AbortController();
  const authorization = {
    headers: () => {
      first.abort(reason);
      return Promise.resolve({});
    },
  };
  const occupied = new Pacer({ name: 'app', concurrency: 1 });
  await occupied.acquire();
  const waiting = client(server, { authorization, pacer: occupied }).json('a', { signal: first.signal });
  expect(await rejection(waiting)).toBe(reason);

  const second = new AbortController();
  class LatePacer extends Pacer {
    override async acquire(): Promise<() => void> {
      const leave = await super.acquire();
      second.abort(reason);
      return leave;
    }
  }
  const pacer = new LatePacer({ name: 'app', concurrency: 1 });
  expect(await rejection(client(server, { pacer }).json('a', { signal: second.signal }))).toBe(reason);
  (await pacer.acquire())();
  expect(server.requests).toHaveLength(0);
});
