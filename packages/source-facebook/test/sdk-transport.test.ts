import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sdkTransport } from '../src/sdk-transport.ts';

const TOKEN = 'EAAtest-token-of-nobody';

let server: Server;
let base: string;
let seen: { readonly request: IncomingMessage; readonly body: string }[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  seen = [];
  answer = (_request, response) => response.end('{"data":[]}');
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ request, body });
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const get = (init: RequestInit = {}, path = '/v25.0/act_1/insights?limit=5'): Promise<Response> =>
  sdkTransport(TOKEN)(`${base}${path}`, init);

describe('through the SDK', () => {
  test('it is the SDK that asks, for the version and the address that it is given', async () => {
    const response = await get({ headers: { authorization: `Bearer ${TOKEN}`, accept: 'application/json' } });
    expect(await response.json()).toEqual({ data: [] });
    const [{ request } = { request: undefined }] = seen;
    expect(request?.headers['user-agent']).toMatch(/^fbbizsdk-nodejs-v24/);
    expect(request?.url).toBe('/v25.0/act_1/insights?limit=5');
    expect(request?.headers.authorization).toBe(`Bearer ${TOKEN}`);
    expect(request?.headers.accept).toBe('application/json');
  });

  test('the token is in no URL and in no body', async () => {
    await get();
    await get({ method: 'POST', body: new URLSearchParams({ batch: '[]' }) }, '/v25.0');
    for (const { request, body } of seen) expect(`${request.url}${body}`).not.toContain(TOKEN);
  });

  test('parameters of a POST are sent as the SDK sends them', async () => {
    await get({ method: 'POST', body: new URLSearchParams({ level: 'ad', fields: 'spend' }) });
    expect(seen[0]?.request.method).toBe('POST');
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ level: 'ad', fields: 'spend' });
  });

  test.each([
    [502, '<html>Bad gateway</html>'],
    [503, ''],
    [400, '{"error":"text"}'],
    [400, '{"error":{"code":17,"message":"limit"}}'],
    [200, '{"error":{"code":2}}'],
    [200, '{"data":[{"id":"1"},'],
    [302, ''],
    [204, ''],
  ])('an answer with status %i and the body %s comes as it is, headers included', async (status, body) => {
    answer = (_request, response) => {
      response.writeHead(status, {
        'x-app-usage': '{"call_count":7}',
        ...(status === 302 ? { location: '/elsewhere' } : {}),
      });
      response.end(body);
    };
    const response = await get();
    expect(response.status).toBe(status);
    expect(await response.text()).toBe(body);
    expect(response.headers.get('x-app-usage')).toBe('{"call_count":7}');
    expect(seen).toHaveLength(1);
  });

  test('a compressed body is decompressed, and one that was cut short is no body', async () => {
    const body = gzipSync(JSON.stringify({ data: Array.from({ length: 500 }, (_, id) => ({ id })) }));
    answer = (_request, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end(body);
    };
    expect(((await (await get()).json()) as { data: unknown[] }).data).toHaveLength(500);
    answer = (_request, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end(body.subarray(0, body.length / 2));
    };
    await expect(get().then((response) => response.json())).rejects.toThrow(/./);
  });

  test('a connection that breaks says why', async () => {
    answer = (request) => request.socket.destroy();
    await expect(get()).rejects.toMatchObject({ name: 'TypeError', cause: { code: expect.stringMatching(/^E/) } });
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"data":[');
      setTimeout(() => response.destroy(), 5);
    };
    await expect(get().then((response) => response.text())).rejects.toThrow('fetch failed');
  });

  test('an error holds no token', async () => {
    answer = (request) => request.socket.destroy();
    const error: unknown = await get({ headers: { authorization: `Bearer ${TOKEN}` } }).catch(
      (thrown: unknown) => thrown,
    );
    const { inspect } = await import('node:util');
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(TOKEN);
  });

  test('an abort ends a request with its own reason, before and after the headers', async () => {
    answer = () => undefined;
    const reason = new Error('enough');
    const controller = new AbortController();
    const waiting = get({ signal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    await expect(waiting).rejects.toBe(reason);
    answer = (_request, response) => {
      response.writeHead(200);
      response.write('{');
    };
    const later = new AbortController();
    const reading = get({ signal: later.signal });
    setTimeout(() => later.abort(reason), 50);
    await expect(reading).rejects.toBe(reason);
  });

  test('two callers at the same time get their own answers', async () => {
    answer = (request, response) => {
      const delay = request.url?.includes('first') === true ? 30 : 0;
      setTimeout(() => response.end(JSON.stringify({ url: request.url })), delay);
    };
    const [first, second] = await Promise.all([get({}, '/v25.0/first'), get({}, '/v25.0/second')]);
    expect([await first?.json(), await second?.json()]).toEqual([{ url: '/v25.0/first' }, { url: '/v25.0/second' }]);
  });

  test('whoever else uses the SDK in this process is not touched', async () => {
    await get();
    const require = createRequire(import.meta.url);
    const axios = createRequire(require.resolve('facebook-nodejs-business-sdk'))('axios') as {
      get(url: string): Promise<{ data: unknown }>;
    };
    expect((await axios.get(`${base}/other`)).data).toEqual({ data: [] });
    answer = (_request, response) => response.writeHead(500).end('{}');
    await expect(axios.get(`${base}/other`)).rejects.toMatchObject({ response: { status: 500 } });
  });

  test('no handler of uncaught exceptions is installed', async () => {
    const before = process.listenerCount('uncaughtException');
    await get();
    expect(process.listenerCount('uncaughtException')).toBe(before);
  });
});
