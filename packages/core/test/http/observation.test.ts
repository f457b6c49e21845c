import { expect, it } from 'vitest';
import { silentLogger, type LogFields, type SpanAttributes } from '../../src/index.ts';
import { createHttpClient } from '../../src/http/index.ts';
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
