import { expect, it } from 'vitest';
import { silentLogger, type ApiCallEvent, type LogFields, type SpanAttributes } from '../../src/index.ts';
import { createHttpClient, Pacer } from '../../src/http/index.ts';
import { HastyClock } from './fake-clock.ts';
import { sendJson, TestServer } from './test-server.ts';

it('logs each attempt, and warns of a long wait', async () => {
  const lines: [level: string, message: string, fields: LogFields][] = [];
  const at = (level: string) => (fields: LogFields, message: string) => void lines.push([level, message, fields]);
  const logger = { ...silentLogger, debug: at('debug'), warn: at('warn') };
  await using server = await TestServer.start((_, response, index) => {
    sendJson(response, {}, index === 1 ? 503 : 200, index === 1 ? { 'retry-after': '59' } : {});
  });
  const clock = new HastyClock();
  await createHttpClient({ baseUrl: server.url, clock, random: () => 0.9, logger }).json('a');
  expect(lines.map(([level, message]) => [level, message])).toEqual([
    ['debug', 'request answered'],
    ['debug', 'request is retried'],
    ['debug', 'request answered'],
  ]);
  expect(lines.map(([, , fields]) => fields)).toMatchObject([
    { method: 'GET', url: `${server.url}/a`, status: 503, attempt: 1 },
    { code: 'HTTP_SERVER_FAILED', wait_ms: 59_450 },
    { status: 200, attempt: 2 },
  ]);
});

it('makes one span per request, with its retries and how it ended', async () => {
  const seen: SpanAttributes[] = [];
  const statuses: unknown[] = [];
  let ended = 0;
  const span = {
    setAttributes: (attributes: SpanAttributes) => seen.push(attributes),
    setStatus: (status: unknown) => statuses.push(status),
    recordException: () => undefined,
    end: () => (ended += 1),
  };
  const tracer = {
    startActiveSpan<T>(name: string, options: { attributes?: SpanAttributes }, work: (used: typeof span) => T): T {
      seen.push({ name, ...options.attributes });
      return work(span);
    },
  };
  await using server = await TestServer.start(({ url }, response, index) => {
    sendJson(response, {}, url === '/a' && index > 1 ? 200 : 500);
  });
  const http = createHttpClient({ baseUrl: server.url, clock: new HastyClock(), retry: { attempts: 2 }, tracer });
  await http.json('a');
  await http.json('b').catch(() => undefined);
  expect(seen).toEqual([
    { name: 'etl.request', 'http.request.method': 'GET', 'url.full': `${server.url}/a` },
    { 'http.response.status_code': 200, 'http.request.resend_count': 1 },
    { name: 'etl.request', 'http.request.method': 'GET', 'url.full': `${server.url}/b` },
    { 'http.request.resend_count': 1 },
  ]);
  expect(statuses).toEqual([{ code: 2, message: 'HTTP_SERVER_FAILED' }]);
  expect(ended).toBe(2);
});

it('tells of each call with what the platform says of its quota, and of each wait with its reason', async () => {
  await using server = await TestServer.start((_, response, index) => {
    if (index === 2) response.destroy();
    else sendJson(response, {}, index === 1 ? 500 : 200, { used: index === 3 ? '0.95' : '0.1' });
  });
  const clock = new HastyClock();
  const told: ApiCallEvent[] = [];
  const http = createHttpClient({
    baseUrl: server.url,
    clock,
    random: () => 0.5,
    pacer: new Pacer({ name: 'account 42', clock, longestSpacingMs: 20_000 }),
    readUsage: (headers) => ({ usedRatio: Number(headers.get('used')), regainMs: 3_600_000 }),
    onCall: (event) => told.push(event),
  });
  await http.json('a');
  await http.json('b');
  const quota = { quotaRegainMs: 3_600_000 };
  expect(told).toMatchObject([
    { type: 'call-ended', status: 500, attempt: 1, quotaUsed: 0.1, ...quota },
    { type: 'call-waiting', reason: 'retry', waitMs: 250, about: 'HTTP_SERVER_FAILED' },
    { type: 'call-ended', attempt: 2 },
    { type: 'call-waiting', reason: 'retry', waitMs: 500, about: 'HTTP_CONNECTION_FAILED' },
    { type: 'call-ended', status: 200, attempt: 3, quotaUsed: 0.95, ...quota },
    { type: 'call-waiting', reason: 'quota', about: 'account 42' },
    { type: 'call-ended', status: 200, attempt: 1, quotaUsed: 0.1 },
  ]);
  expect(told[2]).not.toHaveProperty('status');
  expect(told[5]).toMatchObject({ waitMs: expect.closeTo(10_000, -1) });
});
